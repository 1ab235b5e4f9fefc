import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { archiving } from "../support/archive.ts";
import { appWith, expectProblem, get, type Send } from "../support/client.ts";
import { event } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { recordLogs } from "../support/logs.ts";
import { addUserRow, type LoggedIn, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";
import { watchedDatabase } from "../support/watched-database.ts";

const EXPORT = "/api/v1/audit-events/export";
const start = Date.UTC(2026, 1, 1);

let admin: LoggedIn;

// Each test has its own operator, because the limit on exports counts per user.
beforeEach(async () => {
  admin = await withStanding("admin");
});

const download = (query: string, send?: Send) => get(`${EXPORT}?${query}`, { bearer: admin.accessToken }, send);

/** Records events of an account that does not exist, one per second. */
async function recorded(count: number, more: object = {}) {
  const userId = crypto.randomUUID();
  const events = Array.from({ length: count }, (_, index) =>
    event({ userId, actorId: null, occurredAt: start + index * 1_000, ipAddress: null, userAgent: null, ...more }),
  );
  for (let at = 0; at < count; at += 50) await coldIsolate().auditEvents.add(events.slice(at, at + 50));
  return { userId, ids: events.map(({ id }) => id).toReversed() };
}

async function exportEvent(): Promise<Record<string, unknown> | undefined> {
  const query = "SELECT details FROM audit_events WHERE type = 'audit_events_exported' AND actor_id = ?";
  return eventually(async () => {
    const text = await env.DB.prepare(query).bind(admin.userId).first<string>("details");
    expect(text).not.toBeNull();
    return JSON.parse(String(text));
  });
}

/** The cells of a CSV file without line breaks in its cells. */
const cellsOf = (line: string) => [...line.matchAll(/"((?:[^"]|"")*)"(?:,|$)/g)].map(([, cell = ""]) => cell);

describe("GET /api/v1/audit-events/export", () => {
  it("has every event of the filter as the list shows it, one a line, newest first, over many pages", async () => {
    const { userId, ids } = await recorded(2_100);
    const answer = await download(`format=ndjson&user_id=${userId}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Content-Type")).toBe("application/x-ndjson");
    expect(answer.headers.get("Content-Disposition")).toMatch(
      /^attachment; filename="audit-events-[\d-]{10}\.ndjson"$/,
    );
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    const events = answer.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ id }) => id)).toEqual(ids);
    const listed = await get(`/api/v1/audit-events?user_id=${userId}&limit=3`, { bearer: admin.accessToken });
    expect(events.slice(0, 3)).toEqual(listed.json.items);
  });

  it("takes the filters of the list, and is empty if nothing is found", async () => {
    const { userId, ids } = await recorded(5);
    const since = new Date(start + 1_000).toISOString();
    const until = new Date(start + 4_000).toISOString();
    const { text } = await download(`format=ndjson&user_id=${userId}&since=${since}&until=${until}`);
    expect(text.match(/"id":"[^"]+/g)?.map((found) => found.slice(6))).toEqual(ids.slice(1, 4));
    const none = await download(`format=ndjson&user_id=${userId}&type=role_changed&ip_address=192.0.2.1`);
    expect([none.status, none.text]).toEqual([200, ""]);
    const head = await download(`format=csv&user_id=${crypto.randomUUID()}`);
    expect(head.text).toBe(
      '"id","type","occurred_at","actor_id","user_id","ip_address","user_agent","request_id","details"\r\n',
    );
  });

  it.each([
    ...["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"].map((text) => [text, `'${text}`]),
    // With some regional settings, a spreadsheet also splits lines at semicolons, so a cell could begin there.
    ["Mozilla;=1+1; -1, a-b", "Mozilla;'=1+1; '-1, a-b"],
  ])("has no cell that a spreadsheet takes for a formula: %j", async (userAgent, shown) => {
    const { userId } = await recorded(1, { userAgent, actorId: null, details: { reason: 'a "quoted", one' } });
    await env.DB.prepare("UPDATE audit_events SET user_agent = ? WHERE user_id = ?").bind(userAgent, userId).run();
    await addUserRow(userId);
    const { headers, text } = await download(`format=csv&user_id=${userId}`);
    expect(headers.get("Content-Type")).toBe("text/csv");
    const cells = cellsOf(text.slice(text.indexOf("\r\n") + 2, -2));
    expect(cells).toHaveLength(9);
    expect(cells[6]).toBe(shown);
    expect(cells[8]).toBe('{""reason"":""a \\""quoted\\"", one""}');
    for (const cell of cells) expect(cell).not.toMatch(/^[=+\-@\t\r\n＝]/);
  });

  it("is recorded with the format and the filter, without an IP address", async () => {
    const userId = crypto.randomUUID();
    const filter = `user_id=${userId}&actor_id=${userId}&type=login_failed&ip_address=192.0.2.44`;
    await download(`format=csv&${filter}&since=2026-01-01T00:00:00Z&until=2026-02-01T01:00:00%2B01:00`);
    expect(await exportEvent()).toEqual({
      ...{ format: "csv", user_id: userId, actor_id: userId, type: "login_failed", by_ip_address: true },
      ...{ since: "2026-01-01T00:00:00.000Z", until: "2026-02-01T00:00:00.000Z" },
    });
  });

  it("reads both databases", async () => {
    const { userId, ids } = await recorded(3);
    const { text } = await download(`format=ndjson&user_id=${userId}`, archiving);
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).id),
    ).toEqual(ids);
  });

  /** The body of an export of many pages. `onCall` is called before each call of the database. */
  async function streamed(onCall: () => void) {
    const { userId } = await recorded(3_500);
    const DB = watchedDatabase(env.DB, async (make) => {
      onCall();
      return make();
    });
    const request = new Request(`http://localhost:8787${EXPORT}?format=csv&user_id=${userId}`, {
      headers: { Authorization: `Bearer ${admin.accessToken}` },
    });
    const { body, status } = await appWith({}, { DB })(request);
    expect(status).toBe(200);
    if (body === null) throw new Error("not a stream");
    return body.getReader();
  }

  it("reads a page only after the client has taken the one before, and stops when the client leaves", async () => {
    let calls = 0;
    const reader = await streamed(() => {
      calls += 1;
    });
    const before = calls;
    for (let part = 0; part < 2; part++) await reader.read();
    expect(calls - before).toBeLessThanOrEqual(2);
    await reader.cancel();
    const then = calls;
    await scheduler.wait(50);
    expect(calls).toBe(then);
  });

  it("breaks off where the database does, so that no client takes the part for the whole", async () => {
    const logs = recordLogs();
    let isAway = false;
    const reader = await streamed(() => {
      if (isAway) throw new Error("D1 is away");
    });
    await reader.read();
    isAway = true;
    const rest = async () => {
      while (!(await reader.read()).done);
    };
    await expect(rest()).rejects.toThrow("The export was broken off.");
    expect(logs().some((line) => line.event === "export_broken_off")).toBe(true);
  });

  it("needs a format, and is limited", async () => {
    expectProblem(await download("format=xml"), 422, "validation_failed");
    expectProblem(await download(""), 422, "validation_failed");
    const none = `format=csv&user_id=${crypto.randomUUID()}`;
    for (let turn = 0; turn < 5; turn++) expect((await download(none)).status).toBe(200);
    expectProblem(await download(none), 429, "rate_limited");
  });
});
