/** How many rows a request reads does not depend on how many users, events and sessions there are. */
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cursorOfPlace } from "../src/http/paging.ts";
import { earliestId } from "../src/platform/random.ts";
import { readMe, refresh, register, tryLogin, verifyEmail } from "./support/account.ts";
import { type Answer, appWith, call, get, post } from "./support/client.ts";
import { countingRows } from "./support/counted-rows.ts";
import { addArchivedEvents, addEvents, importMany } from "./support/many-users.ts";
import { countOperations } from "./support/operations.ts";
import { type LoggedIn, mailedToken, newPerson, registered, withStanding } from "./support/people.ts";

/** The numbers of users, and of events. */
const FEW = 2_500;
const MANY = 25_000;
const PREFIX = `growth-${crypto.randomUUID().slice(0, 4)}-`;
/** The time of the first event. Each later event is one second after the one before. */
const BEGIN = Date.UTC(2020, 0, 1);

/** What operators filter the list of users by. Nearly everyone has the role `user`, is active and is verified. */
const USER_FILTERS = [
  {},
  { role: "user" },
  { role: "moderator" },
  { is_active: "true" },
  { is_active: "false" },
  { is_verified: "true" },
  { is_verified: "false" },
];

/** The rows that each request reads. A list has two numbers, one for each page. */
type Rows = Record<string, number[]>;

describe("the rows that a request reads", () => {
  const [directory, archive] = [countingRows(), countingRows(env.TEST_AUDIT_DB)];
  const send = appWith({}, { DB: directory.DB });
  /** With a separate database for audit events, which has as many events as `DB`. */
  const archiving = appWith({}, { DB: directory.DB, AUDIT_DB: archive.DB });
  let admin: LoggedIn;
  /** An imported user, who has the events 600 to 619 in each database. */
  let imported = { id: "", email: `${PREFIX}30@example.org` };

  const grow = async (from: number, to: number) => {
    await importMany(PREFIX, to - from, from);
    await addEvents(PREFIX, BEGIN, to - from, from);
    const found = env.DB.prepare("SELECT id, email FROM users WHERE email = ?").bind(imported.email);
    imported = (await found.first<typeof imported>()) ?? imported;
    await addArchivedEvents(imported.id, BEGIN, to - from, from);
  };

  beforeAll(async () => {
    admin = await withStanding("admin");
    await grow(0, FEW);
  });

  afterAll(async () => {
    const range = [earliestId(BEGIN), earliestId(BEGIN + MANY * 1000)];
    const events = env.DB.prepare("DELETE FROM audit_events WHERE id >= ? AND id < ?");
    const archived = env.TEST_AUDIT_DB.prepare("DELETE FROM archived_events WHERE id >= ? AND id < ?");
    await Promise.all([events, archived].map((statement) => statement.bind(...range).run()));
    await env.DB.prepare("DELETE FROM users WHERE email LIKE ?").bind(`${PREFIX}%`).run();
  });

  const rowsRead = () => directory.count.rowsRead + archive.count.rowsRead;

  async function rowsReadBy(request: () => Promise<Answer>): Promise<{ rows: number; json: Answer["json"] }> {
    const before = rowsRead();
    const { status, text, json } = await request();
    expect(status, text).toBeLessThan(300);
    return { rows: rowsRead() - before, json };
  }

  async function rowsOfAccounts(): Promise<Rows> {
    const rows: Rows = {};
    const note = async (name: string, request: () => Promise<Answer>) => {
      const read = await rowsReadBy(request);
      rows[name] = [read.rows];
      return read.json;
    };
    const person = newPerson();
    await note("register", () => register(person, send));
    const token = await mailedToken(person.email);
    await note("verify", () => verifyEmail(token, send));
    const { user, ...session } = await note("log in", () => tryLogin(person, {}, send));
    await note("me", () => readMe(session.access_token, send));
    await note("refresh", () => refresh(session.refresh_token, send));
    await note("forgot password", () => post("/api/v1/auth/forgot-password", { email: person.email }, {}, send));
    for (const path of ["sessions", "security-events", "export"]) {
      await note(path, () => get(`/api/v1/users/me/${path}`, { bearer: session.access_token }, send));
    }
    const path = `/api/v1/users/${user.id}`;
    const bearer = admin.accessToken;
    await note("look up an email", () => get(`/api/v1/users/lookup?email=${imported.email}`, { bearer }, send));
    await note("look up a username", () => get(`/api/v1/users/lookup?username=${PREFIX}31`, { bearer }, send));
    await note("read", () => get(path, { bearer }, send));
    await note("change", () => call("PATCH", path, { bearer, body: { is_active: false } }, send));
    await note("delete", () => call("DELETE", path, { bearer }, send));
    return rows;
  }

  /** The rows that the first page of a list reads, and those that the page after the cursor reads. */
  async function rowsOfPages(path: string, query: object, cursor: string, sendTo = send): Promise<number[]> {
    const rows: number[] = [];
    for (const page of [{}, { cursor }]) {
      const parameters = new URLSearchParams({ limit: "10", ...query, ...page });
      const url = `/api/v1/${path}?${parameters}`;
      const read = await rowsReadBy(() => get(url, { bearer: admin.accessToken }, sendTo));
      // An empty page would cost nothing, however many rows there are.
      expect(read.json.items.length, url).toBeGreaterThan(0);
      expect(read.rows, url).toBeGreaterThan(0);
      rows.push(read.rows);
    }
    return rows;
  }

  /** The second page begins after half of the users. */
  async function rowsOfUserLists(size: number): Promise<Rows> {
    const rows: Rows = {};
    const half = { createdAt: -5000 + (size / 20) * 1000, id: crypto.randomUUID() };
    for (const filter of USER_FILTERS) {
      const name = JSON.stringify(filter);
      rows[`list of users ${name}`] = await rowsOfPages("users/", filter, cursorOfPlace(half));
      const middle = cursorOfPlace({ name: `${PREFIX}15` });
      rows[`search for users ${name}`] = await rowsOfPages("users/", { ...filter, q: PREFIX }, middle);
    }
    return rows;
  }

  /** The second page begins after three quarters of the events. */
  async function rowsOfEventLists(size: number, sendTo = send): Promise<Rows> {
    const rows: Rows = {};
    const event = (index: number) => earliestId(BEGIN + index * 1000).replace("-0000-0000-", "-7000-8000-");
    const at = (part: number) => new Date(BEGIN + part * size * 1000).toISOString();
    const [since, until] = [at(0.25), at(0.9)];
    for (const type of [{}, { type: "login_succeeded" }, { type: "password_changed" }]) {
      for (const time of [{}, { since }, { until }, { since, until }]) {
        const pages = await rowsOfPages("audit-events", { ...type, ...time }, event(size * 0.75), sendTo);
        rows[`events ${JSON.stringify(type)} ${Object.keys(time)}`] = pages;
      }
    }
    for (const type of [{}, { type: "login_succeeded" }]) {
      const pages = await rowsOfPages("audit-events", { user_id: imported.id, ...type }, event(613), sendTo);
      rows[`events of a user ${JSON.stringify(type)}`] = pages;
    }
    return rows;
  }

  /** The requests that read notably more rows than before. */
  const grownSince = (few: Rows, many: Rows) =>
    Object.entries(many)
      .filter(([name, pages]) => pages.some((rows, index) => rows > 1.2 * (few[name]?.[index] ?? 0)))
      .map(([name, pages]) => `${name}: ${few[name]} → ${pages}`);

  it("are as many with ten times as many users and events, on the first and on later pages", async () => {
    const measureAll = async (size: number) => ({
      alone: { ...(await rowsOfAccounts()), ...(await rowsOfUserLists(size)), ...(await rowsOfEventLists(size)) },
      withArchive: await rowsOfEventLists(size, archiving),
    });
    const few = await measureAll(FEW);
    await grow(FEW, MANY);
    const many = await measureAll(MANY);
    expect(grownSince(few.alone, many.alone)).toEqual([]);
    expect(grownSince(few.withArchive, many.withArchive)).toEqual([]);
    expect(archive.count.rowsRead).toBeGreaterThan(500);
  });

  it("are as many with 50 sessions as with one", async () => {
    const person = await registered();
    const unlimited = appWith({ RATE_LIMITING: "off", SESSIONS_PER_USER: "100" });
    let { json: tokens } = await tryLogin(person, {}, unlimited);
    const measure = async () => {
      const me = await countOperations((counted) => readMe(tokens.access_token, counted));
      const refreshed = await countOperations(async (counted) => {
        tokens = (await refresh(tokens.refresh_token, counted)).json;
      });
      return [me.operations, refreshed.operations];
    };
    const one = await measure();
    for (let sessions = 1; sessions < 50; sessions++) await tryLogin(person, {}, unlimited);
    expect(await measure()).toEqual(one);
  });
});
