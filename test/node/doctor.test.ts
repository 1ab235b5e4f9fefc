/** `npm run doctor` as a user runs it, on a running service. */

import { execFile } from "node:child_process";
import { copyFileSync, globSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { openD1 } from "../../src/commands/d1.ts";
import { CHECKS } from "../../src/commands/doctor/checks.ts";
import { doctor } from "../../src/commands/doctor.ts";
import type { Place } from "../../src/commands/flags.ts";
import { here } from "../../src/commands/surroundings.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { examine, reportSchema } from "./doctoring.ts";
import { newPerson, register } from "./live-person.ts";
import { useService } from "./live-service.ts";
import { freePort } from "./loopback.ts";
import { readPage } from "./markdown.ts";
import { AS_SCRIPT, plainEnvironment, runProgram } from "./run-program.ts";
import { makeTree } from "./stand-in.ts";
import { TREE } from "./tree-files.ts";

// Not the shared service: while these tests write to its database, it would answer other tests with 503.
const service = useService(["RATE_LIMITING:off", "EMAIL_LOGIN:on"]);

/** Runs the command as a program, in the copy of the tree in which the service runs. */
function runAlone(flags: string[], more: NodeJS.ProcessEnv = {}) {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = plainEnvironment();
  const script = join(dirname(service.state), "src/commands/doctor.ts");
  return runProgram(process.execPath, [...AS_SCRIPT, script, ...flags], { env: { ...env, ...more } });
}

/** Runs the command in this process, so that it counts for the coverage. */
async function run(flags: string[], more: NodeJS.ProcessEnv = {}) {
  const root = dirname(service.state);
  let output = "";
  const say = (text: string) => {
    output += text;
  };
  const world = { ...here(), root, say, complain: say, openD1: (place: Place) => openD1(place, root) };
  const env = { ...plainEnvironment(), ...more };
  const code = await doctor(flags, world, { clock: systemClock, random: systemRandom, env });
  return { code, output };
}

function count(sql: string) {
  const [file = ""] = globSync(join(service.state, "v3/d1/*/*.sqlite")).filter((path) => !path.includes("metadata"));
  const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
  const rows = database.prepare(sql).all();
  database.close();
  return rows.length;
}

describe("npm run doctor", () => {
  it("finds nothing wrong with a service that runs, makes one document of it, and deletes its account again", async () => {
    const port = new URL(service.origin).port;
    // Other test files use the service too. Work that they left more than ten minutes ago would be a failure, so run
    // the cron job first.
    expect((await fetch(`${service.origin}/cdn-cgi/handler/scheduled`)).status).toBe(200);
    const { code, output } = await run(["--json", "--port", port, "--persist-to", service.state]);
    const report = reportSchema.parse(JSON.parse(output));
    expect([code, report.target, report.findings.filter(({ status }) => status === "failed")]).toEqual([
      0,
      { kind: "local", url: service.origin },
      [],
    ]);
    expect([...new Set(report.findings.map(({ check }) => check))]).toEqual(CHECKS.map(({ name }) => name));
    const fine = report.findings.filter(({ status }) => status === "ok").map(({ check }) => check);
    expect(fine).toEqual(
      expect.arrayContaining([
        "configuration",
        "bindings",
        "service",
        "readiness",
        "migrations",
        "clock",
        "signing-keys",
        "email-transport",
        "round-trip",
      ]),
    );
    expect(count("SELECT 1 FROM users WHERE username LIKE 'doctor-%'")).toBe(0);
  });

  it("asks a service by its address alone, in color where it is wanted", async () => {
    const { email } = newPerson();
    const { code, output } = await runAlone(["--url", service.origin, "--mail", email], { FORCE_COLOR: "1" });
    expect(code, output).toBe(0);
    expect(output).toContain("\u001b[32mok");
    expect(output).toMatch(new RegExp(`email-arrival +The email to ${email} is in the outbox`));
    expect(output).toMatch(/round-trip +Registering, the emailed link, login, .* work/);
  });

  it("walks from login to logout with a test account, and says which part it left out", async () => {
    const { email, password } = await register(service.origin);
    const given = { env: { DOCTOR_EMAIL: email, DOCTOR_PASSWORD: password } };
    expect((await examine("round-trip", ["--url", service.origin], makeTree(), given)).lines).toEqual([
      expect.stringMatching(/^ok: Login, refresh, .* logout work/),
      expect.stringMatching(/^skipped: Registering .* not checked/),
    ]);
    const wrong = { env: { DOCTOR_EMAIL: email, DOCTOR_PASSWORD: "not this password" } };
    const { code, lines } = await examine("round-trip", ["--url", service.origin], makeTree(), wrong);
    expect([code, lines]).toEqual([
      1,
      [expect.stringMatching(/^failed: Logging in answered 401 \(invalid_credentials\)\. → Check DOCTOR_EMAIL/)],
    ]);
    expect(lines.join()).not.toContain("not this password");
  });

  it("makes the throw-away account of a deployed service in its database, and deletes it again", async () => {
    const { DB, dispose } = await openD1({ remote: false, persistTo: service.state }, TREE);
    onTestFinished(dispose);
    const tree = makeTree(undefined, [], { DB });
    copyFileSync(join(TREE, "wrangler.toml"), join(tree.root, "wrangler.toml"));
    const { lines } = await examine("round-trip", ["--remote", "--env", "staging", "--url", service.origin], tree);
    expect(lines).toEqual([
      expect.stringMatching(/^ok: Login, .* deleted/),
      expect.stringMatching(/^skipped: Registering /),
    ]);
    expect(tree.places).toEqual([{ remote: true, persistTo: undefined, environment: "staging" }]);
    expect(count("SELECT 1 FROM users WHERE email LIKE '%.invalid'")).toBe(0);
  });

  it("writes nothing but the document to standard output, even if Cloudflare can't be reached", async () => {
    const unreachable = {
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${await freePort()}/client/v4`,
      CLOUDFLARE_API_TOKEN: "a-token-of-nobody",
      CLOUDFLARE_ACCOUNT_ID: "0123456789abcdef0123456789abcdef",
      CI: "1",
    };
    const script = join(dirname(service.state), "src/commands/doctor.ts");
    const env = { ...plainEnvironment(), ...unreachable };
    const { stdout, code } = await new Promise<{ stdout: string; code: unknown }>((done) =>
      execFile(process.execPath, [...AS_SCRIPT, script, "--remote", "--json"], { env }, (error, stdout) =>
        done({ stdout, code: error?.code ?? 0 }),
      ),
    );
    expect(code).toBe(1);
    const { findings } = reportSchema.parse(JSON.parse(stdout));
    expect(findings).toContainEqual(expect.objectContaining({ check: "migrations", status: "failed" }));
    expect(stdout).not.toContain("a-token-of-nobody");
  });

  it.each([
    [["--env", "staging"], "--env names"],
    [["--port", "0"], "--port takes"],
    [["--url", "auth.example.com"], "--url takes"],
    [["--url", "https://auth.example.com/login"], "--url takes"],
    [["--mail", "nobody"], "--mail takes"],
    [["--port", "8787", "--remote"], "--port is for"],
    [["--volume", "x"], "--volume goes with --url"],
    [["--persist-to", "x", "--url", "https://auth.example.com"], "--persist-to names"],
    [["--loud"], "--loud"],
  ])("refuses %j with exit code 2", async (argv, words) => {
    const tree = makeTree();
    expect(await doctor(argv, tree)).toBe(2);
    expect(tree.complained()).toContain(words);
  });

  it("prints one plain line for a finding, and one for what to do", async () => {
    const tree = makeTree();
    const checks = CHECKS.filter(({ name }) => name === "migrations");
    expect(await doctor([], tree, undefined, checks)).toBe(0);
    expect(tree.said()).toMatch(
      /^skipped {2}migrations {7}There is no local database .*\n {26}→ `npm run dev` makes it\..*\n\n1 skipped\.\n$/,
    );
  });

  it("has a row for each check in docs/doctor.md", () => {
    const rows = [...readPage("docs/doctor.md").matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name);
    expect(rows).toEqual(CHECKS.map(({ name }) => name));
  });
});
