/**
 * `npm run measure:rows`: measures how many bytes a row takes in D1 with its indexes, and writes row-sizes.json for
 * docs/scaling.md. It adds rows like those of a service, in the order of time, and reads SQLite's own count of pages.
 * The rows come from a seed, so the figures are the same each time.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createId } from "../../src/platform/random.ts";
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";

const MIGRATIONS = "migrations";
const ARCHIVE_MIGRATIONS = "migrations/audit";
const FILE = "test/measure/row-sizes.json";
const ROWS = 100_000;
const START = Date.parse("2026-01-01");
const USER_AGENT =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

interface RowSizes {
  /** Bytes of a row in the directory, with all indexes. */
  user: number;
  event: number;
  /** Bytes of an event in the database for audit events. */
  archivedEvent: number;
}

export function measureRowSizes(rows: number): RowSizes {
  const random = createSeededRandom(1);
  return {
    user: bytesOf("users", MIGRATIONS, addUsers, rows, random),
    event: bytesOf("audit_events", MIGRATIONS, addEventsTo("audit_events"), rows, random),
    archivedEvent: bytesOf("archived_events", ARCHIVE_MIGRATIONS, addEventsTo("archived_events"), rows, random),
  };
}

type Seeding = (database: DatabaseSync, rows: number, random: SeededRandom) => void;

function bytesOf(table: string, folder: string, add: Seeding, rows: number, random: SeededRandom): number {
  const database = new DatabaseSync(":memory:");
  try {
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".sql")))
      database.exec(readFileSync(join(folder, name), "utf8"));
    database.exec("BEGIN");
    add(database, rows, random);
    database.exec("COMMIT");
    const pages = database
      .prepare(
        "SELECT sum(pgsize) AS bytes FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name = ?)",
      )
      .get(table);
    return Math.round(Number(pages?.bytes) / rows);
  } finally {
    database.close();
  }
}

/** Adds verified users with a profile, one every second. */
function addUsers(database: DatabaseSync, rows: number, random: SeededRandom): void {
  const insert = database.prepare(
    `INSERT INTO users (id, email, username, password_hash, first_name, last_name, is_verified, verified_by_link,
       created_at, updated_at, last_login_at) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?)`,
  );
  for (let index = 0; index < rows; index++) {
    const now = START + index * 1_000;
    // Names arrive in random order, so the pages of an index on them are about two thirds full.
    const name = random.text(10);
    const hash = `$scrypt$ln=15,r=8,p=3$${random.text(22)}$${random.text(43)}`;
    const times = [now, now, now];
    insert.run(
      createId(now, random),
      `${name}@example.com`,
      name,
      hash,
      "Anna-Lena",
      "Mustermann",
      random.text(43),
      ...times,
    );
  }
}

/** Adds events like those of a month: mostly logins, and some wrong passwords, of random users. */
const addEventsTo = (table: string) => (database: DatabaseSync, rows: number, random: SeededRandom) => {
  const columns = "id, type, occurred_at, actor_id, user_id, ip_address, user_agent, request_id, details";
  const insert = database.prepare(`INSERT INTO ${table} (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const users = Array.from({ length: rows / 40 }, () => createId(START, random));
  for (let index = 0; index < rows; index++) {
    const now = START + index * 1_000;
    const user = users[random.below(users.length)] ?? null;
    const isRefused = random.below(6) === 0;
    const [type, actor] = isRefused ? (["login_failed", null] as const) : (["login_succeeded", user] as const);
    const details = isRefused ? '{"reason":"wrong_password"}' : '{"session_id":"019f0000-0000-7000-8000-000000000000"}';
    const request = createId(now, random);
    insert.run(createId(now, random), type, now, actor, user, "198.51.100.100", USER_AGENT, request, details);
  }
};

if (import.meta.main) writeFileSync(FILE, `${JSON.stringify(measureRowSizes(ROWS), null, 2)}\n`);
