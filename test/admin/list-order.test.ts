import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeBase64url, utf8 } from "../../src/platform/encoding.ts";
import { type Answer, appWith, expectProblem, get } from "../support/client.ts";
import { countingRows } from "../support/counted-rows.ts";
import { importMany } from "../support/many-users.ts";
import { type LoggedIn, registered, withStanding } from "../support/people.ts";

const USERS = "/api/v1/users/";
const IMPORTED = 3_000;
/** Unique, because other tests add users to the same database. */
const PREFIX = `import-${crypto.randomUUID().slice(0, 4)}-`;

interface Listed {
  id: string;
  username: string;
  created_at: string;
}

describe("GET /api/v1/users/", () => {
  const { DB, count } = countingRows();
  const send = appWith({}, { DB });
  let admin: LoggedIn;

  const list = (query: string): Promise<Answer> => get(`${USERS}?${query}`, { bearer: admin.accessToken }, send);

  /** All users that a query finds, and the largest number of rows that one page read. */
  async function everyPage(query: string) {
    const users: Listed[] = [];
    let mostRead = 0;
    let cursor: string | null = "";
    while (cursor !== null) {
      const before = count.rowsRead;
      const page: Answer = await list(`${query}${cursor === "" ? "" : `&cursor=${cursor}`}`);
      expect(page.status, page.text).toBe(200);
      users.push(...page.json.items);
      mostRead = Math.max(mostRead, count.rowsRead - before);
      cursor = page.json.next_cursor;
    }
    return { users, mostRead };
  }

  function expectInOrder(users: Listed[]): void {
    const keys = users.map(({ id, created_at }) => [Date.parse(created_at), id] as const);
    const sorted = keys.toSorted(([time, id], [otherTime, otherId]) => otherTime - time || (id < otherId ? 1 : -1));
    expect(keys).toEqual(sorted);
    expect(new Set(keys.map(([, id]) => id)).size).toBe(users.length);
  }

  beforeAll(async () => {
    await importMany(PREFIX, IMPORTED);
    const enrol = "UPDATE users SET second_factor_since = 1 WHERE username GLOB ? OR username = ?";
    await env.DB.prepare(enrol).bind(`${PREFIX}*05`, `${PREFIX}5`).run();
    admin = await withStanding("admin");
  });

  it("puts a new user before imported ones, whatever their ids are", async () => {
    await env.DB.prepare(
      `INSERT INTO users (id, email, username, password_hash, is_verified, created_at, updated_at)
       VALUES ('ffffffff-ffff-4fff-bfff-ffffffffffff', 'last-id@example.org', 'last-id', '!', 1, 1, 1)`,
    ).run();
    const person = await registered();
    const { users } = await everyPage("limit=100");
    const names = users.map(({ username }) => username);
    const places = [person.username, "last-id"].map((name) => names.indexOf(name));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((left, right) => left - right));
  });

  it("gives every user once, by time of creation and then by id, and reads no more than a page each time", async () => {
    // Groups of ten users have the same creation time, and some pages of 97 end inside such a group.
    const { users, mostRead } = await everyPage("limit=97");
    expect(users.length).toBeGreaterThan(IMPORTED);
    expectInOrder(users);
    expect(mostRead).toBeLessThanOrEqual(250);
  });

  it.each([
    ["role=moderator", 30],
    ["is_active=false", 30],
    ["is_verified=false", 30],
    ["has_second_factor=true", 30],
    ["has_second_factor=true&is_active=true", 30],
    ["role=user&is_active=false", 30],
    ["role=moderator&is_active=true&is_verified=true", 30],
  ])("reads only what ?%s finds", async (query, found) => {
    const { users, mostRead } = await everyPage(`${query}&limit=20`);
    expectInOrder(users);
    expect(users.filter(({ username }) => username.startsWith(PREFIX))).toHaveLength(found);
    expect(mostRead).toBeLessThanOrEqual(100);
  });

  it.each([
    ["role=user", "role <> 'user'"],
    ["is_active=true", "NOT is_active"],
    ["is_verified=true&role=user", "(role <> 'user' OR NOT is_verified)"],
    ["has_second_factor=false", "second_factor_since IS NOT NULL"],
  ])("reads little more than a page of ?%s, which finds nearly everyone", async (query, isNotFound) => {
    const othersNotFound = Number(
      await env.DB.prepare(`SELECT count(*) FROM users WHERE username NOT GLOB ? AND ${isNotFound}`)
        .bind(`${PREFIX}*`)
        .first("count(*)"),
    );
    const before = count.rowsRead;
    const { json } = await list(`${query}&limit=50`);
    expect(json.items).toHaveLength(50);
    expectInOrder(json.items);
    // The list also reads newer users that don't match the filter, because other test files have added some.
    expect(count.rowsRead - before).toBeLessThanOrEqual(Math.min(150 + 3 * othersNotFound, IMPORTED / 2));
  });

  const id = crypto.randomUUID();
  it.each([
    ["an id, as earlier versions used it", id],
    ["an empty text", ""],
    ["what is no base64url", "{}"],
    ["bytes that are no text", encodeBase64url(new Uint8Array(50).fill(0xff))],
    ["a time that is no number", encodeBase64url(utf8(`now ${id}`))],
    ["a time that is too large", encodeBase64url(utf8(`${10 ** 15} ${id}`))],
    ["an id that is no UUID", encodeBase64url(utf8("1 ada"))],
    ["more than both", encodeBase64url(utf8(`1 ${id} 1`))],
  ])("refuses as a cursor %s", async (_, cursor) => {
    const answer = await list(`cursor=${encodeURIComponent(cursor)}`);
    expectProblem(answer, 422, "validation_failed");
    const message = "Send the `next_cursor` of the previous page unchanged.";
    expect(answer.json.errors).toEqual([{ field: "cursor", code: "invalid_format", message }]);
  });
});
