import { globSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PERMISSIONS, type Permission, STANDINGS, type Standing } from "../../src/access/permissions.ts";
import { environment } from "../../src/config/config.ts";
import { LIMIT_RULES } from "../../src/config/limit-rules.ts";
import { fieldErrors } from "../../src/http/field-errors.ts";
import { PROBLEMS, problemType } from "../../src/http/problems.ts";
import { FAULT_CODES } from "../../src/passwords/faults.ts";
import { HOUR, MINUTE, SECOND } from "../../src/platform/clock.ts";

const configuration = readFileSync("docs/configuration.md", "utf8");
const rows = [...configuration.matchAll(/^\| `([A-Z][A-Z0-9_]*)`( \*)? \| (.*) \| (.*) \|$/gm)].map(
  ([, name = "", secret, preset = "", says = ""]) => ({
    name,
    secret: secret !== undefined,
    preset,
    says: says.replaceAll("&lt;", "<").replaceAll("&gt;", ">"),
  }),
);

describe("the table of variables", () => {
  it("lists every variable once, in the order of the schema", () => {
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(environment.shape));
  });

  it.each(Object.entries(environment.shape))(
    "says of %s what its default is and what a wrong value says",
    (name, schema) => {
      const row = rows.find((candidate) => candidate.name === name);
      const preset = schema.safeParse(undefined).data;
      if (typeof preset === "number" || typeof preset === "string")
        expect(row?.preset).toMatch(new RegExp(`^\`${preset}\``));
      const issue = schema.safeParse("?!").error?.issues[0];
      if (issue !== undefined) expect(row?.says).toContain(issue.message.split(":")[0]);
    },
  );

  it("marks the secrets", () => {
    const secret = /SECRET|PASSWORD$|API_KEY|METRICS_TOKEN/;
    for (const row of rows) expect(row.secret, row.name).toBe(secret.test(row.name));
  });
});

describe("the layout", () => {
  it("lists every folder of the sources", () => {
    const page = readFileSync("docs/how-it-works.md", "utf8");
    const folders = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of folders) expect(page).toMatch(new RegExp(`^  (\\w+/ )?${name}/ `, "m"));
  });
});

describe("the table of limits", () => {
  it("lists every limit once, with its default, in the order of the rules", () => {
    const units = [
      ["hour", HOUR],
      ["minute", MINUTE],
      ["second", SECOND],
    ] as const;
    const written = (window: number) => {
      const [unit, length] = units.find(([, candidate]) => window % candidate === 0) ?? ["millisecond", 1];
      return `${window / length} ${unit}${window === length ? "" : "s"}`;
    };
    const expected = Object.entries(LIMIT_RULES).map(([name, { budget, window }]) => [
      name,
      `${budget} in ${written(window)}`,
    ]);
    const [, table = ""] = /\| Limit \| Default \| What it counts \|\n(.*?)\n\n/s.exec(configuration) ?? [];
    const listed = [...table.matchAll(/^\| `(\w+)` \| (.+?) \| .+ \|$/gm)].map(([, name, preset]) => [name, preset]);
    expect(listed).toEqual(expected);
  });
});

describe("the table of roles", () => {
  it("is the permission table", () => {
    const cell = (targets: readonly Standing[]) => {
      if (targets.length === STANDINGS.length) return "everyone";
      return targets.length === 0 ? "–" : targets.map((standing) => `${standing}s`).join(", ");
    };
    const rows = Object.keys(PERMISSIONS).map((permission) => {
      const grants: Partial<Record<Standing, readonly Standing[]>> = PERMISSIONS[permission as Permission];
      return `| \`${permission}\` | ${STANDINGS.map((standing) => cell(grants[standing] ?? [])).join(" | ")} |`;
    });
    expect(readFileSync("docs/accounts.md", "utf8")).toContain(
      [`| Permission | ${STANDINGS.join(" | ")} |`, "|---|---|---|---|---|", ...rows].join("\n"),
    );
  });
});

describe("the variables of theme.css", () => {
  const namesIn = (text: string, pattern: RegExp) => new Set([...text.matchAll(pattern)].map(([, name = ""]) => name));

  it("are all that the pages have, but for the shadow of cards and the typeface of code, and the pages use each", () => {
    const pages = readFileSync("public/static/postern.css", "utf8");
    const [list = ""] = readFileSync("public/static/theme.css", "utf8").split(":root");
    const listed = namesIn(list, /(--[a-z-]+)/g);
    expect([...listed, "--font-code", "--shadow"].toSorted()).toEqual([...namesIn(pages, /(--[\w-]+):/g)].toSorted());
    for (const name of listed) expect(pages, name).toContain(`var(${name})`);
  });
});

describe("the page of errors", () => {
  const page = readFileSync("docs/errors.md", "utf8");
  const [, codes = "", fields = ""] = page.split(/^## .*$/m);

  it("lists every code once, with its status and title, in the order of the problems", () => {
    const listed = [...codes.matchAll(/^\| `(\w+)` \| (\d+) \| (.+?) \| .+ \|$/gm)].map(([, ...cells]) => cells);
    expect(listed).toEqual(Object.entries(PROBLEMS).map(([code, { status, title }]) => [code, String(status), title]));
  });

  it("lists every code of a field once", () => {
    const listed = [...fields.matchAll(/^\| `(\w+)` \| .+ \|$/gm)].map(([, code = ""]) => code);
    // The codes that the sources contain as strings. Leaves out src/commands: an import reports its codes in a file.
    const sources = globSync("src/{features,http,platform,users}/**/*.ts").map((path) => readFileSync(path, "utf8"));
    const written = sources.flatMap((text) =>
      [...text.matchAll(/\bcode: "(\w+)"(?=,\s+message\b)|params: \{ code: "(\w+)" \}/g)].map(
        ([, code, ofIssue]) => code ?? ofIssue ?? "",
      ),
    );
    const inTable = /const CODES.*?\{(.*?)\}/s.exec(readFileSync("src/http/field-errors.ts", "utf8"))?.[1] ?? "";
    const translated = [...inTable.matchAll(/"(\w+)"/g)].map(([, code = ""]) => code);
    const known = new Set([...FAULT_CODES, ...written, ...translated]);
    known.delete("custom");
    expect(listed.toSorted()).toEqual([...known].sort());
  });

  it("shows a problem document as the service writes it", () => {
    const [, json = ""] = /```json\n(.*?)```/s.exec(page) ?? [];
    const { request_id, ...shown } = JSON.parse(json);
    const code = "validation_failed";
    const errors = fieldErrors([{ code: "invalid_type", expected: "string", path: ["username"], message: "" }], {});
    expect(shown).toEqual({ type: problemType(code), ...PROBLEMS[code], code, errors });
    expect(request_id).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("the table of verification errors", () => {
  it("lists every code once, in the order of the sources", () => {
    const source = readFileSync("src/verify/errors.ts", "utf8");
    const [, messages = ""] = /const MESSAGES.*?\{\n(.*?)\n\};/s.exec(source) ?? [];
    const codes = [...messages.matchAll(/^ {2}(\w+):/gm)].map(([, code]) => code);
    const page = readFileSync("docs/quick-start-worker.md", "utf8");
    const [, table = ""] = /\| `code` of a `VerificationError`.*?\n(.*?)\n\n/s.exec(page) ?? [];
    const rows = [...table.matchAll(/^\| `(\w+)` \| .+ \| (yes|no) \|$/gm)];
    expect(rows.map(([, code]) => code)).toEqual(codes);
    for (const [, code = "", temporary] of rows) {
      expect(temporary, code).toBe(code.endsWith("_unavailable") ? "yes" : "no");
    }
  });
});
