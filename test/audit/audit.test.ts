import {
  createExecutionContext,
  createMessageBatch,
  getQueueResult,
  runDurableObjectAlarm,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { MOST_EXAMINED } from "../../src/audit/event-rows.ts";
import { AUDIT_EVENT_TYPES, type AuditEvent, type AuditEventType } from "../../src/audit/event-types.ts";
import { retryDelay } from "../../src/audit/record.ts";
import { createAuditTrail } from "../../src/audit/trail.ts";
import { runCronTasks } from "../../src/cron-tasks.ts";
import worker from "../../src/index.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { Hops } from "../../src/platform/hops.ts";
import { earliestId, systemRandom } from "../../src/platform/random.ts";
import { changePassword, refresh, register } from "../support/account.ts";
import { appWith, call, expectProblem, get, post } from "../support/client.ts";
import { countingRows } from "../support/counted-rows.ts";
import { countRows, withoutTable } from "../support/database.ts";
import { event } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { withoutPauses } from "../support/held-timers.ts";
import { recordLogs } from "../support/logs.ts";
import {
  addUserRow,
  eventsOf,
  type LoggedIn,
  loggedIn,
  logIn,
  newPerson,
  registered,
  withStanding,
} from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const DAY = 86_400_000;

/** Passes messages to the Worker's consumer, like the queue does. */
async function consume(bodies: unknown[], attempts = 1) {
  return (await consumeMessages(bodies, attempts)).result;
}

async function consumeMessages(bodies: unknown[], attempts = 1) {
  const messages = bodies.map((body) => ({ id: crypto.randomUUID(), timestamp: new Date(), attempts, body }));
  const batch = createMessageBatch("postern-audit", messages);
  const context = createExecutionContext();
  await worker.queue(batch, env);
  await waitOnExecutionContext(context);
  return { messages, result: await getQueueResult(batch, context) };
}

describe("the audit log", () => {
  it("holds who did what to whom, from where, with what and when, and in which request [LG-9]", async () => {
    const address = "192.0.2.9";
    const options = { address, headers: { "User-Agent": "Test/1.0" } };
    const person = await logIn(await registered(), {}, options);
    const [row] = await eventsOf(person.userId, "login_succeeded");
    expect(row).toMatchObject({
      actor_id: person.userId,
      user_id: person.userId,
      ip_address: address,
      user_agent: "Test/1.0",
      request_id: person.answer.headers.get("X-Request-Id"),
      details: JSON.stringify({ session_id: person.sessionId }),
    });
    expect(Math.abs(Number(row?.occurred_at) - Date.now())).toBeLessThan(60_000);
  });

  it("records why a login failed, but not the typed name if no account has it [LG-9]", async () => {
    const person = await registered();
    const { userId } = await logIn(person);
    const address = "192.0.2.10";
    const headers = { "User-Agent": "Telescope/1.0", "X-Request-Id": `login-${crypto.randomUUID()}` };
    const logs = recordLogs();
    const before = Date.now();
    const body = { email: person.email, password: "a wrong password" };
    await post("/api/v1/auth/login", body, { address: "192.0.2.11", headers });
    const [wrong] = await eventsOf(userId, "login_failed");
    expect(wrong).toMatchObject({
      actor_id: null,
      user_id: userId,
      ip_address: "192.0.2.11",
      user_agent: "Telescope/1.0",
      request_id: headers["X-Request-Id"],
      details: '{"reason":"wrong_password"}',
    });
    expect(wrong?.occurred_at).toBeGreaterThanOrEqual(before);
    expect(logs().find((line) => line.request_id === headers["X-Request-Id"])).toMatchObject({
      error_code: "invalid_credentials",
    });
    for (const secret of [...Object.values(body), "192.0.2.11"]) expect(JSON.stringify(logs())).not.toContain(secret);

    const typed = `typed-by-mistake-${crypto.randomUUID()}`;
    await post("/api/v1/auth/login", { email: typed, password: "a wrong password" }, { address });
    const rows = await eventually(async () => {
      const query = "SELECT * FROM audit_events WHERE ip_address = ?";
      const { results } = await env.DB.prepare(query).bind(address).all();
      expect(results).toHaveLength(1);
      return results;
    });
    expect(rows[0]).toMatchObject({ user_id: null, details: '{"reason":"unknown_name"}' });
    expect(JSON.stringify(rows)).not.toContain(typed);
  });

  it("holds every event of an account's life, and no secret, link or address of mail in any", async () => {
    const person = await loggedIn();
    const bearer = person.accessToken;
    const again = await logIn(person);
    const password = "another fine password";
    await call("PUT", "/api/v1/users/me", { bearer, body: { first_name: "Ada", phone: "+441234567890" } });
    await call("DELETE", `/api/v1/users/me/sessions/${again.sessionId}`, { bearer });
    await logIn(person);
    await call("DELETE", "/api/v1/users/me/sessions", { bearer });
    await post("/api/v1/users/me/email", { email: newPerson().email, password: person.password }, { bearer });
    await changePassword(person, password);
    await get("/api/v1/users/me/export", { bearer });
    const thief = await logIn({ ...person, password });
    await refresh(thief.refreshToken);
    vi.setSystemTime(Date.now() + 60_000);
    await refresh(thief.refreshToken);
    vi.useRealTimers();
    await runDurableObjectAlarm(env.USER_SESSIONS.getByName(person.userId));
    await register({ ...newPerson(), email: person.email });
    await post("/api/v1/auth/logout", undefined, { bearer });
    const types: AuditEventType[] = [
      "registered",
      "email_verified",
      "login_succeeded",
      "profile_changed",
      "session_ended",
      "sessions_ended",
      "email_change_requested",
      "password_changed",
      "data_exported",
      "refresh_token_reused",
      "known_address_registered",
      "logged_out",
    ];
    for (const type of types) await eventsOf(person.userId, type);
    const { results } = await env.DB.prepare("SELECT * FROM audit_events WHERE user_id = ?").bind(person.userId).all();
    const text = JSON.stringify(results);
    for (const secret of [person.password, password, bearer, thief.refreshToken, person.email, "token=", "Ada"]) {
      expect(text).not.toContain(secret);
    }
  });

  it("records every act of an operator for good: who, on whom, what, and in which request [AC-7]", async () => {
    const superuser = await withStanding("superuser");
    const one = (id: string) => `/api/v1/users/${id}`;
    const bearer = superuser.accessToken;
    const { userId } = await loggedIn();
    const act = (method: string, path: string, body?: object) => call(method, path, { bearer, body });
    const deeds: [string, object, Awaited<ReturnType<typeof act>>][] = [
      ["role_changed", { old: "user", new: "moderator" }, await act("PATCH", one(userId), { role: "moderator" })],
      ["superuser_granted", {}, await act("PATCH", one(userId), { is_superuser: true })],
      ["superuser_revoked", {}, await act("PATCH", one(userId), { is_superuser: false })],
      ["verification_changed", { new: false }, await act("PATCH", one(userId), { is_verified: false })],
      ["profile_changed", { fields: "firstName" }, await act("PATCH", one(userId), { first_name: "Grace" })],
      ["account_suspended", {}, await act("PATCH", one(userId), { is_active: false })],
      ["account_reinstated", {}, await act("PATCH", one(userId), { is_active: true })],
      ["sessions_ended", {}, await act("POST", `${one(userId)}/revoke-sessions`)],
      ["password_reset_sent", {}, await act("POST", `${one(userId)}/send-password-reset`)],
      ["account_deleted", {}, await act("DELETE", one(userId))],
    ];
    await eventsOf(userId, "account_deleted");
    await eventsOf(userId, "password_reset_sent");
    const { json } = await get(`/api/v1/audit-events?user_id=${userId}&limit=100`, { bearer });
    for (const [type, details, { headers }] of deeds) {
      expect(json.items).toContainEqual(
        expect.objectContaining({
          type,
          details,
          actor_id: superuser.userId,
          user_id: userId,
          request_id: headers.get("X-Request-Id"),
          occurred_at: expect.any(String),
        }),
      );
    }
    const [newest] = json.items;
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      expectProblem(await act(method, "/api/v1/audit-events"), 405, "method_not_allowed");
      expectProblem(await act(method, `/api/v1/audit-events/${newest.id}`), 404, "not_found");
    }
  });

  it("says in plain words what every type means", () => {
    for (const [type, meaning] of Object.entries(AUDIT_EVENT_TYPES)) {
      expect(type).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(meaning).toMatch(/^[A-Z].*\.$/);
    }
  });

  it("records an event once, even if it arrives several times in several batches", async () => {
    const userId = crypto.randomUUID();
    const events = Array.from({ length: 150 }, () => event({ userId }));
    await consume(events.slice(0, 100));
    await consume(events.slice(50, 150), 2);
    await Promise.all([consume(events.slice(0, 60)), consume(events.slice(40, 100))]);
    expect(await countRows("audit_events", "user_id", userId)).toBe(150);
  });

  it("asks for the batch again, later, while the database does not take it, and loses none", async () => {
    const logs = recordLogs();
    const userId = crypto.randomUUID();
    const events = [event({ userId }), event({ userId })];
    await withoutTable("audit_events", async () => {
      const first = await consume(events);
      expect(first.retryBatch).toMatchObject({ retry: true });
      expect(first.ackAll).toBe(false);
      await consume(events, 3);
      expect([1, 3, 30].map(retryDelay)).toEqual([5, 20, 600]);
    });
    // The real queue's consumer may find the table missing too, and add lines to the log.
    expect(logs().filter((line) => line.event === "audit_failed").length).toBeGreaterThanOrEqual(2);
    expect((await consume(events, 4)).ackAll).toBe(true);
    expect(await eventsOf(userId, "login_failed", 2)).toHaveLength(2);
  });

  it("drops what is no event, says so in the log, and records the others", async () => {
    const logs = recordLogs();
    const userId = crypto.randomUUID();
    const result = await consume([null, "text", { id: 1 }, { ...event(), type: "<b>" }, event({ userId })]);
    expect(result.ackAll).toBe(true);
    expect(result.retryMessages).toEqual([]);
    expect(await eventsOf(userId, "login_failed")).toHaveLength(1);
    expect(logs().filter((line) => line.event === "audit_event_unreadable")).toHaveLength(4);
  });

  it("retries an event that only a newer release knows, later and alone, until it reaches the dead-letter queue", async () => {
    const logs = recordLogs();
    const userId = crypto.randomUUID();
    const ofNewType = { ...event(), type: "of_a_newer_release" };
    const withNewField = { ...event(), country: "NZ" };
    const bodies = [event({ userId }), ofNewType, event({ userId }), withNewField];
    for (const attempts of [1, 3]) {
      const { messages, result } = await consumeMessages(bodies, attempts);
      expect(result.ackAll, "the known events are done").toBe(true);
      expect(result.retryBatch.retry).toBe(false);
      expect(result.retryMessages).toEqual([messages[1], messages[3]].map((message) => ({ msgId: message?.id })));
    }
    expect(await countRows("audit_events", "user_id", userId), "recorded once").toBe(2);
    expect(await countRows("audit_events", "id", ofNewType.id)).toBe(0);
    const unknown = logs().filter((line) => line.event === "audit_event_unknown");
    expect(unknown[0]).toMatchObject({ event_type: "of_a_newer_release", event_id: ofNewType.id, attempts: 1 });
  });

  it("drops what is no event once, even if the database does not take the others", async () => {
    await withoutTable("audit_events", async () => {
      const { messages, result } = await consumeMessages([event(), null, { ...event(), type: "of_a_newer_release" }]);
      expect(result.retryBatch.retry).toBe(true);
      expect(result.explicitAcks).toEqual([messages[1]?.id]);
    });
  });

  it("tries a queue that does not answer again, and names in the log what it lost at last", async () => {
    const broken = (failures: number) => {
      const counted = { calls: 0 };
      const sent: unknown[] = [];
      const sendBatch = async (messages: Iterable<{ body: AuditEvent }>) => {
        counted.calls += 1;
        if (counted.calls <= failures) throw new Error("the queue is down");
        sent.push(...messages);
        return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
      };
      return { sent, counted, queue: { sendBatch } as unknown as Queue<AuditEvent> };
    };
    const origin = { ipAddress: "192.0.2.1", userAgent: null, requestId: null };
    const trailOn = (queue: Queue<AuditEvent>) =>
      createAuditTrail(queue, origin, { clock: systemClock, hops: new Hops(systemClock), random: systemRandom });

    const once = broken(2);
    const trail = trailOn(once.queue);
    trail.note("logged_out", { userId: crypto.randomUUID() });
    await withoutPauses(() => trail.send());
    expect([once.sent.length, once.counted.calls]).toEqual([1, 3]);
    expect(trail.isEmpty).toBe(true);

    const logs = recordLogs();
    const down = broken(99);
    const never = trailOn(down.queue);
    const userId = crypto.randomUUID();
    never.note("login_succeeded", { userId });
    never.note("login_failed");
    await withoutPauses(() => never.send());
    expect(down.counted.calls, "with three pauses between").toBe(4);
    const lost = logs().filter((line) => line.event === "audit_event_lost");
    expect(lost).toHaveLength(2);
    expect(lost[0]).toMatchObject({ event_type: "login_succeeded", user_id: userId });
    expect(JSON.stringify(lost)).not.toContain("192.0.2.1");
  });

  it("keeps events for as long as it is configured to, and deletes older ones by the cron trigger", async () => {
    const userId = crypto.randomUUID();
    const old = Date.now() - 366 * DAY;
    const { auditEvents } = coldIsolate();
    await auditEvents.add([event({ userId, occurredAt: old }), event({ userId, occurredAt: old + 2 * DAY })]);
    await runCronTasks(coldIsolate());
    expect(await eventsOf(userId, "login_failed")).toHaveLength(1);
    await runCronTasks(coldIsolate({ AUDIT_RETENTION_DAYS: "30" }));
    expect(await countRows("audit_events", "user_id", userId)).toBe(0);
  });

  it("deletes in bounded steps", async () => {
    const { auditEvents } = coldIsolate();
    const userId = crypto.randomUUID();
    await auditEvents.add(Array.from({ length: 7 }, (_, index) => event({ userId, occurredAt: 1_000 + index })));
    expect(await auditEvents.deleteOlder(2_000, 5)).toBe(5);
    expect(await auditEvents.deleteOlder(2_000, 5)).toBe(2);
  });
});

describe("GET /api/v1/audit-events", () => {
  let admin: LoggedIn;
  const userId = crypto.randomUUID();
  const start = Date.parse("2026-03-01T00:00:00Z");

  beforeAll(async () => {
    admin = await withStanding("admin");
    const events = Array.from({ length: 30 }, (_, index) =>
      event({ userId, occurredAt: start + index * 1_000, type: index % 3 === 0 ? "logged_out" : "login_failed" }),
    );
    await coldIsolate().auditEvents.add(events);
  });

  const list = (query: string) => get(`/api/v1/audit-events?${query}`, { bearer: admin.accessToken });

  it("gives every event of a filter once, newest first, page by page", async () => {
    const seen: { id: string; type: string }[] = [];
    let cursor = "";
    do {
      const { json } = await list(`user_id=${userId}&type=login_failed&limit=6${cursor && `&cursor=${cursor}`}`);
      seen.push(...json.items);
      cursor = json.next_cursor ?? "";
    } while (cursor !== "");
    expect(seen).toHaveLength(20);
    expect(new Set(seen.map(({ type }) => type))).toEqual(new Set(["login_failed"]));
    const ids = seen.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted().toReversed());
  });

  it("filters by time, the end excluded", async () => {
    const since = "2026-03-01T00:00:10Z";
    const until = encodeURIComponent("2026-03-01T01:00:20+01:00");
    const { json } = await list(`user_id=${userId}&since=${since}&until=${until}&limit=100`);
    expect(json.items).toHaveLength(10);
    expect(json.items.at(-1).occurred_at).toBe("2026-03-01T00:00:10.000Z");
  });

  it("filters by who acted, together with the type and the account", async () => {
    const [actorId, other] = [crypto.randomUUID(), crypto.randomUUID()];
    const ofActor = { actorId, occurredAt: start };
    await coldIsolate().auditEvents.add([
      event({ ...ofActor, userId: other, type: "role_changed" }),
      event({ ...ofActor, userId: actorId, type: "role_changed" }),
      event({ ...ofActor, userId: other, type: "account_suspended" }),
      event({ actorId: other, userId: actorId, occurredAt: start, type: "role_changed" }),
    ]);
    const count = async (query: string) => (await list(query)).json.items.length;
    expect(await count(`actor_id=${actorId.toUpperCase()}`)).toBe(3);
    expect(await count(`actor_id=${actorId}&type=role_changed`)).toBe(2);
    expect(await count(`actor_id=${actorId}&user_id=${other}&type=role_changed`)).toBe(1);
  });

  it("filters by IP address, in any notation of its letters, and hides that of a deleted user", async () => {
    const person = await loggedIn();
    const [v4, v6] = ["198.51.100.77", "2001:db8::77"];
    await coldIsolate().auditEvents.add([
      event({ actorId: person.userId, userId: person.userId, ipAddress: v4 }),
      event({ actorId: null, userId: null, ipAddress: v4 }),
      event({ actorId: null, userId: null, ipAddress: v6 }),
      event({ actorId: null, userId: null, ipAddress: "198.51.100.7" }),
    ]);
    const found = async (query: string) => (await list(query)).json.items;
    expect(await found(`ip_address=${v4}`)).toHaveLength(2);
    expect(await found(`ip_address=${v4}&user_id=${person.userId}`)).toHaveLength(1);
    expect(await found(`ip_address=${v4}&until=2026-01-01T00:00:00Z`)).toHaveLength(0);
    expect(await found(`ip_address=${v4}&since=2026-01-01T00:00:00Z&type=login_failed`)).toHaveLength(2);
    expect(await found(`ip_address=${v6.toUpperCase()}`)).toMatchObject([{ ip_address: v6 }]);
    await env.DB.prepare("DELETE FROM users WHERE id = ?").bind(person.userId).run();
    expect(await found(`ip_address=${v4}`)).toMatchObject([{ actor_id: null }]);
  });

  it("looks at a bounded number of events for an IP address, and goes on where it stopped", async () => {
    const [of, ip] = [crypto.randomUUID(), "198.51.100.78"];
    const insert = `INSERT INTO audit_events (id, type, occurred_at, actor_id, user_id, ip_address)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
      SELECT printf('%08x-0000-7000-8000-%012x', i, ?3), 'login_failed', i, ?1, ?1, iif(i % 8000 = 1, ?4, '192.0.2.3') FROM n`;
    await addUserRow(of);
    await env.DB.prepare(insert)
      .bind(of, 24_000, Math.floor(Math.random() * 2 ** 40), ip)
      .run();
    const { DB, count } = countingRows();
    const send = appWith({}, { DB });
    const sizes: number[] = [];
    let cursor = "";
    do {
      const before = count.rowsRead;
      const query = `actor_id=${of}&ip_address=${ip}&limit=5${cursor && `&cursor=${cursor}`}`;
      const { json } = await get(`/api/v1/audit-events?${query}`, { bearer: admin.accessToken }, send);
      expect(count.rowsRead - before).toBeLessThan(3 * MOST_EXAMINED + 100);
      sizes.push(json.items.length);
      cursor = json.next_cursor ?? "";
    } while (cursor !== "");
    // Each page has one match: first event 16,001, then 8,001, then 1.
    expect(sizes).toEqual([1, 1, 1]);
  });

  it("reads by an index", async () => {
    const query = `EXPLAIN QUERY PLAN SELECT * FROM audit_events WHERE user_id = 'x' AND id < '${earliestId(start)}' ORDER BY id DESC LIMIT 51`;
    const { results } = await env.DB.prepare(query).all<{ detail: string }>();
    const plan = results.map(({ detail }) => detail).join("\n");
    expect(plan).toContain("audit_events_user");
    expect(plan).not.toContain("TEMP B-TREE");
  });

  it.each([
    "type=nonsense",
    "since=yesterday",
    "user_id=1",
    "limit=1000",
    "cursor=x",
    "who=me",
    "actor_id=me",
    "ip_address=1",
    "ip_address=192.0.2.0/24",
  ])("refuses ?%s", async (query) => {
    expectProblem(await list(query), 422, "validation_failed");
  });
});

describe("GET /api/v1/users/me/security-events", () => {
  it("shows users what happened to their own account only", async () => {
    const person = await loggedIn();
    await post("/api/v1/auth/login", { email: person.email, password: "a wrong password" });
    const admin = await withStanding("admin");
    const path = `/api/v1/users/${person.userId}`;
    await call("PATCH", path, { bearer: admin.accessToken, body: { first_name: "Ada" } });
    await eventsOf(person.userId, "profile_changed");
    await eventsOf(person.userId, "login_failed");
    await eventsOf(person.userId, "login_succeeded");
    const { json } = await get("/api/v1/users/me/security-events?limit=100", { bearer: person.accessToken });
    const byType = new Map(json.items.map((item: { type: string }) => [item.type, item]));
    expect(byType.get("login_succeeded")).toMatchObject({ by: "you" });
    expect(byType.get("login_failed")).toMatchObject({ by: "unknown", details: { reason: "wrong_password" } });
    expect(byType.get("profile_changed")).toMatchObject({ by: "operator", ip_address: null, user_agent: null });
    expect(JSON.stringify(json)).not.toContain(admin.userId);
    const theirs = await get("/api/v1/users/me/security-events", { bearer: admin.accessToken });
    expect(JSON.stringify(theirs.json)).not.toContain(json.items[0].id);
  });

  it("goes on from the cursor", async () => {
    const person = await loggedIn();
    for (let turn = 0; turn < 3; turn++) await logIn(person);
    await eventsOf(person.userId, "login_succeeded", 4);
    const first = await get("/api/v1/users/me/security-events?limit=2", { bearer: person.accessToken });
    const cursor = first.json.next_cursor;
    const second = await get(`/api/v1/users/me/security-events?limit=2&cursor=${cursor}`, {
      bearer: person.accessToken,
    });
    const ids = [...first.json.items, ...second.json.items].map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
    expectProblem(await get("/api/v1/users/me/security-events"), 401, "unauthorized");
  });
});
