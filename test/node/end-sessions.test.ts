import { beforeEach, describe, expect, it } from "vitest";
import { endSessions } from "../../src/commands/end-sessions.ts";
import { openDatabase } from "../../src/db/client.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { Hops } from "../../src/platform/hops.ts";
import { createMassLogout } from "../../src/users/mass-logout.ts";
import { makeLocalDatabase } from "./local-database.ts";
import { makeTree } from "./stand-in.ts";

const database = await makeLocalDatabase();

interface Person {
  id: string;
  isVerified?: boolean;
  epoch?: number;
  kept?: string;
  lastLogin?: number;
}

function add({ id, isVerified = true, epoch = 0, kept, lastLogin }: Person): void {
  const columns =
    "id, email, username, password_hash, is_verified, session_epoch, kept_session_id, last_login_at, created_at, updated_at";
  const quoted = (text: string | undefined) => (text === undefined ? "NULL" : `'${text}'`);
  database.change(
    `INSERT INTO users (${columns}) VALUES ('${id}', '${id}@example.com', '${id}', '!', ${Number(isVerified)}, ${epoch}, ${quoted(kept)}, ${lastLogin ?? "NULL"}, 1, 1)`,
  );
}

const usersNow = () =>
  database.rows("SELECT id, session_epoch AS epoch, kept_session_id AS kept, updated_at FROM users ORDER BY id");
const events = () => database.rows("SELECT type, actor_id, user_id, details FROM audit_events");

beforeEach(() => database.change("DELETE FROM users; DELETE FROM audit_events"));

async function run(argv: string[]) {
  const work = makeTree(undefined, [], database);
  const code = await endSessions(argv, work);
  return { code, said: work.said(), complained: work.complained(), places: work.places };
}

describe("npm run sessions:end", () => {
  it("begins another epoch for every user, keeps no session, and records it", async () => {
    add({ id: "ada", epoch: 3, kept: "a-session" });
    add({ id: "bob", lastLogin: 5, isVerified: false });
    const { code, said } = await run(["--all"]);
    expect(code).toBe(0);
    expect(said).toContain("Every session of 2 users has ended.");
    expect(said).toContain("npm run keys:rotate -- --emergency");
    const [ada, bob] = usersNow();
    expect(ada).toEqual({ id: "ada", epoch: 1_003, kept: null, updated_at: expect.any(Number) });
    expect(bob).toMatchObject({ id: "bob", epoch: 1_000 });
    expect(ada?.updated_at).toBeGreaterThan(1_700_000_000_000);
    expect(events()).toEqual([{ type: "all_sessions_ended", actor_id: null, user_id: null, details: null }]);
  });

  it("leaves registrations that wait for their link as they are, so that the link still works and they still expire", async () => {
    add({ id: "waiting", isVerified: false });
    expect((await run(["--all"])).said).toContain("Every session of 0 users has ended.");
    expect(usersNow()).toEqual([{ id: "waiting", epoch: 0, kept: null, updated_at: 1 }]);
  });

  it("works through many users in steps, each user once", async () => {
    for (const id of ["a", "b", "c", "d", "e"]) add({ id });
    add({ id: "bb", isVerified: false });
    const logout = createMassLogout(openDatabase(database.DB, new Hops(systemClock)));
    const event = { id: "0199f1c2-8f3a-7c31-9d6c-5f1d3f0a2b4e", occurredAt: 9 };
    const steps: number[] = [];
    for await (const count of logout(event, { now: 9, most: 2 })) steps.push(count);
    expect(steps).toEqual([2, 2, 1]);
    expect(usersNow().map(({ id, epoch }) => `${id} ${epoch}`)).toEqual([
      ...["a 1000", "b 1000", "bb 0", "c 1000", "d 1000", "e 1000"],
    ]);
    expect(events()).toHaveLength(1);
  });

  it("stops between two steps, and says that it is to be run again", async () => {
    add({ id: "ada" });
    const work = makeTree(undefined, [], database);
    work.stopNow();
    expect(await endSessions(["--all"], work)).toBe(1);
    expect(work.complained()).toContain("Run it again");
  });

  it("goes to the deployed database with --remote", async () => {
    expect((await run(["--all", "--remote"])).places).toEqual([expect.objectContaining({ remote: true })]);
  });

  it.each([
    ["nothing", [], "--all is missing"],
    ["an unknown flag", ["--everybody"], "Unknown option '--everybody'"],
    [
      "a container's volume beside the deployed database",
      ["--all", "--remote", "--volume", "x"],
      "does not go with --remote",
    ],
    ["local state of a remote database", ["--all", "--remote", "--persist-to", "x"], "does not go with --remote"],
  ])("refuses %s with the usage and exit code 2", async (_, argv, fault) => {
    add({ id: "ada" });
    const { code, complained, places } = await run(argv);
    expect(code).toBe(2);
    expect(complained).toContain(fault);
    expect(complained).toContain("Usage: npm run sessions:end");
    expect(places).toEqual([]);
    expect(usersNow()).toMatchObject([{ epoch: 0 }]);
  });

  it("says where the tables come from if there are none", async () => {
    const work = makeTree();
    expect(await endSessions(["--all"], work)).toBe(1);
    expect(work.complained()).toContain("It has no tables yet");
  });

  it("explains itself on --help", async () => {
    const { code, said } = await run(["--help"]);
    expect(code).toBe(0);
    expect(said).toContain("Usage: npm run sessions:end");
  });
});
