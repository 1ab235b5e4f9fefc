/** Tests the prototype in `bench/directories/`, which spreads users over several D1 databases: here over four. */
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { createDirectories } from "../bench/directories/directories.ts";
import { SlotMap, slotOfUser } from "../bench/directories/directory.ts";
import measured from "../bench/directories/results.json" with { type: "json" };
import { SCHEMA } from "../bench/directories/schema.ts";
import { MINUTE } from "../src/platform/clock.ts";
import { type Random, systemRandom } from "../src/platform/random.ts";
import type { User } from "../src/users/user.ts";
import { watchedDatabase } from "./support/watched-database.ts";

const DATABASES = [env.TEST_DIRECTORY_0, env.TEST_DIRECTORY_1, env.TEST_DIRECTORY_2, env.TEST_DIRECTORY_3];

const ASKING = "user by email or username, all asked at once";

let time = 1_800_000_000_000;
/** Each time that it is read, the clock is a millisecond later, so that lists have only one possible order. */
const clock = { now: () => time++ };

beforeAll(async () => {
  for (const database of DATABASES) {
    await applyD1Migrations(database, env.TEST_MIGRATIONS);
    await database.batch(SCHEMA.map((statement) => database.prepare(statement)));
  }
});

/** The directories, as seen by a request in an isolate with this slot map, which by default knows of no move. */
const request = (slots = new SlotMap(DATABASES.length), databases = DATABASES, random = systemRandom) =>
  createDirectories(databases, slots, { clock, random });

type Request = ReturnType<typeof request>;

/** Makes ids with this slot. `slot % 4` is the number of the directory. */
const idsIn = (slot: number): Random => ({
  bytes(length) {
    const bytes = systemRandom.bytes(length);
    bytes.set([slot >> 8, slot], length - 2);
    return bytes;
  },
});

/** A request whose isolate is lost at this call: before the database has received the call, or after that. */
function lostAt(call: number, before: boolean): Request {
  let calls = 0;
  const lose = () => Promise.reject(new Error("the isolate is lost"));
  const watched = DATABASES.map((database) =>
    watchedDatabase(database, async (make) => {
      const number = ++calls;
      if (number > call || (number === call && before)) return lose();
      const result = await make();
      return number === call ? lose() : result;
    }),
  );
  return request(undefined, watched);
}

let people = 0;
const names = () => {
  const username = `person-${++people}`;
  return { email: `${username}@example.org`, username };
};

async function newUser(given = names(), random = systemRandom): Promise<User> {
  const id = await request(undefined, undefined, random).register(given, "!");
  const user = id === undefined ? undefined : await request().findById(id);
  if (user === undefined) throw new Error("not registered");
  return user;
}

async function ownersOf(username: string): Promise<string[]> {
  const rows = await Promise.all(
    DATABASES.map((database) =>
      database.prepare("SELECT id FROM users WHERE lower(username) = ?").bind(username).all<{ id: string }>(),
    ),
  );
  return rows.flatMap(({ results }) => results.map(({ id }) => id));
}

/** Lists every user, page by page, and calls `between` after each page. */
async function listAll(between: () => Promise<unknown> = async () => {}, slots?: SlotMap): Promise<string[]> {
  const seen: string[] = [];
  let after: { createdAt: number; id: string } | undefined;
  for (;;) {
    const page = await request(slots).list({}, { limit: 15, ...(after && { after }) });
    seen.push(...page.map(({ id }) => id));
    const last = page.at(-1);
    if (last === undefined) return seen;
    after = { createdAt: last.createdAt, id: last.id };
    await between();
  }
}

async function searchAll(prefix: string): Promise<string[]> {
  const seen: string[] = [];
  for (let after: string | undefined; ; ) {
    const { users, next } = await request().search(prefix, {}, { limit: 15, after });
    seen.push(...users.map(({ username }) => username));
    if (next === null) return seen;
    after = next;
  }
}

const cuts = [1, 2, 3, 4].flatMap((call) => [true, false].map((before) => ({ call, before })));

describe("users in several directories", () => {
  it.each<[string, (of: Request, user: User) => Promise<unknown>, keyof typeof measured.costs, number]>([
    ["found by id in one hop", (of, { id }) => of.findById(id), "user by id", 1],
    ["found by email in one hop", (of, { email }) => of.findByName({ email }), ASKING, 1],
    ["found by username in one hop", (of, { username }) => of.findByName({ username }), ASKING, 1],
    [
      "found by a claim in two hops",
      (of, { email }) => of.findByClaim({ email }),
      "user by email or username, by the claim",
      2,
    ],
    ["registered in two hops", (of) => of.register(names(), "!"), "registration", 2],
    ["renamed in two hops and one after that", (of, user) => of.changeName(user, names()), "change of email", 3],
  ])("are %s, at the cost that docs/scaling.md states", async (_what, operation, name, sequential) => {
    const [user, of] = [await newUser(), request()];
    expect(await operation(of, user)).toBeTruthy();
    expect({ sequential: of.hops.sequential, ...of.spent }).toEqual(measured.costs[name][4]);
    expect(of.hops.sequential).toBe(sequential);
  });

  it("are listed in one hop, by one call of each directory", async () => {
    const [{ id }, of] = [await newUser(), request()];
    expect(await of.list({}, { limit: 1 })).toMatchObject([{ id }]);
    expect([of.hops.sequential, of.spent.calls]).toEqual([1, 4]);
  });

  it("can't have the same name, even if they register at the same time in different directories", async () => {
    const [one, other] = [names(), names()];
    const rivals = Array.from({ length: 12 }, (_, index) => ({
      email: index < 6 ? one.email : names().email,
      username: index < 6 ? names().username : other.username,
    }));
    const ids = await Promise.all(rivals.map((given) => request().register(given, "!")));
    expect(ids.slice(0, 6).filter((id) => id !== undefined)).toHaveLength(1);
    expect(ids.slice(6).filter((id) => id !== undefined)).toEqual(await ownersOf(other.username));
    expect(await ownersOf(other.username)).toHaveLength(1);
    time += 2 * MINUTE;
    expect(await request().register({ ...names(), email: one.email }, "!")).toBeUndefined();
  });

  it("keep or change a name when the isolate is lost, and the other name is free again after a minute", async () => {
    for (const { call, before } of cuts) {
      const [user, wanted] = [await newUser(), names().username];
      await expect(lostAt(call, before).changeName(user, { username: wanted })).rejects.toThrow();
      time += 2 * MINUTE;
      const [kept, free] = (await ownersOf(wanted)).length === 1 ? [wanted, user.username] : [user.username, wanted];
      expect(await ownersOf(kept)).toEqual([user.id]);
      expect(await request().register({ ...names(), username: kept }, "!")).toBeUndefined();
      const next = await newUser({ ...names(), username: free });
      expect([await ownersOf(kept), await ownersOf(free)]).toEqual([[user.id], [next.id]]);
    }
  });

  it("are registered or not when the isolate is lost, and then their names are free again after a minute", async () => {
    for (const { call, before } of cuts.filter((cut) => cut.call < 4)) {
      const given = names();
      await expect(lostAt(call, before).register(given, "!")).rejects.toThrow();
      time += 2 * MINUTE;
      const owners = await ownersOf(given.username);
      const again = await request().register(given, "!");
      expect(await ownersOf(given.username)).toEqual(owners.length === 1 ? owners : [again]);
    }
  });

  it("can repeat a change of email at once after it was lost", async () => {
    for (const { call, before } of cuts) {
      const [user, { email }] = [await newUser(), names()];
      await expect(lostAt(call, before).changeName(user, { email })).rejects.toThrow();
      const now = await request().findById(user.id);
      if (now?.email !== email) expect(await request().changeName(user, { email })).toBe(true);
      expect(await request().findByName({ email })).toMatchObject({ id: user.id });
      expect(await request().findByName({ email: user.email })).toBeUndefined();
    }
  });

  it.each<[string, (of: Request, user: User, username: string) => Promise<unknown>]>([
    ["a change", (of, user, username) => of.changeName(user, { username })],
    ["a registration", (of, _user, username) => of.register({ ...names(), username }, "!")],
  ])("don't get a name late, by %s, that someone else has taken meanwhile", async (_what, take) => {
    const [user, wanted] = [await newUser(names(), idsIn(0)), names().username];
    const { promise: resumed, resolve: resume } = Promise.withResolvers<void>();
    const { promise: claimed, resolve: reachClaim } = Promise.withResolvers<void>();
    let calls = 0;
    const slow = DATABASES.map((database) =>
      watchedDatabase(database, async (make) => {
        // The third call is the one that would write the user's row.
        if (++calls !== 3) return make();
        reachClaim();
        await resumed;
        return make();
      }),
    );
    const late = take(request(undefined, slow, idsIn(0)), user, wanted);
    await claimed;
    time += 2 * MINUTE;
    const other = await newUser({ ...names(), username: wanted }, idsIn(1));
    resume();
    expect(await late).toBeFalsy();
    expect(await ownersOf(wanted)).toEqual([other.id]);
    expect(await ownersOf(user.username)).toEqual([user.id]);
  });

  it("store the event of a change in the same transaction", async () => {
    const [user, { email }] = [await newUser(), names()];
    await request().changeName(user, { email });
    const events = await DATABASES[new SlotMap(4).placeOf(slotOfUser(user.id))]
      ?.prepare("SELECT type FROM audit_events WHERE user_id = ? ORDER BY id")
      .bind(user.id)
      .all();
    expect(events?.results).toEqual([{ type: "registered" }, { type: "email_changed" }]);
  });

  it("are each seen once by a list and by a search, while others register and slots move", async () => {
    for (let count = 0; count < 20; count++) await newUser();
    const before = await listAll();
    expect(new Set(before).size).toBe(before.length);
    // Other tests move some of the first slots, so this test moves later ones.
    const slots = before.map(slotOfUser).filter((slot) => slot > "00f");
    const moving = [...new Set(slots)].slice(0, 6).values();
    const seen = await listAll(async () => {
      const slot = moving.next().value;
      if (slot !== undefined) for await (const _step of request().moveSlot(slot, 3));
      await newUser();
    });
    expect(seen).toEqual(before);
    const found = await searchAll("person-");
    expect(new Set(found).size).toBe(found.length);
    expect(found).toHaveLength(new Set(await listAll()).size);
  });

  it("are lost by no read while their slot moves, and can be changed again after that", async () => {
    const user = await newUser(names(), idsIn(4));
    const all = await listAll();
    const to = 1;
    const steps: string[] = [];
    for await (const step of request().moveSlot(slotOfUser(user.id), to)) {
      steps.push(step);
      // Each `request()` is in a new isolate, which knows of no move.
      expect(await request().findById(user.id)).toMatchObject({ id: user.id });
      expect(await request().findByName({ email: user.email })).toMatchObject({ id: user.id });
      expect(await request().findByClaim({ username: user.username })).toMatchObject({ id: user.id });
      expect(await listAll()).toEqual(all);
      const change = request().changeName(user, { username: names().username });
      if (step === "moved") expect(await change).toBe(true);
      else await expect(change).rejects.toMatchObject({ cause: { message: "this slot moves" } });
    }
    expect(steps[0]).toBe("closed");
    expect(steps.at(-1)).toBe("moved");
    // Repeating the move changes nothing.
    for await (const step of request().moveSlot(slotOfUser(user.id), to)) expect(step).toBe("nothing");
    expect(await listAll()).toEqual(all);
  });

  it("are seen by a list that asks one directory before their slot arrives there, and the other after it has left", async () => {
    const user = await newUser(names(), idsIn(8));
    const [from, other] = [0, 1];
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const move = async () => {
      for await (const _step of request().moveSlot(slotOfUser(user.id), other));
    };
    const moved = answered.then(move);
    const watched = DATABASES.map((database, place) =>
      watchedDatabase(database, async (make) => {
        if (place === from) await moved;
        const result = await make();
        if (place === other) answer();
        return result;
      }),
    );
    const page = await request(undefined, watched).list({}, { limit: 5 });
    expect(page.map(({ id }) => id)).toContain(user.id);
  });

  it("are each seen once by a search of which one directory stops early", async () => {
    // These ids end in `zzz`, which is no slot, so no test moves them.
    const insert = `INSERT INTO users (id, email, username, password_hash, is_active, created_at, updated_at)
      WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
      SELECT ?1 || i || 'zzz', printf('crowd-%s-%04d', ?1, i), ?1 || i, '!', i < ?2, 1, 1 FROM n`;
    const [first, second] = DATABASES;
    await first?.prepare(insert).bind("a", 1_100).run();
    await second?.prepare(insert).bind("b", 0).run();
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const { users, next } = await request().search("crowd", { isActive: false }, { limit: 5, after });
      seen.push(...users.map(({ username }) => username));
      if (next === null) break;
      after = next;
    }
    expect(seen).toEqual(["a1100", "b0"]);
  });
});
