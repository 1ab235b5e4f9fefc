/** Compares docs/storage.md with the code: the page lists everything that is stored, and nothing else. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { getTableName, is } from "drizzle-orm";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import { describe, expect, it } from "vitest";
import { environment } from "../../src/config/config.ts";
import { LIMIT_RULES } from "../../src/config/limit-rules.ts";
import * as schema from "../../src/db/schema.ts";
import { revocationKey } from "../../src/sessions/revocation-record.ts";
import { readPage } from "./markdown.ts";

const page = readPage("docs/storage.md");
const configuration = readPage("wrangler.toml");
const sources = globSync("src/**/*.ts").map((path) => ({ path: path.replaceAll("\\", "/"), text: readPage(path) }));

/** The cells of each row of a section's tables, without the headings of the columns. */
function rowsOf(heading: string): string[][] {
  const [, section = ""] = page.split(`\n${heading}\n`);
  const [own = ""] = section.split(/^#/m);
  const lines = own.match(/^\| .+ \|$/gm) ?? [];
  return lines.slice(1).map((line) => line.slice(2, -2).split(" | "));
}

const firstWords = (heading: string) => rowsOf(heading).map(([cell = ""]) => /`([^`]+)`/.exec(cell)?.[1]);

const matchesOf = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name = ""]) => name);

const importedBy = ({ path, text }: { path: string; text: string }) =>
  matchesOf(text, /^import \{[^}]*\} from "(\.[^"]+)";$/gm).map((from) =>
    normalize(join(dirname(path), from)).replaceAll("\\", "/"),
  );

/**
 * The file of a Durable Object class, and all files that it imports, also indirectly. They store what the object
 * stores.
 */
function filesOfClass(name: string) {
  const own = sources.find(({ text }) => text.includes(`export class ${name} extends DurableObject`));
  if (own === undefined) throw new Error(`No file has the class ${name}.`);
  const paths = new Set([own.path]);
  // The loop also visits the files that it adds to the set.
  for (const path of paths) {
    for (const file of sources) if (file.path === path) for (const imported of importedBy(file)) paths.add(imported);
  }
  return sources.filter(({ path }) => paths.has(path));
}

/** What an object stores, in the words of the page: its tables and its keys. */
function storedBy(name: string): string[] {
  return filesOfClass(name).flatMap(({ text }) => {
    const tables = matchesOf(text, /CREATE TABLE (?:IF NOT EXISTS )?(\w+)/g);
    const writes = matchesOf(text, /(?:\.kv|#kept|#storage|\bstorage)\.put(?:<\w+>)?\(([^,]+),/g);
    const keys = writes.map((written) => {
      const [constant, id] = written.split(" + ");
      const value = new RegExp(`^const ${constant} = "([\\w:]+)";$`, "m").exec(text)?.[1];
      // The caller chooses these keys, so the page lists the variable's name and describes the keys.
      if (value === undefined) return `keys \`${written}\``;
      return id === undefined ? `key \`${value}\`` : `keys \`${value}\` and an id`;
    });
    return [...tables.map((table) => `table \`${table}\``), ...keys];
  });
}

const classes = matchesOf(configuration, /class_name = "(\w+)"/g);

describe("the page of what is stored", () => {
  it("lists every table of D1 once, in the order of the schema", () => {
    const tables = Object.values(schema).flatMap((value) => (is(value, SQLiteTable) ? [getTableName(value)] : []));
    expect(firstWords("## D1")).toEqual(tables);
  });

  it("names every task of the cron job, as what deletes something", () => {
    const tasksFile = readPage("src/cron-tasks.ts");
    const [, list = ""] = /const TASKS.*?\{\n(.*?)\n\};/s.exec(tasksFile) ?? [];
    const deletesNothing = ["reseal_signing_keys", "reseal_factor_keys", "offer_first_superuser"];
    const tasks = matchesOf(list, /^ {2}(?:async )?(\w+)[:(]/gm).filter((task) => !deletesNothing.includes(task));
    const named = rowsOf("## D1").flatMap(([, , , deletedBy = ""]) => matchesOf(deletedBy, /`(\w+)`/g));
    expect([...new Set(named)].toSorted()).toEqual(tasks.toSorted());
  });

  it("has a section for every class of objects", () => {
    expect(matchesOf(page, /^### `(\w+)`$/gm)).toEqual(classes);
  });

  it.each(classes)("lists every table and every key of an object once: %s", (name) => {
    const listed = rowsOf(`### \`${name}\``).map(([cell]) => cell);
    expect(listed.toSorted()).toEqual([...new Set(storedBy(name))].toSorted());
    expect(listed.length).toBeGreaterThan(0);
  });

  // The one Metrics object has one row, and is never empty.
  it.each(classes.filter((name) => name !== "Metrics"))(
    "is right that an object empties itself from an alarm: %s",
    (name) => {
      const text = filesOfClass(name).find((file) => file.text.includes(`class ${name} `))?.text ?? "";
      const [, alarm = ""] = text.split("async alarm(): Promise<void> {");
      expect(alarm.slice(0, alarm.indexOf("\n  }\n"))).toContain("storage.deleteAll()");
    },
  );

  it("lists every key of KV, and is right that each expires", () => {
    const namespaces = matchesOf(configuration, /\[\[kv_namespaces\]\]\nbinding = "(\w+)"/g);
    expect(rowsOf("## KV").map(([cell]) => cell)).toEqual(
      namespaces.map((namespace) => `\`${revocationKey("<user id>")}\` in \`${namespace}\``),
    );
    const writing = sources.filter(({ text }) => /KVNamespace/.test(text) && /(?<!storage\.)\bkv\.put\(/.test(text));
    expect(writing.map(({ path }) => path)).toEqual(["src/sessions/revocation-record.ts"]);
    const written = writing.flatMap(({ text }) => text.split(/\bkv\.put\(/).slice(1));
    for (const call of written) expect(call.slice(0, call.indexOf(");"))).toContain("expirationTtl");
  });

  it("lists every queue once", () => {
    const queues = matchesOf(configuration, /^(?:dead_letter_)?queue = "([\w-]+)"/gm);
    expect(firstWords("## Queues").toSorted()).toEqual([...new Set(queues)].toSorted());
  });

  it("names only variables and limits that exist", () => {
    const tables = [...page.matchAll(/^\| .+ \|$/gm)].join("\n");
    const variables = matchesOf(tables, /`([A-Z]+_[A-Z_]+)`/g);
    const known = [...Object.keys(environment.shape), "REVOCATIONS"];
    expect(variables.filter((name) => !known.includes(name))).toEqual([]);
    const limits = matchesOf(page, /`([a-z]+Per[A-Z]\w+)`/g);
    expect(limits.filter((name) => !Object.hasOwn(LIMIT_RULES, name))).toEqual([]);
    expect([...variables, ...limits].length).toBeGreaterThan(20);
  });

  it("names only indexes that exist", () => {
    const migrations = globSync("migrations/*.sql").map((path) => readFileSync(path, "utf8"));
    const indexes = matchesOf(page, /`((?:users|audit_events|registrations)_\w+)`/g);
    for (const index of indexes) expect(migrations.join("\n"), index).toContain(`\`${index}\``);
    expect(indexes.length).toBeGreaterThan(3);
  });
});
