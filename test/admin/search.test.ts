import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { cursorOfPlace } from "../../src/http/paging.ts";
import { type Answer, expectProblem, get } from "../support/client.ts";
import { importMany } from "../support/many-users.ts";
import { type LoggedIn, withStanding } from "../support/people.ts";

/** A prefix that no other user's names have. */
const freshPrefix = () => `search-${crypto.randomUUID().slice(0, 8)}-`;

describe("the search for users", () => {
  let admin: LoggedIn;

  beforeAll(async () => {
    admin = await withStanding("admin");
  });

  const search = (query: Record<string, string>): Promise<Answer> =>
    get(`/api/v1/users/?${new URLSearchParams(query)}`, { bearer: admin.accessToken });

  /** The usernames on each page. */
  async function everyPage(query: Record<string, string>): Promise<string[][]> {
    const pages: string[][] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: Answer = await search(cursor === "" ? query : { ...query, cursor });
      expect(page.status, page.text).toBe(200);
      pages.push(page.json.items.map(({ username }: { username: string }) => username));
      cursor = page.json.next_cursor;
    }
    return pages;
  }

  async function add(username: string, email: string): Promise<void> {
    await env.DB.prepare(
      "INSERT INTO users (id, email, username, password_hash, is_verified, created_at, updated_at) VALUES (?, ?, ?, '!', 1, 1, 1)",
    )
      .bind(crypto.randomUUID(), email, username)
      .run();
  }

  it.each(["1", "2", "3"])("gives every user once, by email or else by username, with pages of %s", async (limit) => {
    const prefix = freshPrefix();
    await add(`${prefix}B`, `${prefix}c@example.org`);
    await add(`${prefix}A`, `other-${prefix}@example.org`);
    await add(`other-${prefix}d`, `${prefix}b@example.org`);
    await add(`${prefix}E`, `another-${prefix}@example.org`);
    const pages = await everyPage({ q: prefix, limit });
    expect(pages.flat()).toEqual([`${prefix}A`, `other-${prefix}d`, `${prefix}B`, `${prefix}E`]);
  });

  it("finds an address once, of whose domain the beginning is also that of its ASCII form", async () => {
    const name = freshPrefix();
    await add(`other-${name}`, `${name}@xn--xmple-gra.org`);
    for (const begun of ["x", "xn", "xn--", "xn--x"]) {
      expect(await everyPage({ q: `${name}@${begun}` }), begun).toEqual([[`other-${name}`]]);
    }
  });

  it("looks at 1,000 names for a page, and goes on from there", async () => {
    const prefix = freshPrefix();
    await importMany(prefix, 1_100);
    const suspended = Array.from({ length: 11 }, (_, index) => `${prefix}${index * 100 + 1}`);
    const pages = await everyPage({ q: prefix, is_active: "false", limit: "20" });
    expect(pages.flat().toSorted()).toEqual(suspended.toSorted());
    // The search examines two names of each of the 1,100 users, and at most 1,000 names for one page.
    expect(pages).toHaveLength(3);
  });

  it("gives every user once, also if 1,000 usernames come first that belong to users found by email", async () => {
    const prefix = freshPrefix();
    const [byUsername, byEmail] = [`${prefix}1-`, `${prefix}2-`];
    await importMany(byUsername, 1_001);
    await env.DB.prepare(
      "UPDATE users SET email = ?1 || id || '@example.org' WHERE lower(username) >= ?2 AND lower(username) < ?3",
    )
      .bind(byEmail, byUsername, byEmail)
      .run();
    const found = (await everyPage({ q: prefix, limit: "100" })).flat();
    expect(found).toHaveLength(1_001);
    expect(new Set(found).size).toBe(1_001);
  });

  it("refuses the cursor of the list for a search, and the other way round", async () => {
    const ofList = cursorOfPlace({ createdAt: 1, id: crypto.randomUUID() });
    const ofSearch = cursorOfPlace({ name: "ada@example.com" });
    for (const query of [{ q: "ada", cursor: ofList }, { cursor: ofSearch }, { q: " ", cursor: ofSearch }]) {
      const answer = await search(query as Record<string, string>);
      expectProblem(answer, 422, "validation_failed");
      const message = "Send the `next_cursor` of the previous page unchanged.";
      expect(answer.json.errors).toEqual([{ field: "cursor", code: "invalid_format", message }]);
    }
  });
});
