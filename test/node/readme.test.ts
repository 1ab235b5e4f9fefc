import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { PERMISSIONS, type Permission, STANDINGS, type Standing } from "../../src/access/permissions.ts";
import { environment } from "../../src/config.ts";
import { LIMIT_RULES } from "../../src/limits/rules.ts";
import { HOUR, MINUTE, SECOND } from "../../src/platform/clock.ts";
import { makeClone, plainEnvironment } from "./live-service.ts";

const readme = readFileSync("README.md", "utf8");
const rows = [...readme.matchAll(/^\| `([A-Z][A-Z0-9_]*)`( \*)? \| (.*) \| (.*) \|$/gm)].map(
  ([, name = "", secret, preset = "", says = ""]) => ({
    name,
    secret: secret !== undefined,
    preset,
    says: says.replaceAll("&lt;", "<").replaceAll("&gt;", ">"),
  }),
);

describe("the README's configuration table", () => {
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
    const secret = /SECRET|PASSWORD$|API_KEY/;
    for (const row of rows) expect(row.secret, row.name).toBe(secret.test(row.name));
  });
});

describe("the README", () => {
  it("lists every folder of the sources", () => {
    const folders = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of folders) expect(readme).toMatch(new RegExp(`^  (\\w+/ )?${name}/ `, "m"));
  });
});

describe("the README's table of limits", () => {
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
    const [, table = ""] = /\| Limit \| Default \| What it counts \|\n(.*?)\n\n/s.exec(readme) ?? [];
    const listed = [...table.matchAll(/^\| `(\w+)` \| (.+?) \| .+ \|$/gm)].map(([, name, preset]) => [name, preset]);
    expect(listed).toEqual(expected);
  });
});

describe("the README's table of roles", () => {
  it("is the permission table", () => {
    const cell = (targets: readonly Standing[]) => {
      if (targets.length === STANDINGS.length) return "everybody";
      return targets.length === 0 ? "–" : targets.map((standing) => `${standing}s`).join(", ");
    };
    const rows = Object.keys(PERMISSIONS).map((permission) => {
      const grants: Partial<Record<Standing, readonly Standing[]>> = PERMISSIONS[permission as Permission];
      return `| \`${permission}\` | ${STANDINGS.map((standing) => cell(grants[standing] ?? [])).join(" | ")} |`;
    });
    expect(readme).toContain(
      [`| Permission | ${STANDINGS.join(" | ")} |`, "|---|---|---|---|---|", ...rows].join("\n"),
    );
  });
});

describe("the README's walk through the main job", () => {
  const clone = makeClone();
  afterAll(() => clone.remove());

  /** Every block of shell commands that follows this one, in order. */
  const [, main = ""] = /```sh\n(API=.*?)```/s.exec(readme) ?? [];
  const [, account = ""] = /## Your account, in curl.*?```sh\n(.*?)```/s.exec(readme) ?? [];
  const [, operator = ""] = /## Running the place, in curl.*?```sh\n(.*?)```/s.exec(readme) ?? [];
  const [, migration = ""] = /## Users of another service.*?```sh\n(.*?)```/s.exec(readme) ?? [];

  it("works when pasted, one after the other", async () => {
    const { origin, state } = await clone.start();
    const script = [main, account, operator, migration]
      .join("\n")
      .replace("http://localhost:8787", origin)
      .replaceAll(/npm run (admin:create|users:import) --/g, `npm run $1 -- --persist-to ${state}`);
    const shell = { cwd: clone.folder, env: plainEnvironment(), timeout: 120_000 };
    const output = execFileSync("bash", ["-e"], { ...shell, input: script, encoding: "utf8" });
    const answers = [
      '{"status":"verification_required"}',
      '{"status":"verified"}',
      '"token_type":"Bearer"',
      '"email":"ada@example.com"',
      '"code":"invalid_access_token"',
      '"first_name":"Ada"',
      '"current":true',
      '{"status":"confirmation_required"}',
      '{"status":"confirmed"}',
      '"type":"login_succeeded"',
      '"exported_at"',
      '{"status":"accepted"}',
      "204",
      '"username":"bob"',
      '"role":"moderator"',
      '"is_active":false',
      '"expires_at"',
      '{"status":"verified"}',
      '"old":"user","new":"moderator"',
      "2 lines: 1 user imported, 1 line refused.",
      '"code":"unusable_hash"',
      '"username":"carol"',
    ];
    let position = 0;
    for (const answer of answers) {
      position = output.indexOf(answer, position);
      expect(position, `${answer} in\n${output}`).toBeGreaterThanOrEqual(0);
    }
  });
});
