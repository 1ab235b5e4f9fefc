import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { environment } from "../../src/config.ts";
import { makeClone } from "./live-service.ts";

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

describe("the README's walk through the main job", () => {
  const clone = makeClone();
  afterAll(() => clone.remove());

  it("works when pasted", async () => {
    const { origin } = await clone.start();
    const [, walk = ""] = /```sh\n(API=.*?)```/s.exec(readme) ?? [];
    const script = walk.replace("http://localhost:8787", origin);
    const output = execFileSync("bash", ["-e"], { input: script, encoding: "utf8", timeout: 60_000 });
    const answers = [
      '{"status":"verification_required"}',
      '{"status":"verified"}',
      '"token_type":"Bearer"',
      '"email":"ada@example.com"',
      '"code":"invalid_access_token"',
    ];
    const positions = answers.map((answer) => output.indexOf(answer));
    expect(
      positions.every((position) => position >= 0),
      output,
    ).toBe(true);
    expect(positions).toEqual(positions.toSorted((left, right) => left - right));
  });
});
