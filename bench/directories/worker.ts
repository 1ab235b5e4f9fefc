/** Fills directories with users, and counts what operations on them cost. */
import { systemClock } from "../../src/platform/clock.ts";
import { createId } from "../../src/platform/random.ts";
import { createSeededRandom } from "../../test/measure/seeded-random.ts";
import { claimKey, createDirectories } from "./directories.ts";
import { SlotMap, slotOfClaim, slotOfUser } from "./directory.ts";
import { SCHEMA } from "./schema.ts";

export interface Plan {
  migrations: string[];
  directories: number;
  users: number;
}

export interface Measured {
  costs: Record<string, Cost>;
  /** The bytes that a user takes in addition to those in a single directory, for claims and the index of slots. */
  bytesMore: number;
  /** Rows written for each user who moves. */
  movedRows: number;
}

export interface Cost {
  sequential: number;
  calls: number;
  rowsRead: number;
  rowsWritten: number;
}

/** How often each operation runs. Its cost is the maximum of the sequential hops and the mean of everything else. */
const TIMES = 20;

export default {
  async fetch(request: Request, bindings: Record<string, D1Database>): Promise<Response> {
    const plan = await request.json<Plan>();
    const databases = Object.values(bindings).slice(0, plan.directories);
    for (const database of databases)
      await database.batch(plan.migrations.map((statement) => database.prepare(statement)));
    return Response.json(await measure(databases, plan.users));
  },
};

async function measure(databases: D1Database[], users: number): Promise<Measured> {
  const slots = new SlotMap(databases.length);
  const random = createSeededRandom(1);
  const open = () => createDirectories(databases, slots, { clock: systemClock, random });
  const nameOf = (index: number) => ({ email: `user${index}@example.org`, username: `user${index}` });
  const people = Array.from({ length: users }, (_, index) => ({ id: createId(index, random), ...nameOf(index) }));
  const bytesMore = await fill(databases, slots, people);
  const idOf = (index: number) => people[index]?.id ?? "";
  const userOf = async (index: number) => {
    const user = await open().findById(idOf(index));
    if (user === undefined) throw new Error(`User ${index} is missing.`);
    return user;
  };

  const costs: Record<string, Cost> = {};
  async function cost(name: string, operation: (of: ReturnType<typeof open>, index: number) => Promise<unknown>) {
    const of = Array.from({ length: TIMES }, open);
    for (const [index, request] of of.entries()) {
      if (!(await operation(request, index))) throw new Error(`${name} has found nothing.`);
    }
    const mean = (part: "calls" | "rowsRead" | "rowsWritten") =>
      Number((of.reduce((sum, { spent }) => sum + spent[part], 0) / TIMES).toPrecision(3));
    costs[name] = {
      sequential: Math.max(...of.map(({ hops }) => hops.sequential)),
      ...{ calls: mean("calls"), rowsRead: mean("rowsRead"), rowsWritten: mean("rowsWritten") },
    };
  }

  const changed = await Promise.all(Array.from({ length: 2 * TIMES }, (_, index) => userOf(users - 1 - index)));
  const changing = changed.values();
  const next = () => changing.next().value ?? changed[0];
  await cost("user by id", (of, index) => of.findById(idOf(index)));
  await cost("user by email or username, all asked at once", (of, index) =>
    of.findByAsking({ email: nameOf(index).email }),
  );
  await cost("user by email or username, by the claim", (of, index) =>
    of.findByClaim({ username: nameOf(index).username }),
  );
  await cost("registration", (of, index) => of.register(nameOf(users + index), "!".repeat(90)));
  await cost(
    "registration with a name that is taken",
    async (of, index) =>
      (await of.register({ ...nameOf(index), email: `other${index}@example.org` }, "!")) === undefined,
  );
  await cost("change of email", async (of, index) => {
    const user = next();
    return user !== undefined && of.changeName(user, { email: `changed${index}@example.org` });
  });
  await cost("change of username", async (of, index) => {
    const user = next();
    return user !== undefined && of.changeName(user, { username: `changed${index}` });
  });
  await cost("list, a page of 50", async (of) => (await of.list({}, { limit: 51 })).length);
  await cost("search, a page of 50", async (of) => (await of.search("user", {}, { limit: 50 })).users.length);
  const moving = [...new Set(people.slice(0, 5 * TIMES).map(({ id }) => slotOfUser(id)))].slice(0, TIMES);
  if (databases.length > 1) {
    await cost("move of a slot", async (of, index) => {
      const slot = moving[index] ?? "";
      for await (const _step of of.moveSlot(slot, (slots.placeOf(slot) + 1) % databases.length));
      return true;
    });
  }
  const moved = people.filter(({ id }) => moving.includes(slotOfUser(id)));
  const movedRows = Math.round(((costs["move of a slot"]?.rowsWritten ?? 0) * TIMES) / moved.length);
  return { costs, bytesMore, movedRows };
}

interface Person {
  id: string;
  email: string;
  username: string;
}

/** Adds users as if they had registered long ago. Returns the additional bytes per user: see `Measured.bytesMore`. */
async function fill(databases: D1Database[], slots: SlotMap, people: Person[]): Promise<number> {
  const claims = people.flatMap(({ id, email, username }) =>
    [{ email }, { username }].map((name) => ({
      name: claimKey(name),
      id,
      claim: `${slotOfUser(id)}${"0".repeat(16)}`,
    })),
  );
  const sizes = await Promise.all(
    databases.map(async (database, place) => {
      const insert = async (rows: object[], into: string) => {
        let size = 0;
        for (let from = 0; from < rows.length; from += 1_000) {
          const some = JSON.stringify(rows.slice(from, from + 1_000));
          size = (await database.prepare(`${into} FROM json_each(?)`).bind(some).run()).meta.size_after;
        }
        return size;
      };
      const isHere = (slot: string) => slots.placeOf(slot) === place;
      const inSingle = await insert(
        people.filter(({ id }) => isHere(slotOfUser(id))),
        `INSERT INTO users (id, email, username, password_hash, is_verified, created_at, updated_at)
           SELECT value ->> 'id', value ->> 'email', value ->> 'username', '!', 1, key, 1`,
      );
      await database.batch(SCHEMA.map((statement) => database.prepare(statement)));
      const inSeveral = await insert(
        claims.filter(({ name }) => isHere(slotOfClaim(name))),
        "INSERT INTO claims SELECT value ->> 'name', value ->> 'id', value ->> 'claim', 0",
      );
      return inSeveral - inSingle;
    }),
  );
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / people.length);
}
