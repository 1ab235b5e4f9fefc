import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { appWith, call, get } from "../support/client.ts";
import { operations } from "../support/openapi.ts";
import { eventsOf, withStanding } from "../support/people.ts";

const EXPORT = "/api/v1/users/me/export";
const NOBODY = "00000000-0000-7000-8000-000000000000";
const reads = operations.filter(({ method }) => method === "get");
const pathOf = (path: string) => path.replace("{name}", "loginPerAddress").replaceAll(/\{\w+\}/g, NOBODY);
const limited = appWith({ RATE_LIMITING: "on", RATE_LIMITS: "exportPerUser=1/1h" });

async function countEvents(userId: string): Promise<number> {
  const query = env.DB.prepare("SELECT COUNT(*) AS count FROM audit_events WHERE actor_id = ?1 OR user_id = ?1");
  return (await query.bind(userId).first<number>("count")) ?? 0;
}

describe("HEAD", () => {
  it.each(reads.filter(({ limits }) => limits.length === 0).map(({ path }) => path))(
    "is answered like GET %s, with its status and headers and without a body",
    async (path) => {
      const { accessToken: bearer } = await operator;
      const [whole, head] = [await get(pathOf(path), { bearer }), await call("HEAD", pathOf(path), { bearer })];
      expect(head.status).toBe(whole.status);
      expect(head.text).toBe("");
      for (const name of ["Content-Type", "ETag", "Cache-Control"])
        expect(head.headers.get(name), name).toBe(whole.headers.get(name));
    },
  );

  it.each(reads.filter(({ limits }) => limits.length > 0).map(({ path }) => path))(
    "is refused with 405 where GET %s spends a limit, and Allow does not list it",
    async (path) => {
      const { accessToken: bearer } = await operator;
      const answer = await call("HEAD", pathOf(path), { bearer });
      expect({ status: answer.status, text: answer.text }).toEqual({ status: 405, text: "" });
      expect(answer.headers.get("Allow")).not.toContain("HEAD");
      expect((await call("PURGE", pathOf(path))).headers.get("Allow")).toBe(answer.headers.get("Allow"));
    },
  );

  it("spends no export and records none", async () => {
    const { accessToken: bearer, userId } = await withStanding("user");
    for (let times = 0; times < 5; times++) await call("HEAD", EXPORT, { bearer }, limited);
    expect((await get(EXPORT, { bearer }, limited)).status).toBe(200);
    await eventsOf(userId, "data_exported");
    const query = "SELECT COUNT(*) AS count FROM audit_events WHERE user_id = ? AND type = 'data_exported'";
    expect(await env.DB.prepare(query).bind(userId).first("count")).toBe(1);
  });

  it("records no event on any route", async () => {
    const { accessToken: bearer, userId } = await withStanding("superuser");
    await eventsOf(userId, "login_succeeded");
    const before = await countEvents(userId);
    for (const { path } of operations) await call("HEAD", pathOf(path), { bearer });
    // Events are recorded in order: once this one is there, all earlier events are there too.
    expect((await get(EXPORT, { bearer })).status).toBe(200);
    await eventsOf(userId, "data_exported");
    expect(await countEvents(userId)).toBe(before + 1);
  });
});

const operator = withStanding("superuser");
