/**
 * `npm run measure:growth`: measures the CPU time that SQLite takes for the service's own statements, with few and with
 * many users and audit events. Writes growth.json for docs/scaling.md.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createAuditEventStore } from "../../src/audit/event-store.ts";
import { openDatabase } from "../../src/db/client.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { Hops } from "../../src/platform/hops.ts";
import { createUserAdministration } from "../../src/users/administration.ts";
import { createRegistrationStore } from "../../src/users/registrations.ts";
import { createUserSearch } from "../../src/users/search.ts";
import { createUserStore } from "../../src/users/users.ts";

const MIGRATIONS = "migrations";
const FILE = "test/measure/growth.json";
const SIZES = [1_000, 100_000, 1_000_000];
const TIMES = 300;
const PAGE = { limit: 51 };

/**
 * Adds the users `user0`, `user1` … from the number `from` up to `to`, one per second, with one event per user. One
 * user in a hundred is suspended.
 */
function grow(database: DatabaseSync, from: number, to: number): void {
  const numbers = `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${to})`;
  const id = "printf('%08x-%04x-7000-8000-%012x', i * 1000 >> 16, i * 1000 & 65535, i)";
  database.exec(
    `INSERT INTO users (id, email, username, password_hash, is_active, is_verified, created_at, updated_at)
       ${numbers} SELECT ${id}, 'user' || i || '@example.org', 'user' || i, '!', i % 100 <> 1, 1, i * 1000, 1 FROM n;
     INSERT INTO audit_events (id, type, occurred_at, actor_id, user_id)
       ${numbers} SELECT ${id}, 'login_succeeded', i * 1000, ${id}, ${id} FROM n;`,
  );
}

/**
 * The part of D1 that the service uses, on SQLite in this process. `spent` is the statements' CPU time in milliseconds.
 */
function inProcess(database: DatabaseSync) {
  const time = { spent: 0 };
  const statementOf = (query: string, values: (string | number)[] = []) => ({
    bind: (...bound: (string | number)[]) => statementOf(query, bound),
    run() {
      const statement = database.prepare(query);
      const before = process.cpuUsage();
      const results = statement.all(...values);
      const { user, system } = process.cpuUsage(before);
      time.spent += (user + system) / 1_000;
      return { results };
    },
    all: async () => statementOf(query, values).run(),
    raw: async () => statementOf(query, values).run().results.map(Object.values),
  });
  const batch = async (statements: ReturnType<typeof statementOf>[]) => statements.map((statement) => statement.run());
  return { d1: { prepare: statementOf, batch } as unknown as D1Database, time };
}

const database = new DatabaseSync(":memory:");
for (const name of readdirSync(MIGRATIONS).filter((file) => file.endsWith(".sql")))
  database.exec(readFileSync(join(MIGRATIONS, name), "utf8"));
const { d1, time } = inProcess(database);
const db = openDatabase(d1, new Hops(systemClock));
const [users, registrations] = [createUserStore(db), createRegistrationStore(db)];
const [administration, search, events] = [
  createUserAdministration(db),
  createUserSearch(db),
  createAuditEventStore(db),
];

const milliseconds: Record<string, number[]> = {};
for (const [index, size] of SIZES.entries()) {
  grow(database, SIZES[index - 1] ?? 0, size);
  const [first] = await administration.list({}, { limit: 1, after: { createdAt: size * 500, id: "g" } });
  const { id = "", email = "", createdAt = 0 } = first ?? {};
  const requests: Record<string, () => Promise<unknown>> = {
    "`/users/me`, refresh": () => users.findWithKeyringVersion(id),
    "login, before the hash": () => registrations.findCandidates({ email }),
    "list of users": () => administration.list({}, PAGE),
    "list of users, from the middle": () => administration.list({}, { ...PAGE, after: { createdAt, id } }),
    "list of suspended users": () => administration.list({ isActive: false }, { limit: 5 }),
    "users whose names begin with what all begin with": () => search.find("user", {}, PAGE),
    "the same, from the middle": () => search.find("user", {}, { ...PAGE, after: email }),
    "the same, if suspended": () => search.find("user", { isActive: false }, PAGE),
    "events of a type": () => events.list({ type: "login_succeeded" }, PAGE),
    "events of a user and a type": () => events.list({ userId: id, type: "login_succeeded" }, PAGE),
  };
  for (const [name, request] of Object.entries(requests)) {
    await request();
    time.spent = 0;
    for (let count = 0; count < TIMES; count++) await request();
    milliseconds[name] = [...(milliseconds[name] ?? []), Number((time.spent / TIMES).toPrecision(2))];
  }
}
writeFileSync(FILE, `${JSON.stringify({ sizes: SIZES, milliseconds }, null, 2)}\n`);
