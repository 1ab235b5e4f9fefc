import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { environment } from "../../src/config.ts";

const readme = readFileSync("README.md", "utf8");
const rows = [...readme.matchAll(/^\| `(\w+)`( \*)? \| (.*) \| (.*) \|$/gm)].map(
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
