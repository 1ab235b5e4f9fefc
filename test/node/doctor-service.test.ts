/** The checks of `npm run doctor` that call a service, against services that misbehave. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { describeFailure } from "../../src/commands/doctor/service.ts";
import { VERSION } from "../../src/version.ts";
import { answer, examine, makeConfigured, startStandIn } from "./doctoring.ts";
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

  it("needs none on this machine unless it is asked for one", async () => {
    vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("fetch failed"));
    onTestFinished(() => void vi.restoreAllMocks());
    const { code, lines } = await examine("service", [], makeTree());
    expect([code, lines]).toEqual([
      0,
      [expect.stringMatching(/^skipped: Postern does not answer on http:\/\/localhost:8787 to 8796\. → .*npm run dev/)],
    ]);
    expect((await examine("readiness", [], makeTree())).lines).toEqual([
      expect.stringMatching(/^skipped: No service answers\. → .*`service`/),
    ]);
  });

  it("asks for a restart where `npm run dev` runs another release", async () => {
    const { port } = new URL(await startStandIn({ "/": { ...about, version: "0.0.1" } }));
    const { lines } = await examine("service", ["--port", port], makeTree());
    expect(lines.at(1)).toMatch(/^warning: .* runs 0\.0\.1, .* → Restart `npm run dev`\./);
  });

  it("warns of an address that is not encrypted", async () => {
    const origin = "http://auth.example.com";
    const bodies: Record<string, unknown> = {
      [`${origin}/`]: { ...about, version: VERSION },
      [`${origin}/.well-known/oauth-authorization-server`]: { issuer: origin },
    };
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => Response.json(bodies[String(input)]));
    onTestFinished(() => void vi.restoreAllMocks());
    expect((await examine("service", ["--url", origin], makeTree())).lines).toEqual([
      expect.stringMatching(/^ok: /),
      expect.stringMatching(/^warning: http:\/\/auth\.example\.com is not encrypted: .* → .*https/),
    ]);
  });

  it("does not know the address of a deployed service without a configuration", async () => {
    const broken = makeConfigured(() => "name = ");
    expect((await examine("service", ["--remote"], broken)).lines).toEqual([
      expect.stringMatching(
        /^failed: The address of the deployed service is not known\. → Set PUBLIC_URL, or pass --url/,
      ),
    ]);
  });

  it.each([
    [new DOMException("The operation was aborted due to timeout", "TimeoutError"), "no answer within 10 s"],
    [new TypeError("fetch failed", { cause: new Error("redirect count exceeded") }), "redirect count exceeded"],
    [new TypeError("fetch failed", { cause: Object.assign(new Error("no"), { code: "ENOTFOUND" }) }), "ENOTFOUND"],
    [new TypeError("Invalid URL"), "Invalid URL"],
    ["gone", "gone"],
  ])("says in a few words why no answer came: %s", (error, words) => {
    expect(describeFailure(error)).toBe(words);
  });

  it("says of each check that the service stopped answering", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    expect((await examine("readiness", ["--url", url], makeTree())).lines).toEqual([
      expect.stringMatching(/^failed: The service does not answer: ECONNREFUSED\. → Run this again/),
    ]);
    expect((await examine("follow-ups", ["--url", url], makeTree())).lines).toEqual([
      expect.stringMatching(/^skipped: The database is not open\. → .*`migrations`/),
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
