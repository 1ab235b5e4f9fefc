/** Writes the generated tables of a documentation page, between `<!-- table: name -->` and `<!-- end -->`. */

export const table = (rows: (string | number)[][]) => rows.map((row) => `| ${row.join(" | ")} |`).join("\n");

/** The page with up-to-date tables. */
export function fillTables(page: string, sections: Readonly<Record<string, () => string>>): string {
  return page.replaceAll(
    /(<!-- table: (\w+) -->\n)(?:(?!<!-- end -->).)*(<!-- end -->)/gs,
    (_whole, begin: string, name: string, end: string) => `${begin}\n${sections[name]?.() ?? ""}\n\n${end}`,
  );
}
