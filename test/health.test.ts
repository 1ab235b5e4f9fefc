import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { appWith, get } from "./support/client.ts";

describe("GET /health", () => {
  it("is ok where everything answers", async () => {
    const answer = await get("/health");
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      status: "ok",
      version: "0.1.0",
      checks: { database: "ok", sessions: "ok", kv: "ok" },
    });
  });

  it.each([
    [
      "database",
      () => vi.spyOn(env.DB, "prepare").mockReturnValue(env.DB.prepare("SELECT * FROM a_table_that_is_away")),
    ],
    ["sessions", () => vi.spyOn(env.USER_SESSIONS, "getByName").mockImplementation(fail)],
    ["kv", () => vi.spyOn(env.REVOCATIONS, "get").mockImplementation(fail)],
  ])("is 503 and says so where the %s check fails", async (part, breakIt) => {
    breakIt();
    const answer = await get("/health", {}, appWith({}));
    expect(answer.status).toBe(503);
    expect(answer.json.status).toBe("failed");
    expect(answer.json.checks).toEqual({ database: "ok", sessions: "ok", kv: "ok", [part]: "failed" });
    expect(answer.headers.get("Retry-After")).toBe("5");
  });
});

function fail(): never {
  throw new Error("out");
}
