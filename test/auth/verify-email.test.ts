import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { verifyEmail } from "../support/account.ts";
import { altered } from "../support/altered.ts";
import { appWith, atOnce, call, expectProblem, get, post } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import { mailedToken, mailsTo, newPerson, registered, rowOf, unverified } from "../support/people.ts";

const VERIFY = "/api/v1/auth/verify-email";
const RESEND = "/api/v1/auth/resend-verification";

/** Whether a text is stored in D1 or KV. Ignores `outbox`, where emails are kept in development. */
async function isStored(text: string): Promise<boolean> {
  const query =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name <> 'outbox'";
  const { results: tables } = await env.DB.prepare(query).all<{ name: string }>();
  const rows = await Promise.all(tables.map(({ name }) => env.DB.prepare(`SELECT * FROM "${name}"`).all()));
  const { keys } = await env.REVOCATIONS.list();
  const values = await Promise.all(keys.map(({ name }) => env.REVOCATIONS.get(name)));
  expect(tables.map(({ name }) => name)).toContain("registrations");
  return JSON.stringify([rows.map(({ results }) => results), keys, values]).includes(text);
}

describe("POST /api/v1/auth/verify-email", () => {
  it("verifies the address, and gives the same response when the link is used again [RG-3]", async () => {
    const { email, token } = await unverified();
    expect((await verifyEmail(token)).json).toEqual({ status: "verified" });
    const verified = await rowOf(email);
    expect(verified).toMatchObject({ is_verified: 1 });
    const again = await verifyEmail(token);
    expect({ status: again.status, body: again.json }).toEqual({ status: 200, body: { status: "verified" } });
    expect(await rowOf(email), "the same link again does nothing").toEqual(verified);
  });

  it("changes the account once when one link is spent many times at once", async () => {
    const { email, token } = await unverified();
    const answers = await atOnce(10, () => verifyEmail(token));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(await rowOf(email)).toMatchObject({ is_verified: 1 });
  });

  it("kills every other link once one is spent [RG-5]", async () => {
    const { email, token } = await unverified();
    await post(RESEND, { email });
    const second = await mailedToken(email, 2);
    expect(second).not.toBe(token);
    const answers = await Promise.all([verifyEmail(token), verifyEmail(second)]);
    expect(answers.map(({ json }) => json.code ?? json.status).sort()).toEqual(["invalid_token", "verified"]);
  });

  it("kills the link of another registration of the address once one is spent, and the account keeps its owner", async () => {
    const owner = await unverified();
    const { token: other } = await unverified({ ...newPerson(), email: owner.email }, 2);
    expect(other).not.toBe(owner.token);
    expect((await verifyEmail(owner.token)).status).toBe(200);
    const before = await rowOf(owner.email);
    expectProblem(await verifyEmail(other), 400, "invalid_token");
    expect(await rowOf(owner.email)).toEqual(before);
    expect(before?.username).toBe(owner.username);
  });

  it("refuses a link after its 24 hours [RG-3]", async () => {
    const { token } = await unverified();
    vi.setSystemTime(Date.now() + 24 * 3_600_000 + 1_000);
    expectProblem(await verifyEmail(token), 400, "expired_token");
  });

  it("refuses a forged, mangled, foreign or truncated token without touching the directory [RG-3]", async () => {
    const { token } = await unverified();
    const logs = recordLogs();
    for (const forged of [
      altered(token),
      token.slice(0, -2),
      `${token}AA`,
      "AAAA",
      `${token}=`,
      "ÿ",
      "x".repeat(1024),
    ]) {
      expectProblem(await verifyEmail(forged), 400, "invalid_token");
    }
    for (const line of logs()) expect(line.storage_calls, "the limits of the network alone").toBe(1);
  });

  it.each([
    ["has another address", "UPDATE users SET email = 'moved-' || email WHERE email = ?"],
    ["is deleted", "DELETE FROM users WHERE email = ?"],
  ])("refuses a link whose account %s", async (_, change) => {
    const { email, token } = await unverified();
    await env.DB.prepare(change).bind(email).run();
    expectProblem(await verifyEmail(token), 400, "invalid_token");
  });

  it("accepts what was signed under the previous secret, and nothing signed under another", async () => {
    const { token } = await unverified();
    const newSecret = { AUTH_SECRET: "quite another secret, long enough to pass too" };
    expectProblem(await verifyEmail(token, appWith(newSecret)), 400, "invalid_token");
    const rotated = appWith({ ...newSecret, AUTH_SECRET_PREVIOUS: env.AUTH_SECRET });
    expect((await verifyEmail(token, rotated)).status).toBe(200);
  });

  it("is never spent by opening the page behind the link [RG-6]", async () => {
    const { email, token } = await unverified();
    for (const method of ["GET", "HEAD"]) {
      const page = await call(method, `/verify-email?token=${token}`);
      expect(page.status).toBe(200);
      expect(page.headers.get("Content-Type")).toMatch(/^text\/html/);
      expect(page.headers.get("Content-Security-Policy")).toContain("script-src 'self'");
      expect(page.headers.get("Content-Security-Policy")).not.toContain("unsafe");
    }
    expectProblem(await get(VERIFY), 405, "method_not_allowed");
    expect(await rowOf(email)).toMatchObject({ is_verified: 0 });
    expect((await verifyEmail(token)).status).toBe(200);
  });

  it("keeps nothing of a link in the directory [RG-3]", async () => {
    const { email, token } = await unverified();
    expect(await isStored(token), "before it is spent").toBe(false);
    await verifyEmail(token);
    expect(await isStored(token)).toBe(false);
    const { verified_by_link: kept, ...row } = (await rowOf(email)) ?? {};
    expect(JSON.stringify(row)).not.toContain(token.slice(0, 20));
    expect(token).not.toContain(String(kept));
  });
});

describe("POST /api/v1/auth/resend-verification", () => {
  it("gives unknown, verified and waiting addresses the same response, and emails only the waiting one [RG-5]", async () => {
    const verified = await registered();
    const { email: waiting } = await unverified();
    const unknown = newPerson().email;
    const answers = await Promise.all([unknown, verified.email, waiting].map((email) => post(RESEND, { email })));
    for (const answer of answers) {
      expect(answer.status).toBe(202);
      expect(answer.text).toBe(answers[0]?.text);
    }
    await mailsTo(waiting, 2);
    const { json } = await get("/dev/outbox");
    const recipients = json.items.map(({ to }: { to: string }) => to);
    expect(recipients).not.toContain(unknown);
    expect(recipients.filter((to: string) => to === verified.email)).toHaveLength(1);
  });

  it("refuses the fourth mail to one address within the hour, known or not [RG-5]", async () => {
    const { email: waiting } = await unverified();
    for (const email of [waiting, newPerson().email]) {
      for (let attempt = 0; attempt < 3; attempt++) expect((await post(RESEND, { email })).status).toBe(202);
      expectProblem(await post(RESEND, { email: email.toUpperCase() }), 429, "rate_limited");
    }
  });
});
