import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { runCronTasks } from "../../src/cron-tasks.ts";
import worker from "../../src/index.ts";
import { createId, systemRandom } from "../../src/platform/random.ts";
import { createServices } from "../../src/services.ts";
import measured from "../measure/archive-rows.json" with { type: "json" };
import { tryLogin } from "../support/account.ts";
import {
  ARCHIVE_DOWN,
  archiving,
  archivingIsolate,
  drain,
  personalEvents,
  placesOf,
  refusedLogin,
  settle,
  WITH_ARCHIVE,
} from "../support/archive.ts";
import { appWith, expectProblem, get, post, theWorker } from "../support/client.ts";
import { countingRows } from "../support/counted-rows.ts";
import { countRows } from "../support/database.ts";
import { event } from "../support/events.ts";
import { recordLogs } from "../support/logs.ts";
import { addUserRow, eventsOf, loggedIn, newPerson, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";
import { watchedDatabase } from "../support/watched-database.ts";

const DAY = 86_400_000;

/** Adds events to `DB`, oldest first, and returns their ids. */
async function staged(userId: string, count: number, more: object = {}): Promise<string[]> {
  const start = Date.now();
  const events = Array.from({ length: count }, (_, index) =>
    refusedLogin(userId, { occurredAt: start + index, ...more }),
  );
  await coldIsolate().auditEvents.add(events);
  return events.map(({ id }) => id);
}

describe("events that are moved to a database of their own", () => {
  it("are copied by one run and deleted by the next, unchanged, each exactly once", async () => {
    const { userId } = await loggedIn();
    const ids = await staged(userId, 7);
    const query = "SELECT id, type, occurred_at, actor_id, user_id, ip_address, user_agent, request_id, details";
    const rowsIn = async (d1: D1Database, table: string) =>
      (await d1.prepare(`${query} FROM ${table} WHERE user_id = ? AND id >= ? ORDER BY id`).bind(userId, ids[0]).all())
        .results;
    const before = await rowsIn(env.DB, "audit_events");
    await drain();
    expect(await rowsIn(env.DB, "audit_events"), "a list may read one of the databases a little later").toEqual(before);
    expect(await rowsIn(env.TEST_AUDIT_DB, "archived_events")).toEqual(before);
    await drain();
    expect(await rowsIn(env.DB, "audit_events")).toEqual(before);
    await settle();
    await drain();
    expect(await rowsIn(env.DB, "audit_events")).toEqual([]);
    expect(await rowsIn(env.TEST_AUDIT_DB, "archived_events")).toEqual(before);
  });

  it("stay in D1 for a while each, also next to older ones that go", async () => {
    const userId = crypto.randomUUID();
    const older = await staged(userId, 2);
    await drain();
    await settle();
    const newer = await staged(userId, 2, { occurredAt: Date.now() + 10 });
    await drain();
    expect(await placesOf(userId)).toEqual({ staged: newer.toSorted(), archived: [...older, ...newer].toSorted() });
  });

  it("are moved by the cron job", async () => {
    const userId = crypto.randomUUID();
    const ids = await staged(userId, 3);
    await runCronTasks(archivingIsolate());
    await settle();
    await runCronTasks(archivingIsolate());
    expect(await placesOf(userId)).toEqual({ staged: [], archived: ids });
  });

  it("are moved step by step, however many there are", async () => {
    const userId = crypto.randomUUID();
    const ids = await staged(userId, 25);
    await staged(userId, 5, { type: "logged_out" });
    await drain(archivingIsolate(), 0, 4);
    await settle();
    await drain(archivingIsolate(), 0, 4);
    const { staged: left, archived } = await placesOf(userId);
    expect(left).toEqual([]);
    expect(archived).toHaveLength(30);
    expect(archived).toEqual(expect.arrayContaining(ids));
  });

  it("stay in D1 without that database, at no statement more", async () => {
    const { DB, count } = countingRows();
    const services = createServices({ ...env, DB }, parseConfig(env));
    await drain(services);
    await services.auditEvents.stage([]);
    expect({ ...count }).toEqual({ rowsRead: 0, rowsWritten: 0, reads: 0, writes: 0 });
    await services.auditEvents.list({ userId: crypto.randomUUID() }, { limit: 5 });
    expect(count).toMatchObject({ reads: 1, writes: 0 });
    expect(services.hops.made).toHaveLength(1);
  });

  it("are neither lost nor doubled if any call fails, before or after its effect, and the next runs finish", async () => {
    let calls = 0;
    for (let failing = 1; ; failing++) {
      for (const isMade of [false, true]) {
        const userId = crypto.randomUUID();
        const ids = await staged(userId, 3);
        // The first run copies the events, and the second one deletes them from `DB`.
        for (const run of ["copies", "deletes"]) {
          calls = 0;
          const call = async <Result>(make: () => Promise<Result>) => {
            calls += 1;
            if (calls !== failing) return make();
            if (isMade) await make();
            throw new Error("lost");
          };
          const services = archivingIsolate({
            DB: watchedDatabase(env.DB, call),
            AUDIT_DB: watchedDatabase(env.TEST_AUDIT_DB, call),
          });
          await drain(services).catch(() => {});
          const { staged: left, archived } = await placesOf(userId);
          expect([...new Set([...left, ...archived])].toSorted(), `${run}, call ${failing}`).toEqual(ids);
          const { items } = await listOf(userId);
          expect(items.map(({ id }: { id: string }) => id).toReversed()).toEqual(ids);
          await settle();
        }
        await drain();
        await settle();
        await drain();
        expect(await placesOf(userId), `failed at call ${failing}`).toEqual({ staged: [], archived: ids });
      }
      if (calls < failing) break;
    }
    expect(calls, "every call of a run that deletes has failed once").toBeGreaterThanOrEqual(4);
  });

  it("keep no personal data of a user who is deleted at any call of a run", async () => {
    for (let interrupted = 1, calls = 0; ; interrupted++, calls = 0) {
      const person = await loggedIn();
      await staged(person.userId, 2);
      expect(await personalEvents(person.userId)).toBeGreaterThan(2);
      const remove = () =>
        appWith(
          {},
          WITH_ARCHIVE,
        )(
          new Request("http://localhost:8787/api/v1/users/me", {
            method: "DELETE",
            headers: { Authorization: `Bearer ${person.accessToken}`, "Content-Type": "application/json" },
            body: JSON.stringify({ password: person.password }),
          }),
        );
      const call = async <Result>(make: () => Promise<Result>) => {
        calls += 1;
        if (calls === interrupted) expect((await remove()).status).toBe(204);
        return make();
      };
      const services = archivingIsolate({
        DB: watchedDatabase(env.DB, call),
        AUDIT_DB: watchedDatabase(env.TEST_AUDIT_DB, call),
      });
      await drain(services);
      if (calls < interrupted) break;
      expect(await personalEvents(person.userId), `deleted before call ${interrupted}`).toBe(0);
      await settle();
    }
  });

  it("lose personal data also if the run that copied them was cut off before it saw that the user is gone", async () => {
    const { userId } = await loggedIn();
    await staged(userId, 2);
    let calls = 0;
    const call = async <Result>(make: () => Promise<Result>) => {
      calls += 1;
      if (calls > 2) throw new Error("cut off");
      return make();
    };
    const DB = watchedDatabase(env.DB, call);
    const AUDIT_DB = watchedDatabase(env.TEST_AUDIT_DB, call);
    await expect(drain(archivingIsolate({ DB, AUDIT_DB }))).rejects.toThrow();
    // Deletes the user. The follow-up of the deletion reaches only the events in `DB`, and not the copies.
    await env.DB.prepare("DELETE FROM users WHERE id = ?").bind(userId).run();
    await coldIsolate().auditEvents.anonymise(userId, "", 1_000);
    expect(await personalEvents(userId)).toBeGreaterThan(0);
    await drain();
    expect(await personalEvents(userId)).toBe(0);
  });

  it("stay in D1 as long as a condition there looks for them", async () => {
    const userId = crypto.randomUUID();
    const kept = [
      ...(await staged(userId, 1, { type: "data_imported" })),
      ...(await staged(userId, 1, { type: "first_superuser_link_logged" })),
    ];
    const imported = await staged(userId, 1, { type: "account_imported" });
    for (const isOver of [false, true]) {
      const importedBefore = Date.now() + (isOver ? DAY : -DAY);
      await drain(archivingIsolate(), importedBefore);
      await settle();
      await drain(archivingIsolate(), importedBefore);
      const { staged: left, archived } = await placesOf(userId);
      expect(archived).toEqual(isOver ? imported : []);
      expect(left).toEqual(expect.arrayContaining(kept));
    }
  });

  it("are found without reading the many that stay", async () => {
    await drain();
    await settle();
    await drain();
    const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)";
    await env.DB.prepare(
      `INSERT INTO audit_events (id, type, occurred_at) ${numbers} SELECT printf('kept-%08d', i), 'account_imported', 1 FROM n`,
    ).run();
    const { DB, count } = countingRows();
    await drain(archivingIsolate({ DB }));
    expect(count.rowsRead).toBeLessThan(200);
    await env.DB.exec("DELETE FROM audit_events WHERE id LIKE 'kept-%'");
  });

  it("are written there at once if they come through the queue, once even if they arrive twice", async () => {
    const { userId } = await loggedIn();
    const gone = crypto.randomUUID();
    const events = [refusedLogin(userId), refusedLogin(userId), refusedLogin(gone)];
    const bindings = { ...env, ...WITH_ARCHIVE };
    for (const attempts of [1, 2]) {
      const messages = events.map((body) => ({ id: crypto.randomUUID(), timestamp: new Date(), attempts, body }));
      const batch = createMessageBatch("postern-audit", messages);
      await worker.queue(batch, bindings);
      expect((await getQueueResult(batch, createExecutionContext())).ackAll).toBe(true);
    }
    const { staged: left, archived } = await placesOf(userId);
    expect(archived).toEqual([events[0]?.id, events[1]?.id].toSorted());
    expect(left).not.toContain(events[0]?.id);
    expect((await placesOf(gone)).archived).toEqual([events[2]?.id]);
    expect(await personalEvents(gone), "of a user who was deleted before the event arrived").toBe(0);
    expect(await personalEvents(userId)).toBeGreaterThanOrEqual(2);
  });

  it("are anonymised and deleted in both databases, step by step", async () => {
    const userId = crypto.randomUUID();
    const { auditEvents } = archivingIsolate();
    const old = Date.now() - 366 * DAY;
    const at = (index: number) => refusedLogin(userId, { occurredAt: old + index });
    await auditEvents.add([at(0), at(2), at(4), at(6)]);
    await coldIsolate().auditEvents.add([at(1), at(3)]);
    // As if the user had existed when the events were added: `add` stores no addresses of unknown users.
    for (const [d1, table] of [
      [env.DB, "audit_events"],
      [env.TEST_AUDIT_DB, "archived_events"],
    ] as const)
      await d1.prepare(`UPDATE ${table} SET ip_address = '192.0.2.1' WHERE user_id = ?`).bind(userId).run();
    let after: string | undefined = "";
    let steps = 0;
    for (; after !== undefined; steps++) after = await auditEvents.anonymise(userId, after, 3);
    expect(steps).toBe(2);
    expect(await personalEvents(userId)).toBe(0);

    expect(await auditEvents.deleteOlder(old + 10, 3)).toBe(3);
    expect(await auditEvents.deleteOlder(old + 10, 3)).toBe(1);
    expect(await placesOf(userId)).toEqual({ staged: [], archived: [] });
  });

  it("cost the rows that docs/scaling.md has prices for", async () => {
    const { userId } = await loggedIn();
    await drain();
    await settle();
    await drain();
    const rowsOf = async (work: (services: ReturnType<typeof archivingIsolate>) => Promise<unknown>) => {
      const [directory, archive] = [countingRows(), countingRows(env.TEST_AUDIT_DB)];
      await work(archivingIsolate({ DB: directory.DB, AUDIT_DB: archive.DB }));
      return directory.count.rowsWritten + archive.count.rowsWritten;
    };
    const throughQueue = await rowsOf(({ auditEvents }) => auditEvents.add([refusedLogin(userId)]));
    const { DB, count } = countingRows();
    await createServices({ ...env, DB }, parseConfig(env)).auditEvents.add([refusedLogin(userId)]);
    const copied = await rowsOf(drain);
    await settle();
    const deleted = await rowsOf(drain);
    expect({ written: count.rowsWritten, moved: copied + deleted, throughQueue }).toEqual(measured);
  });

  it("of a type that only a newer release knows wait for that release", async () => {
    const userId = crypto.randomUUID();
    const id = createId(Date.now(), systemRandom);
    const insert = "INSERT INTO audit_events (id, type, occurred_at, user_id) VALUES (?, 'of_a_newer_release', 1, ?)";
    await env.DB.prepare(insert).bind(id, userId).run();
    await drain();
    expect(await placesOf(userId)).toEqual({ staged: [id], archived: [] });
  });
});

async function listOf(userId: string, query = "limit=100") {
  const admin = await operator();
  const answer = await get(`/api/v1/audit-events?user_id=${userId}&${query}`, { bearer: admin }, archiving);
  expect(answer.status).toBe(200);
  return answer.json;
}

let bearer: Promise<string> | undefined;
const operator = () => {
  bearer ??= withStanding("admin").then(({ accessToken }) => accessToken);
  return bearer;
};

describe("lists of events in two databases", () => {
  it("are in one order, page by page across the border, with each event once", async () => {
    const userId = crypto.randomUUID();
    const archived = await staged(userId, 7);
    await drain();
    await settle();
    await drain();
    const both = await staged(userId, 3, { occurredAt: Date.now() + 1 });
    await drain();
    const left = await staged(userId, 4, { occurredAt: Date.now() + 2 });
    expect(await placesOf(userId)).toEqual({
      staged: [...both, ...left].toSorted(),
      archived: [...archived, ...both].toSorted(),
    });
    const all = [...archived, ...both, ...left].toSorted().toReversed();
    for (const limit of [1, 3, 4, 5, 13, 14]) {
      const seen: string[] = [];
      let cursor = "";
      do {
        const { items, next_cursor } = await listOf(userId, `limit=${limit}${cursor && `&cursor=${cursor}`}`);
        expect(items.length).toBeLessThanOrEqual(limit);
        seen.push(...items.map(({ id }: { id: string }) => id));
        cursor = next_cursor ?? "";
      } while (cursor !== "");
      expect(seen, `${limit} a page`).toEqual(all);
    }
    const { items } = await listOf(userId, "type=login_failed&limit=2");
    expect(items.map(({ id }: { id: string }) => id)).toEqual(all.slice(0, 2));
    expect((await listOf(userId, "type=logged_out")).items).toEqual([]);
  });

  it("are found by IP address in both, without those of deleted users", async () => {
    const [{ userId }, ip] = [await loggedIn(), "198.51.100.79"];
    const gone = crypto.randomUUID();
    const moved = await staged(userId, 3, { ipAddress: ip, actorId: userId });
    await addUserRow(gone);
    await staged(gone, 2, { ipAddress: ip, actorId: gone });
    await drain();
    await settle();
    await drain();
    await env.DB.prepare("DELETE FROM users WHERE id = ?").bind(gone).run();
    const left = await staged(userId, 2, { ipAddress: ip, actorId: userId, occurredAt: Date.now() + 5 });
    const all = [...moved, ...left].toSorted().toReversed();
    for (const limit of [1, 2, 5, 7]) {
      const seen: string[] = [];
      let before: string | undefined;
      do {
        const { events, next } = await archivingIsolate().auditEvents.list({ ipAddress: ip }, { limit, before });
        expect(events.length).toBeLessThanOrEqual(limit);
        seen.push(...events.map(({ id }) => id));
        before = next ?? undefined;
      } while (before !== undefined);
      expect(seen, `${limit} a page`).toEqual(all);
    }
  });

  it("are in one order also if that database has newer ones, and show the address of a client that names nobody", async () => {
    const begin = Date.UTC(2100, 0, 1);
    const at = (index: number) => event({ occurredAt: begin + index, ipAddress: `192.0.2.${index}` });
    const [first, second, third] = [at(0), at(1), at(2)];
    await archivingIsolate().auditEvents.add([first, third]);
    await coldIsolate().auditEvents.stage([second]);
    const path = `/api/v1/audit-events?since=${new Date(begin).toISOString()}`;
    const { items } = (await get(path, { bearer: await operator() }, archiving)).json;
    expect(items.map(({ ip_address }: { ip_address: string }) => ip_address)).toEqual([
      "192.0.2.2",
      "192.0.2.1",
      "192.0.2.0",
    ]);
    await env.DB.prepare("DELETE FROM audit_events WHERE id = ?").bind(second.id).run();
    await env.TEST_AUDIT_DB.prepare("DELETE FROM archived_events WHERE id IN (?, ?)").bind(first.id, third.id).run();
  });

  it("show users their own events of both, and the export has all of them", async () => {
    const person = await loggedIn();
    const before = await staged(person.userId, 2);
    await drain();
    await settle();
    await drain();
    const after = await staged(person.userId, 1, { occurredAt: Date.now() + 1 });
    const mine = await get("/api/v1/users/me/security-events?limit=100", { bearer: person.accessToken }, archiving);
    const ids = mine.json.items.map(({ id }: { id: string }) => id);
    expect(ids.slice(0, 3)).toEqual([...after, ...before.toReversed()]);
    expect(mine.json.items[1]).toMatchObject({ ip_address: "192.0.2.77", details: { reason: "wrong_password" } });
    const { json } = await get("/api/v1/users/me/export", { bearer: person.accessToken }, archiving);
    expect(json.security_events.map(({ id }: { id: string }) => id)).toEqual(ids);
  });

  it("hide the personal data of a deleted user before it is removed, and not that of others", async () => {
    const [person, other] = [await loggedIn(), await loggedIn()];
    const deed = { actorId: other.userId, type: "role_changed" };
    const ids = [...(await staged(person.userId, 1)), ...(await staged(person.userId, 1, deed))];
    await drain();
    await settle();
    await drain();
    await env.DB.prepare("DELETE FROM users WHERE id = ?").bind(person.userId).run();
    const { items } = await listOf(person.userId);
    const [theirs, ofOther] = ids.map((id) => items.find((item: { id: string }) => item.id === id));
    expect(theirs).toMatchObject({ ip_address: null, user_agent: null });
    expect(ofOther).toMatchObject({ ip_address: "192.0.2.77", user_agent: "Telescope/2.0" });
    expect(await personalEvents(person.userId)).toBeGreaterThan(0);
  });

  it("cost no hop more for the user, and one more for an operator", async () => {
    const person = await loggedIn();
    await staged(person.userId, 2);
    await drain();
    await settle();
    await drain();
    const admin = await operator();
    const hopsOf = async (path: string, token: string, send = theWorker) => {
      // The first request also reads the signing keys, so only the second one is measured.
      await get(path, { bearer: token }, send);
      const logs = recordLogs();
      expect((await get(path, { bearer: token }, send)).status).toBe(200);
      return logs().find(({ event }) => event === "request")?.hops;
    };
    const own = "/api/v1/users/me/security-events";
    const all = `/api/v1/audit-events?user_id=${person.userId}`;
    expect([await hopsOf(own, person.accessToken), await hopsOf(all, admin)]).toEqual([2, 2]);
    expect([await hopsOf(own, person.accessToken, archiving), await hopsOf(all, admin, archiving)]).toEqual([2, 3]);
  });

  it("answer 503 rather than with less while that database is down, and changes go on", async () => {
    const person = await loggedIn();
    const send = appWith({}, ARCHIVE_DOWN);
    const own = await get("/api/v1/users/me/security-events", { bearer: person.accessToken }, send);
    expectProblem(own, 503, "unavailable");
    expectProblem(await get("/api/v1/audit-events", { bearer: await operator() }, send), 503, "unavailable");

    const newcomer = newPerson();
    expect((await post("/api/v1/auth/register", newcomer, {}, send)).status).toBe(202);
    expect((await tryLogin(person, {}, send)).status).toBe(200);
    const [, second] = await eventsOf(person.userId, "login_succeeded", 2);
    expect(second).toBeDefined();

    const ids = await staged(person.userId, 2);
    await expect(runCronTasks(archivingIsolate(ARCHIVE_DOWN))).rejects.toThrow(
      "delete_audit_events, move_audit_events",
    );
    expect((await placesOf(person.userId)).staged).toEqual(expect.arrayContaining(ids));
    await drain();
    expect((await placesOf(person.userId)).archived).toEqual(expect.arrayContaining(ids));
  });

  it("are complete while an event that comes through the queue waits for that database", async () => {
    const userId = crypto.randomUUID();
    const messages = [{ id: crypto.randomUUID(), timestamp: new Date(), attempts: 1, body: refusedLogin(userId) }];
    const batch = createMessageBatch("postern-audit", messages);
    await worker.queue(batch, { ...env, ...ARCHIVE_DOWN });
    expect((await getQueueResult(batch, createExecutionContext())).retryBatch).toMatchObject({ retry: true });
    expect(await countRows("audit_events", "user_id", userId)).toBe(0);
    await worker.queue(createMessageBatch("postern-audit", messages), { ...env, ...WITH_ARCHIVE });
    expect((await listOf(userId)).items).toHaveLength(1);
  });
});
