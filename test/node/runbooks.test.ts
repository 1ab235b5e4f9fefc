/** Checks the form of the runbooks, and runs their commands against a local service instead of a deployed one. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { eventually } from "../support/eventually.ts";
import { logIn, newPerson, type Person, post, readMe, register, type Tokens } from "./live-person.ts";
import { changeDatabase, type Service, useClone } from "./live-service.ts";
import { RUNBOOKS, readBlocks, readPage } from "./markdown.ts";
import { plainEnvironment } from "./run-program.ts";

const OPENSSL = "/usr/bin/openssl";
const INDEX = "docs/runbooks/README.md";
const ONE_PAGE_EACH = RUNBOOKS.filter((page) => page !== INDEX);

const clone = useClone();
const operator: Person = newPerson();
const ada: Person = { email: "ada@example.com", username: "ada", password: "correct horse battery" };
let service: Service;

beforeAll(async () => {
  service = await clone.serve();
  await register(service.origin, operator);
  await register(service.origin, ada);
  changeDatabase(service, `UPDATE users SET role = 'admin', is_superuser = 1 WHERE email = '${operator.email}'`);
  await post(service.origin, "/api/v1/auth/login", { email: ada.email, password: "a wrong password" });
  const { access_token } = await logIn(service.origin, operator);
  const headers = { Authorization: `Bearer ${access_token}` };
  const refused = `${service.origin}/api/v1/audit-events?type=login_failed`;
  await eventually(async () => expect(await (await fetch(refused, { headers })).text()).toContain("wrong_password"));
});

const isRun = ({ language, notRun }: { language: string; notRun: string | undefined }) =>
  language === "sh" && notRun === undefined;
const commandsOf = (page: string) => readBlocks(page).filter(isRun);

/** Changes commands so that they use the local service. */
function asLocal(script: string): string {
  return script
    .replaceAll("https://auth.example.com", service.origin)
    .replaceAll(/(wrangler d1 \w+ DB) --remote/g, `$1 --local --persist-to "${service.state}"`)
    .replaceAll(/(npm run [\w:]+ -- .*?) ?--remote/g, `$1 --persist-to "${service.state}"`);
}

/** Runs the block of the index, and then these blocks of a page or all of them. Returns what they print. */
function paste(page: string, blocks = commandsOf(page), change = (script: string) => script): Promise<string> {
  const script = [...commandsOf(INDEX), ...(page === INDEX ? [] : blocks)].map(({ text }) => text).join("\n");
  const typed = `${operator.email}\n${operator.password}\n`;
  return new Promise((done, failed) => {
    const options = { cwd: clone.folder, env: { ...plainEnvironment(), CI: "1" }, timeout: 240_000 };
    const child = execFile("bash", ["-e", "-c", change(asLocal(script))], options, (error, stdout, stderr) =>
      error === null ? done(stdout) : failed(new Error(`${page}: ${stdout}\n${stderr}`)),
    );
    child.stdin?.write(typed);
  });
}

/** Fails unless the output contains these texts in this order. */
function expectInOrder(output: string, ...answers: readonly string[]): void {
  let position = 0;
  for (const answer of answers) {
    const found = output.indexOf(answer, position);
    expect(found, `${answer} in\n${output}`).toBeGreaterThanOrEqual(0);
    position = found + answer.length;
  }
}

const userSchema = z.object({ id: z.string() });

const idOf = async ({ access_token }: Tokens): Promise<string> =>
  userSchema.parse(await (await readMe(service.origin, access_token)).json()).id;

describe("a runbook", () => {
  it.each(ONE_PAGE_EACH)("has the same five parts, and the index leads to it: %s", (page) => {
    expect(readPage(page).match(/^## .+$/gm)).toEqual([
      "## Symptom",
      "## Check",
      "## Do",
      "## Verify",
      "## Afterwards",
    ]);
    expect(readPage(INDEX)).toContain(`](${basename(page)})`);
  });

  it("has no command that is not run here or says why not", () => {
    const tried = readFileSync(import.meta.filename, "utf8");
    for (const page of RUNBOOKS) if (commandsOf(page).length > 0) expect(tried).toContain(`"${page}"`);
  });
});

describe("the commands of the runbooks", () => {
  it("log an operator in", async () => {
    expectInOrder(await paste("docs/runbooks/README.md"), '"is_superuser":true');
  });

  it("check that a release answers", async () => {
    expectInOrder(await paste("docs/runbooks/bad-release.md"), '"status":"ok"', '"is_superuser":true');
  });

  it("help a user who can't get in", async () => {
    changeDatabase(service, `UPDATE users SET is_active = 0 WHERE email = '${ada.email}'`);
    const output = await paste("docs/runbooks/user-cannot-log-in.md");
    expectInOrder(
      output,
      '"is_active":false',
      '"reason":"wrong_password"',
      '{"status":"accepted"}',
      '"is_active":true',
    );
  });

  it("find the networks of a flood", async () => {
    const output = await paste("docs/runbooks/login-flood.md");
    expectInOrder(output, "127.0.0.1", "200 ", "200 ", '{"items":');
  });

  it("check the emails", async () => {
    changeDatabase(service, "INSERT INTO suppressed_addresses VALUES ('digest', 1, 9000000000000)");
    const output = await paste("docs/runbooks/mail-provider-down.md");
    expectInOrder(output, "1 command executed successfully", '{"status":"accepted"}');
  });

  it("revoke a signing key", async () => {
    const output = await paste("docs/runbooks/leaked-signing-key.md");
    expectInOrder(output, '{"keys":[', "revoked:", '"code":"invalid_access_token"', '"is_superuser":true', '{"keys":[');
  });

  it("log every user out, of other Workers too", async () => {
    const tokens = await logIn(service.origin, ada);
    const output = await paste("docs/runbooks/mass-logout.md");
    expectInOrder(output, "has ended", "revoked:", '"code":"invalid_access_token"', '"type":"all_sessions_ended"');
    const refreshed = await post(service.origin, "/api/v1/auth/refresh", { refresh_token: tokens.refresh_token });
    expect(refreshed.status).toBe(401);
    await logIn(service.origin, ada);
  });

  it("end what a leaked AUTH_SECRET can have made", async () => {
    const output = await paste("docs/runbooks/leaked-auth-secret.md");
    expectInOrder(output, '{"items":[', "revoked:", "has ended", '"status":401', '"is_superuser":true');
  });

  it("make a leaked password worthless elsewhere, while the owner gets in where they have logged in", async () => {
    const output = await paste("docs/runbooks/leaked-database.md");
    expectInOrder(output, operator.email, '"open": 0', '{"status":"accepted"}', '"is_superuser":true');
    const { email, password } = operator;
    const elsewhere = await fetch(`${service.origin}/api/v1/auth/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "CF-Connecting-IP": "192.0.2.9" },
      body: JSON.stringify({ email, password }),
    });
    expect(elsewhere.status).toBe(401);
    await logIn(service.origin, operator);
  });

  it("repeat after a restore what it has undone", async () => {
    const since = new Date().toISOString();
    const gone = await register(service.origin);
    changeDatabase(service, "CREATE TABLE before AS SELECT * FROM users");
    const tokens = await logIn(service.origin, gone);
    const id = await idOf(tokens);
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${tokens.access_token}` };
    const body = JSON.stringify({ password: gone.password });
    const deleted = await fetch(`${service.origin}/api/v1/users/me`, { method: "DELETE", headers, body });
    expect(deleted.status).toBe(204);
    // Restores the row as D1's Time Travel would.
    changeDatabase(service, `INSERT INTO users SELECT * FROM before WHERE id = '${id}'; DROP TABLE before`);
    const output = await paste("docs/runbooks/restore.md", undefined, (script) =>
      script.replace("2026-11-28T09:00:00.000Z", since),
    );
    expectInOrder(
      output,
      '"type":"account_deleted',
      "has ended",
      "revoked:",
      "deleted 204",
      '"status":"ok"',
      '"items":',
    );
    expect(
      (await post(service.origin, "/api/v1/auth/login", { email: gone.email, password: gone.password })).status,
    ).toBe(401);
  });

  it("erase a person", async () => {
    changeDatabase(service, `UPDATE users SET password_blocked_at = NULL WHERE email = '${ada.email}'`);
    await logIn(service.origin, ada);
    const output = await paste("docs/runbooks/erase-person.md");
    expectInOrder(output, '"username":"ada"', "204", '"code":"not_found"', '"remaining": 0');
  });

  // This needs Debian's package of OpenSSL. Without it, the test is reported as skipped.
  it.skipIf(!existsSync(OPENSSL))("replace a lost AUTH_SECRET", async () => {
    const [make, ...others] = commandsOf("docs/runbooks/lost-auth-secret.md");
    if (make === undefined) throw new Error("The runbook makes no secret.");
    const tokens = await logIn(service.origin, operator);
    await paste("docs/runbooks/lost-auth-secret.md", [make]);
    await service.stop();
    const secret = readFileSync(join(clone.folder, "auth-secret.txt"), "utf8").trim();
    writeFileSync(join(clone.folder, ".dev.vars"), `ENVIRONMENT=development\nAUTH_SECRET=${secret}\n`);
    service = await clone.serve([], service.state);
    // No network of the operator is trusted now, so only a password that is not blocked works.
    changeDatabase(service, `UPDATE users SET password_blocked_at = NULL WHERE email = '${operator.email}'`);
    const output = await paste("docs/runbooks/lost-auth-secret.md", others);
    expectInOrder(output, '"is_superuser":true', '{"keys":[', "blocked");
    const refreshed = await post(service.origin, "/api/v1/auth/refresh", { refresh_token: tokens.refresh_token });
    expect(refreshed.status).toBe(401);
  });
});
