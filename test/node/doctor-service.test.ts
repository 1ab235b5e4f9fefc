/** The checks of `npm run doctor` that ask a service, against services that misbehave. */
import { describe, expect, it } from "vitest";
import { answer, examine, startStandIn } from "./doctoring.ts";
import { freePort } from "./loopback.ts";
import { makeTree } from "./stand-in.ts";

const about = { version: "0.1.0", registration: "open", challenge: null, links: { jwks: "" } };

async function examineUrl(check: string, routes: Record<string, unknown> = {}, tools = {}) {
  return examine(check, ["--url", await startStandIn(routes)], makeTree(), tools);
}

describe("The doctor's check of the service", () => {
  it("fails where nothing listens, and says how to start it", async () => {
    const port = await freePort();
    const { code, lines } = await examine("service", ["--port", `${port}`], makeTree());
    expect(code).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(`^failed: Postern does not answer on http://localhost:${port}. → .npm run dev`),
    ]);
    const { lines: byUrl } = await examine("service", ["--url", `http://127.0.0.1:${port}`], makeTree());
    expect(byUrl).toEqual([expect.stringMatching(/^failed: .* does not answer: ECONNREFUSED\. → /)]);
  });

  it("gives up on a service that never answers", async () => {
    const origin = await startStandIn({ "/": () => {} });
    const { code, lines } = await examine("service", ["--url", origin], makeTree(), {}, 50);
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringContaining("No answer within 50 ms")]);
  });

  it("fails where something else answers", async () => {
    const { code, lines } = await examineUrl("service", { "/": { hello: "world" } });
    expect([code, lines]).toEqual([1, [expect.stringMatching(/^failed: .* answers, but not as Postern\. → /)]]);
  });

  it("warns of another release, and of another name in tokens", async () => {
    const { code, lines } = await examineUrl("service", {
      "/": { ...about, version: "0.0.1" },
      "/.well-known/oauth-authorization-server": { issuer: "https://auth.example.com" },
    });
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^ok: Postern 0\.0\.1 answers/),
      expect.stringMatching(/^warning: .* runs 0\.0\.1, and this checkout is /),
      expect.stringMatching(/^warning: Tokens and emails name https:\/\/auth\.example\.com, .* → .*PUBLIC_URL/),
    ]);
  });
});

describe("The doctor's check of the readiness", () => {
  const ready = { checks: { database: "ok", kv: "ok" }, pending_migrations: [] };

  it.each([
    ["is fine", 200, {}, /^ok: The service reaches everything: database, kv\./],
    [
      "names what failed",
      503,
      { checks: { database: "failed", kv: "ok" } },
      /^failed: .*: database\. → .*health_check_failed/,
    ],
    [
      "warns of what is late",
      200,
      { checks: { database: "ok", emails: "late" } },
      /^warning: .*: emails\. → .*cron job/,
    ],
  ])("%s", async (_, status, own, words) => {
    const { lines } = await examineUrl("readiness", { "/health/ready": answer({ ...ready, ...own }, status) });
    expect(lines).toEqual([expect.stringMatching(words)]);
  });

  it("is left out where an older release has no such route", async () => {
    expect((await examineUrl("readiness")).lines).toEqual([expect.stringMatching(/^skipped: .* no \/health\/ready/)]);
  });

  it("tells of migrations that the running release misses", async () => {
    const pending = { ...ready, pending_migrations: ["0008_former-owners.sql"] };
    const { code, lines } = await examineUrl("migrations", { "/health/ready": answer(pending, 503) });
    expect([code, lines]).toEqual([
      1,
      [expect.stringMatching(/^failed: 1 migration not applied: 0008_former-owners\.sql\. → /)],
    ]);
    const unknown = { ...ready, pending_migrations: null };
    expect((await examineUrl("migrations", { "/health/ready": unknown })).lines).toEqual([
      expect.stringMatching(/^skipped/),
    ]);
  });
});

describe("The doctor's check of the clock", () => {
  const now = Date.parse("2026-11-28T12:00:00.500Z");
  const clock = { now: () => now };

  it.each([
    ["Sat, 28 Nov 2026 12:00:00 GMT", /^ok: .* agrees with the service's to within 5 s/],
    ["Sat, 28 Nov 2026 11:59:40 GMT", /^warning: .* is 20 s ahead of the service's\. → .*NTP/],
    ["Sat, 28 Nov 2026 12:00:30 GMT", /^warning: .* is 30 s behind the service's\. → /],
    ["Sat, 28 Nov 2026 12:05:00 GMT", /^failed: .* is 300 s behind the service's\. → /],
  ])("compares it with the Date header %s", async (date, words) => {
    const { lines } = await examineUrl("clock", { "/health": answer({}, 200, { Date: date }) }, { clock });
    expect(lines).toEqual([expect.stringMatching(words)]);
  });

  it("says what it can't know where there is no such header", async () => {
    const silent = (_: unknown, response: import("node:http").ServerResponse) => {
      response.sendDate = false;
      response.end("{}");
    };
    expect((await examineUrl("clock", { "/health": silent })).lines).toEqual([
      expect.stringMatching(/^skipped: .*no Date header/),
    ]);
  });
});

describe("The doctor's check of published keys", () => {
  const key = { kty: "EC", kid: "a-key-id-of-a-key", alg: "ES256" };

  it("names them, and says that their age is not known", async () => {
    const { code, lines } = await examineUrl("signing-keys", { "/.well-known/jwks.json": { keys: [key] } });
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^ok: 1 key published: ES256 a-key-id…\./),
      expect.stringMatching(/^skipped: .* age .*--remote/),
    ]);
  });

  it.each([
    ["has none", { keys: [] }, /^failed: The JWKS has no key \(status 200\)/],
    [
      "shows a private one",
      { keys: [{ ...key, d: "private" }] },
      /^failed: The JWKS contains a private key\. → .*--emergency/,
    ],
  ])("fails where the service %s", async (_, jwks, words) => {
    const { code, lines } = await examineUrl("signing-keys", { "/.well-known/jwks.json": jwks });
    expect([code, lines]).toEqual([1, [expect.stringMatching(words)]]);
    expect(lines.join()).not.toContain("→ private");
  });
});

describe("The doctor's check of the cost of a hash", () => {
  it("times a login of an unknown user, and warns where it takes much longer than expected", async () => {
    let now = 0;
    const logIn = answer({ code: "invalid_credentials" }, 401);
    const clock = { now: () => now };
    const slow = (milliseconds: number) => ({
      "/api/v1/auth/login": (...exchange: Parameters<typeof logIn>) => {
        now += milliseconds;
        logIn(...exchange);
      },
    });
    expect((await examineUrl("hashing", slow(300), { clock })).lines).toEqual([
      expect.stringMatching(/^ok: The hash of a login takes 300 ms; about 255 ms are expected\./),
    ]);
    const { code, lines } = await examineUrl("hashing", slow(3_000), { clock });
    expect([code, lines]).toEqual([0, [expect.stringMatching(/^warning: The hash of a login takes 3000 ms/)]]);
  });

  it("knows the plan on which hashing is not possible, and a limit", async () => {
    const exceeded = { "/api/v1/auth/login": answer("error code: 1102", 503) };
    expect((await examineUrl("hashing", exceeded)).lines).toEqual([
      expect.stringMatching(/^warning: .*503.* → .*Workers Paid/),
    ]);
    const limited = { "/api/v1/auth/login": answer({ code: "rate_limited" }, 429) };
    expect((await examineUrl("hashing", limited)).lines).toEqual([
      expect.stringMatching(/^skipped: .*429 \(rate_limited\)/),
    ]);
  });

  it("times a hash on this machine for a local service, at its cost", async () => {
    const times = [0, 20];
    const clock = { now: () => times.shift() ?? 0 };
    const { lines } = await examine("hashing", [], makeTree(), { clock });
    expect(lines).toEqual([
      expect.stringMatching(/^ok: One hash \(scrypt, ln=15, r=8, p=3\) on this machine takes 20 ms/),
    ]);
  });
});

describe("The doctor's round trip", () => {
  it("says what it needs where it can make no account", async () => {
    const { code, lines } = await examineUrl("round-trip");
    expect([code, lines]).toEqual([
      0,
      [expect.stringMatching(/^skipped: .*no outbox\. → .*DOCTOR_EMAIL and DOCTOR_PASSWORD/)],
    ]);
    const invited = await examineUrl("round-trip", {
      "/": { ...about, registration: "invitation" },
      "/dev/outbox": { items: [] },
    });
    expect(invited.lines).toEqual([expect.stringMatching(/^skipped: Registration is not open\. → .*DOCTOR_EMAIL/)]);
    const challenged = await examineUrl("round-trip", { "/": { ...about, challenge: "turnstile" } });
    expect(challenged.lines).toEqual([expect.stringMatching(/^skipped: .*Turnstile/)]);
  });

  it("names the step that failed", async () => {
    const { code, lines } = await examineUrl("round-trip", {
      "/dev/outbox": { items: [] },
      "/api/v1/auth/register": answer({ code: "internal_error" }, 500),
    });
    expect([code, lines]).toEqual([
      1,
      [expect.stringMatching(/^failed: Registering answered 500 \(internal_error\)\. → /)],
    ]);
  });
});
