/**
 * A prototype: the users of one service in several D1 databases, called directories. The service does not use it. It
 * shows that the service's statements work in each database, what requests then cost (`npm run measure:directories`,
 * docs/scaling.md), and that names stay unique (test/directories.test.ts).
 *
 * - **A user is in the directory of their id.** The last three digits of the id are its slot, and a map of 4,096 slots
 *   says in which directory each slot is. Everything that changes with the user changes in one transaction there.
 * - **A login asks all directories for the name at the same time**, because without the id it can't know the slot. D1
 *   lets a request have six calls at once. So with more than six directories, a login reads the name's claim first, and
 *   then asks one directory.
 * - **A claim makes a name unique.** It is a row in the directory of the name's digest. A change claims the new name,
 *   then changes the user's row, then releases the former name. Only the user's row decides who has a name. So if the
 *   isolate is lost in between, nothing needs repair. A later change that wants a claimed name reads the row of the
 *   claim's user. If that user doesn't have the name, the later change aborts the claim, in the directory of that row,
 *   and takes the name. If the change that made the claim still arrives after that, it fails.
 * - **Each step of a change can be repeated**, because each step ends with a read of the current state.
 * - **A slot can be read while it moves.** It is closed for writes and copied. One transaction then deletes the old
 *   rows and records the new directory. Each call reads these records, so an isolate with an old map learns of the
 *   move.
 */
import { type Clock, MINUTE } from "../../src/platform/clock.ts";
import { sha256 } from "../../src/platform/crypto.ts";
import { emailPrefixes } from "../../src/platform/email-address.ts";
import { encodeHex, utf8 } from "../../src/platform/encoding.ts";
import { Hops } from "../../src/platform/hops.ts";
import { createId, type Random } from "../../src/platform/random.ts";
import { canonicalName, type LoginName, loginNameKey } from "../../src/users/login-names.ts";
import type { UserFilter } from "../../src/users/search.ts";
import type { User } from "../../src/users/user.ts";
import { type Directory, openDirectory, type Query, type SlotMap, slotOfClaim, slotOfUser } from "./directory.ts";
import { SLOTTED } from "./schema.ts";

/** "You can open up to six connections (to D1) simultaneously": https://developers.cloudflare.com/d1/platform/limits/ */
const MOST_AT_ONCE = 6;

/** How old a claim must be before another change checks whether it is used. No change takes this long. */
const PATIENCE = MINUTE;

/** How many rows of a slot are copied at once. */
const COPIED_AT_ONCE = 500;

interface Claim {
  user_id: string;
  claim_id: string;
  claimed_at: number;
}

type Names = Pick<User, "email" | "username">;

/** The directories as one request sees them. `hops` and `spent` count what the request has cost so far. */
export function createDirectories(
  databases: readonly D1Database[],
  slots: SlotMap,
  { clock, random }: { clock: Clock; random: Random },
) {
  const hops = new Hops(clock);
  const spent = { calls: 0, rowsRead: 0, rowsWritten: 0 };
  const directories = databases.map((database) => openDirectory(database, { hops, slots, spent }));

  /** Calls the directory of a slot. Calls the new directory if the slot turns out to have moved. */
  async function at<Result>(slot: string, call: (directory: Directory) => Promise<Result>): Promise<Result> {
    const place = slots.placeOf(slot);
    const directory = directories[place];
    if (directory === undefined) throw new Error(`No directory ${place} is bound.`);
    try {
      const result = await call(directory);
      if (slots.placeOf(slot) === place) return result;
    } catch (error) {
      if (slots.placeOf(slot) === place) throw error;
    }
    return at(slot, call);
  }

  /**
   * Calls all directories. Calls them again if a slot moved in the meantime: the new directory may have answered before
   * the move and the old directory after it, so neither answer has the slot's rows.
   */
  async function atAll<Result>(call: (directory: Directory) => Promise<Result>): Promise<Result[]> {
    const { changes } = slots;
    const results: Result[] = [];
    for (let from = 0; from < directories.length; from += MOST_AT_ONCE)
      results.push(...(await Promise.all(directories.slice(from, from + MOST_AT_ONCE).map(call))));
    return slots.changes === changes ? results : atAll(call);
  }

  /** Claims a name for a user. Returns the id of the claim, or `undefined` if the name is taken. */
  async function claim(name: LoginName, userId: string): Promise<string | undefined> {
    const key = claimKey(name);
    // The id begins with the user's slot, so that the record of an aborted claim is in the directory of the user.
    const id = slotOfUser(userId) + encodeHex(random.bytes(8));
    const select: Query = ["SELECT * FROM claims WHERE name = ?", key];
    const [, [holder] = []] = await at(slotOfClaim(key), ({ batch }) =>
      batch<Claim>(["INSERT OR IGNORE INTO claims VALUES (?, ?, ?, ?)", key, userId, id, clock.now()], select),
    );
    if (holder === undefined || holder.claim_id === id) return holder?.claim_id;
    if (holder.user_id !== userId && holder.claimed_at > clock.now() - PATIENCE) return undefined;
    const { column, value } = columnOf(name);
    const hasName = `SELECT 1 FROM users WHERE id = ? AND ${column} = ?`;
    const [, owners = []] = await at(slotOfUser(holder.user_id), ({ batch }) =>
      batch(
        [
          `INSERT OR IGNORE INTO aborted_claims SELECT ? WHERE NOT EXISTS (${hasName})`,
          ...[holder.claim_id, holder.user_id, value],
        ],
        [hasName, holder.user_id, value],
      ),
    );
    if (owners.length > 0) return undefined;
    const take = "UPDATE claims SET user_id = ?, claim_id = ?, claimed_at = ? WHERE name = ? AND claim_id = ?";
    const [, [taken] = []] = await at(slotOfClaim(key), ({ batch }) =>
      batch<Claim>([take, userId, id, clock.now(), key, holder.claim_id], select),
    );
    return taken?.claim_id === id ? id : undefined;
  }

  /** Deletes a claim that can no longer be used, or that nothing has used. */
  const release = (name: LoginName, claimId: string) =>
    at(slotOfClaim(claimKey(name)), ({ batch }) =>
      batch(["DELETE FROM claims WHERE name = ? AND claim_id = ?", claimKey(name), claimId]),
    );

  /** Adds an event if the previous statement of the same transaction has changed a row. */
  const event = (type: string, userId: string): Query => [
    "INSERT INTO audit_events (id, type, occurred_at, user_id) SELECT ?, ?, ?, ? WHERE changes() > 0",
    ...[createId(clock.now(), random), type, clock.now(), userId],
  ];

  const findById = (id: string) =>
    at(slotOfUser(id), async ({ users }) => (await users.findWithKeyringVersion(id)).user);

  /** Finds the user with a name by asking all directories at once. */
  async function findByAsking(name: LoginName): Promise<User | undefined> {
    const candidates = await atAll(({ registrations }) => registrations.findCandidates(name));
    return candidates.find(({ user }) => user !== undefined)?.user;
  }

  /** Finds the user with a name by the name's claim, in two calls one after the other. */
  async function findByClaim(name: LoginName): Promise<User | undefined> {
    const key = claimKey(name);
    const [[found] = []] = await at(slotOfClaim(key), ({ batch }) =>
      batch<Claim>(["SELECT user_id FROM claims WHERE name = ?", key]),
    );
    const user = found === undefined ? undefined : await findById(found.user_id);
    return user !== undefined && claimKey(namesOf(user)["email" in name ? "email" : "username"]) === key
      ? user
      : undefined;
  }

  return {
    hops,
    spent,
    findById,
    findByAsking,
    findByClaim,
    findByName: databases.length > MOST_AT_ONCE ? findByClaim : findByAsking,

    /**
     * Adds a user. Returns the new id, or `undefined` if a name is taken. If two registrations want the same two names
     * at the same time, both may fail.
     */
    async register({ email, username }: Names, passwordHash: string): Promise<string | undefined> {
      const id = createId(clock.now(), random);
      const names = [{ email }, { username: canonicalName(username) }];
      const claimed = await Promise.all(names.map(async (name) => ({ name, claimId: await claim(name, id) })));
      const claims = claimed.flatMap(({ name, claimId }) => (claimId === undefined ? [] : [{ name, claimId }]));
      const now = clock.now();
      if (claims.length === names.length) {
        const [, , created = []] = await at(slotOfUser(id), ({ batch }) =>
          batch(
            [
              `INSERT OR IGNORE INTO users (id, email, username, password_hash, is_verified, created_at, updated_at)
                 SELECT ?, ?, ?, ?, 1, ?, ? WHERE NOT EXISTS (SELECT 1 FROM aborted_claims WHERE claim_id IN (?, ?))`,
              ...[id, email, username, passwordHash, now, now, ...claims.map(({ claimId }) => claimId)],
            ],
            event("registered", id),
            ["SELECT 1 FROM users WHERE id = ?", id],
          ),
        );
        if (created.length > 0) return id;
      }
      await Promise.all(claims.map(({ name, claimId }) => release(name, claimId)));
      return undefined;
    },

    /**
     * Changes a user's email address or username. Returns `false` if the new name is taken, or if the user has changed
     * in the meantime.
     */
    async changeName(user: User, to: LoginName): Promise<boolean> {
      const kind = "email" in to ? "email" : "username";
      const { column, value } = columnOf(to);
      const from = namesOf(user)[kind];
      const [claimId, [[former] = []]] = await Promise.all([
        claim(to, user.id),
        at(slotOfClaim(claimKey(from)), ({ batch }) =>
          batch<Claim>(["SELECT * FROM claims WHERE name = ? AND user_id = ?", claimKey(from), user.id]),
        ),
      ]);
      if (claimId === undefined) return false;
      const [, , changed = []] = await at(slotOfUser(user.id), ({ batch }) =>
        batch(
          [
            `UPDATE users SET ${kind} = ?, updated_at = max(?, updated_at + 1)
               WHERE id = ? AND ${column} = ? AND NOT EXISTS (SELECT 1 FROM aborted_claims WHERE claim_id = ?)`,
            ...["email" in to ? to.email : to.username, clock.now(), user.id, columnOf(from).value, claimId],
          ],
          event(`${kind}_changed`, user.id),
          [`SELECT 1 FROM users WHERE id = ? AND ${column} = ?`, user.id, value],
        ),
      );
      // The prototype waits for this. A service could do it after the response.
      if (changed.length === 0) await release(to, claimId);
      else if (former !== undefined) await release(from, former.claim_id);
      return changed.length > 0;
    },

    /** Lists users, newest first, like the list of one directory. */
    async list(filter: UserFilter, page: { limit: number; after?: { createdAt: number; id: string } }) {
      const pages = await atAll(({ administration }) => administration.list(filter, page));
      const newestFirst = (left: User, right: User) =>
        right.createdAt - left.createdAt || (left.id < right.id ? 1 : -1);
      return unique(pages.flat()).toSorted(newestFirst).slice(0, page.limit);
    },

    /**
     * Searches like one directory. If a directory stops early, it returns the name that it reached, and the page ends
     * there.
     */
    async search(prefix: string, filter: UserFilter, page: { limit: number; after?: string | undefined }) {
      const pages = await atAll(({ search }) => search.find(prefix, filter, page));
      const reached = pages.flatMap(({ next }) => next ?? []).toSorted()[0];
      const isFound = (email: string) => emailPrefixes(prefix).some((begin) => email.startsWith(begin));
      const nameOf = ({ email, username }: User) => (isFound(email) ? email : canonicalName(username));
      const users = unique(pages.flatMap((found) => found.users))
        .filter((user) => reached === undefined || nameOf(user) <= reached)
        .toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));
      const last = users.slice(0, page.limit).at(-1);
      const next = users.length > page.limit && last !== undefined ? nameOf(last) : (reached ?? null);
      return { users: users.slice(0, page.limit), next };
    },

    /**
     * Moves a slot to another directory, and yields after each step. After an interruption, the next run starts over.
     */
    async *moveSlot(slot: string, place: number) {
      const [source, target] = [directories[slots.placeOf(slot)], directories[place]];
      if (source === undefined || target === undefined || source === target) return;
      const tables = Object.entries(SLOTTED);
      const drop = tables.map(([table, { rows }]): Query => [`DELETE FROM ${table} WHERE ${rows}`, slot, ""]);
      await source.batch(["INSERT OR IGNORE INTO moves (slot) VALUES (?)", slot]);
      // If an earlier run had already finished the move, the answer to this call has updated the map.
      if (directories[slots.placeOf(slot)] !== source) return;
      yield "closed";
      await target.batch(...drop);
      for (const [table, { key, rows: condition }] of tables) {
        for (let after = ""; ; ) {
          const [rows = []] = await source.batch<Record<string, unknown>>([
            `SELECT * FROM ${table} WHERE ${condition} ORDER BY ${key} LIMIT ${COPIED_AT_ONCE}`,
            ...[slot, after],
          ]);
          const [first, last] = [rows[0], rows.at(-1)];
          if (first === undefined || last === undefined) break;
          const columns = Object.keys(first);
          const values = columns.map((column) => `json_extract(value, '$.${column}')`);
          const insert = `INSERT INTO ${table} (${columns}) SELECT ${values} FROM json_each(?)`;
          await target.batch([insert, JSON.stringify(rows)]);
          yield "copied";
          after = String(last[key]);
        }
      }
      const point: Query = ["INSERT INTO moves VALUES (?, ?)", slot, place];
      await source.batch(["DELETE FROM moves WHERE slot = ?", slot], ...drop, point);
      yield "moved";
    },
  };
}

/** The key of a name's claim. It is a digest, so that a left-over claim does not contain the name. */
export const claimKey = (name: LoginName) => encodeHex(sha256(utf8(loginNameKey(name))).subarray(0, 16));

/** The column (or indexed expression) of the table `users` to search for a name, and the value to search for. */
function columnOf(name: LoginName): { column: string; value: string } {
  return "email" in name
    ? { column: "email", value: name.email }
    : { column: "lower(username)", value: canonicalName(name.username) };
}

function namesOf({ email, username }: Names) {
  return { email: { email }, username: { username: canonicalName(username) } };
}

/** Removes duplicates: while a slot is copied, both directories have its rows. */
function unique(users: User[]): User[] {
  return [...new Map(users.map((user) => [user.id, user])).values()];
}
