import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { LIMIT_RULES } from "../../src/config/limit-rules.ts";
import { appWith, call, expectProblem, get, post } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import { mailedToken, mailsTo, registered, rowOf, somebody } from "../support/people.ts";

const VERIFY = "/api/v1/auth/verify-email";
const RESEND = "/api/v1/auth/resend-verification";

async function unverified() {
  const person = somebody();
  await post("/api/v1/auth/register", person);
  return { ...person, token: await mailedToken(person.email) };
}

/** Whether a text is stored in D1 or KV, apart from the mailbox of development. */
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
  it("verifies the address, and answers the same link alike again [RG-3]", async () => {
    const { email, token } = await unverified();
    expect((await post(VERIFY, { token })).json).toEqual({ status: "verified" });
    const verified = await rowOf(email);
    expect(verified).toMatchObject({ is_verified: 1 });
    const again = await post(VERIFY, { token });
    expect({ status: again.status, body: again.json }).toEqual({ status: 200, body: { status: "verified" } });
    expect(await rowOf(email), "the same link again does nothing").toEqual(verified);
  });

  it("changes the account once when one link is spent many times at once", async () => {
    const { email, token } = await unverified();
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(VERIFY, { token })));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(await rowOf(email)).toMatchObject({ is_verified: 1 });
  });

  it("kills every other link once one is spent [RG-5]", async () => {
    const { email, token } = await unverified();
    await post(RESEND, { email });
    const second = await mailedToken(email, 2);
    expect(second).not.toBe(token);
    const answers = await Promise.all([post(VERIFY, { token }), post(VERIFY, { token: second })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    const loser = answers.find(({ status }) => status === 400);
    if (loser) expectProblem(loser, 400, "invalid_token");
  });

  it("kills the link of another registration of the address once one is spent, and the account keeps its owner", async () => {
    const owner = await unverified();
    const stranger = { ...somebody(), email: owner.email };
    await post("/api/v1/auth/register", stranger);
    const other = await mailedToken(owner.email, 2);
    expect(other).not.toBe(owner.token);
    expect((await post(VERIFY, { token: owner.token })).status).toBe(200);
    const before = await rowOf(owner.email);
    expectProblem(await post(VERIFY, { token: other }), 400, "invalid_token");
    expect(await rowOf(owner.email)).toEqual(before);
    expect(before?.username).toBe(owner.username);
  });

  it("refuses a link after its 24 hours [RG-3]", async () => {
    const { token } = await unverified();
    vi.setSystemTime(Date.now() + 24 * 3_600_000 + 1_000);
    expectProblem(await post(VERIFY, { token }), 400, "expired_token");
  });

  it("refuses a forged, mangled, foreign or truncated token without touching the directory [RG-3]", async () => {
    const { token } = await unverified();
    const mangled = `${token.slice(0, 40)}${token[40] === "A" ? "B" : "A"}${token.slice(41)}`;
    const logs = recordLogs();
    for (const forged of [mangled, token.slice(0, -2), `${token}AA`, "AAAA", `${token}=`, "ÿ", "x".repeat(1024)]) {
      expectProblem(await post(VERIFY, { token: forged }), 400, "invalid_token");
    }
    for (const line of logs()) expect(line.storage_calls, "the limiter alone").toBe(1);
  });

  it("refuses a link whose address is no longer the account's", async () => {
    const { email, token } = await unverified();
    await env.DB.prepare("UPDATE users SET email = ? WHERE email = ?").bind(`moved-${email}`, email).run();
    expectProblem(await post(VERIFY, { token }), 400, "invalid_token");
  });

  it("refuses a link whose account is gone", async () => {
    const { email, token } = await unverified();
    await env.DB.prepare("DELETE FROM users WHERE email = ?").bind(email).run();
    expectProblem(await post(VERIFY, { token }), 400, "invalid_token");
  });

  it("accepts what was signed under the previous secret, and nothing signed under another", async () => {
    const { token } = await unverified();
    const newSecret = { AUTH_SECRET: "quite another secret, long enough to pass too" };
    expectProblem(await post(VERIFY, { token }, {}, appWith(newSecret)), 400, "invalid_token");
    const rotated = appWith({ ...newSecret, AUTH_SECRET_PREVIOUS: env.AUTH_SECRET });
    expect((await post(VERIFY, { token }, {}, rotated)).status).toBe(200);
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
    expect((await post(VERIFY, { token })).status).toBe(200);
  });

  it("limits how many links one address tries", async () => {
    const address = "203.0.113.8";
    const statuses: number[] = [];
    const { budget } = LIMIT_RULES.linkAttemptsPerAddress;
    for (let attempt = 0; attempt <= budget; attempt++) {
      statuses.push((await post(VERIFY, { token: "AAAA" }, { address })).status);
    }
    expect(statuses).toEqual([...Array(budget).fill(400), 429]);
  });

  it("keeps nothing of a link in the directory [RG-3]", async () => {
    const { email, token } = await unverified();
    expect(await isStored(token), "before it is spent").toBe(false);
    await post(VERIFY, { token });
    expect(await isStored(token)).toBe(false);
    const { verified_by_link: kept, ...row } = (await rowOf(email)) ?? {};
    expect(JSON.stringify(row)).not.toContain(token.slice(0, 20));
    expect(token).not.toContain(String(kept));
  });
});

describe("POST /api/v1/auth/resend-verification", () => {
  it("answers alike for an unknown, a verified and a waiting address, and mails the waiting one alone [RG-5]", async () => {
    const verified = await registered();
    const { email: waiting } = await unverified();
    const unknown = somebody().email;
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
    for (const email of [waiting, somebody().email]) {
      for (let attempt = 0; attempt < 3; attempt++) expect((await post(RESEND, { email })).status).toBe(202);
      expectProblem(await post(RESEND, { email: email.toUpperCase() }), 429, "rate_limited");
    }
  });
});
