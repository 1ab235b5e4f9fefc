import { describe, expect, it, vi } from "vitest";
import { appWith, atOnce, expectProblem, inTurn, post } from "../support/client.ts";
import { logIn, newPerson, registered } from "../support/people.ts";

const RULES = [
  "loginPerAddress",
  "loginPerAccountAndAddress",
  "registerPerAddress",
  "mailPerAddress",
  "linkAttemptsPerAddress",
  "passwordStrengthPerAddress",
];
const tight = appWith({
  RATE_LIMITS: RULES.map((rule) => `${rule}=1/1h`).join(","),
});

let sites = 0;

/** Makes a new /48. The returned function gives an address in each of its networks (/64). */
function newSite(): (network: number) => string {
  sites += 1;
  const prefix = `2001:db9:${sites.toString(16)}`;
  return (network) => `${prefix}:${network.toString(16)}::1`;
}

describe("the networks of one IPv6 /48", () => {
  it.each([
    ["/api/v1/auth/login", () => ({ email: newPerson().email, password: "a wrong password, surely" }), 401],
    ["/api/v1/auth/register", () => newPerson(), 202],
    ["/api/v1/auth/resend-verification", () => ({ email: newPerson().email }), 202],
    ["/api/v1/auth/forgot-password", () => ({ email: newPerson().email }), 202],
    ["/api/v1/auth/verify-email", () => ({ token: "AAAA" }), 400],
    ["/api/v1/auth/password-strength", () => ({ password: "a password to check" }), 200],
  ])(
    "have ten times the budget of a /64 together at %s, however many requests come at once",
    async (path, body, status) => {
      const address = newSite();
      const statuses = await atOnce(
        30,
        async (network) => (await post(path, body(), { address: address(network) }, tight)).status,
      );
      expect(statuses.toSorted()).toEqual([...Array(10).fill(status), ...Array(20).fill(429)].toSorted());
      expect((await post(path, body(), { address: newSite()(1) }, tight)).status).toBe(status);
    },
  );

  it("share a budget at one account", async () => {
    const [address, { email }] = [newSite(), newPerson()];
    const free = appWith({
      RATE_LIMITS: "loginPerAccount=100/1s,loginPerAccountAndAddress=1/1h",
    });
    const guess = (network: number) =>
      post("/api/v1/auth/login", { email, password: "a wrong password, surely" }, { address: address(network) }, free);
    expect(await inTurn(11, guess)).toEqual([...Array(10).fill(401), 429]);
  });

  it("do not use up what they share by requests that are refused", async () => {
    const address = newSite();
    const check = (network: number) =>
      post("/api/v1/auth/verify-email", { token: "AAAA" }, { address: address(network) }, tight);
    expect(await inTurn(20, () => check(0))).toEqual([400, ...Array(19).fill(429)]);
    expect(await inTurn(10, (network) => check(network + 1))).toEqual([...Array(9).fill(400), 429]);
  });

  it("do not use up what they share by logins that succeed", async () => {
    const [address, person] = [newSite(), await registered()];
    const enter = (network: number) =>
      post(
        "/api/v1/auth/login",
        { email: person.email, password: person.password },
        { address: address(network) },
        tight,
      );
    expect(await inTurn(15, enter)).toEqual(Array(15).fill(200));
    await logIn(person, {}, { address: address(1) });
  });

  it("learn of each rule only what holds them back most", async () => {
    vi.setSystemTime(Date.now());
    const address = newSite();
    const check = (network: number) =>
      post("/api/v1/auth/verify-email", { token: "AAAA" }, { address: address(network) }, tight);
    const first = await check(0);
    expect(first.headers.get("RateLimit-Policy")).toBe('"linkAttemptsPerAddress";q=1;w=3600');
    expect(first.headers.get("RateLimit")).toBe('"linkAttemptsPerAddress";r=0;t=3600');
    await inTurn(9, (network) => check(network + 1));
    const refused = await check(10);
    expectProblem(refused, 429, "rate_limited");
    expect(refused.headers.get("RateLimit-Policy")).toBe('"linkAttemptsPerAddress";q=10;w=3600');
    expect(refused.headers.get("Retry-After")).toBe("360");
  });
});

describe("an IPv4 address", () => {
  it("has a budget of its own alone", async () => {
    const check = (host: number) =>
      post("/api/v1/auth/verify-email", { token: "AAAA" }, { address: `198.18.7.${host}` }, tight);
    expect(await inTurn(12, (host) => check(host + 1))).toEqual(Array(12).fill(400));
    expect((await check(1)).status).toBe(429);
  });
});
