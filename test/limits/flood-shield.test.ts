import { describe, expect, it } from "vitest";
import { type Answer, appWith, atOnce, call, expectProblem, freshAddress, get, inTurn } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";

describe("the flood shield", () => {
  it("refuses a flood from one network before any storage is read, and no other client", async () => {
    const address = freshAddress();
    const ask = () => get("/api/v1/users/me", { address });
    // The platform counts in periods of its own clock. A period may end during the flood, so the flood continues until
    // a request is refused.
    const refused: Answer[] = [];
    for (let sent = 0; refused.length === 0 && sent < 2_000; sent += 50) {
      const answers = await atOnce(50, ask);
      refused.push(...answers.filter(({ status }) => status === 429));
    }
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expectProblem(answer, 429, "rate_limited");
      expect(answer.headers.get("Retry-After")).toBe("10");
      expect(answer.headers.get("Server-Timing")).toBeNull();
    }
    expect((await get("/")).status).toBe(200);
  });

  it("counts each request once, and answers all that the platform lets through", async () => {
    let left = 3;
    const limit = async () => {
      left -= 1;
      return { success: left >= 0 };
    };
    const send = appWith({}, { FLOOD_SHIELD: { limit } });
    const statuses = await inTurn(5, () => get("/api/v1/users/me", {}, send));
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
  });

  it("counts an IPv6 network as one client", async () => {
    const keys: string[] = [];
    const limit = async ({ key }: { key: string }) => {
      keys.push(key);
      return { success: true };
    };
    const send = appWith({}, { FLOOD_SHIELD: { limit } });
    await get("/", { address: "2001:db8:a:b:1::1" }, send);
    await get("/", { address: "2001:db8:a:b:2::2", headers: { "X-Forwarded-For": "192.0.2.1" } }, send);
    expect(keys).toEqual(["2001:db8:a:b::/64", "2001:db8:a:b::/64"]);
  });

  it("refuses what a browser asks in a way that its page can read", async () => {
    const send = appWith(
      { ALLOWED_ORIGINS: "https://app.example.com" },
      { FLOOD_SHIELD: { limit: async () => ({ success: false }) } },
    );
    const answer = await call("POST", "/api/v1/auth/login", { headers: { Origin: "https://app.example.com" } }, send);
    expectProblem(answer, 429, "rate_limited");
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("https://app.example.com");
  });

  it("lets everybody through where the platform has none, or it fails", async () => {
    expect((await get("/", {}, appWith({}, { FLOOD_SHIELD: undefined }))).status).toBe(200);
    const logs = recordLogs();
    const limit = async () => {
      throw new Error("out of order");
    };
    expect((await get("/", {}, appWith({}, { FLOOD_SHIELD: { limit } }))).status).toBe(200);
    expect(logs().map(({ event }) => event)).toContain("flood_shield_failed");
  });

  it("stands aside with RATE_LIMITING=off, so that load can be measured", async () => {
    const limit = async () => ({ success: false });
    expect((await get("/", {}, appWith({ RATE_LIMITING: "off" }, { FLOOD_SHIELD: { limit } }))).status).toBe(200);
  });
});
