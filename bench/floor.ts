import { scryptSync } from "node:crypto";
import { addressOf } from "./client.ts";
import { type Contestant, emailOf, forEachSlot, PASSWORD, PREFIX, type Started } from "./contestant.ts";

const hash = scryptSync(PASSWORD, new Uint8Array(16), 32, { N: 16, r: 8, p: 1 }).toString("hex");

const idOf = (user: number) => `id-${user}`;

async function tokenOf({ client }: Started, user: number): Promise<string> {
  return String((await client.read({ path: "/refresh", body: { id: idOf(user) } })).token);
}

const login = (path: string) => async (started: Started) => (_slot: number, index: number) => {
  const user = index % started.regulars;
  return started.client.send({ path, body: { email: emailOf(user), password: PASSWORD }, address: addressOf(user) });
};

const register = (path: string) => async (started: Started) => (_slot: number, index: number) => {
  const body = { email: `new${index}@example.com`, password: PASSWORD };
  return started.client.send({ path, body, address: addressOf(index) });
};

async function search(started: Started) {
  const bearer = await tokenOf(started, 0);
  return () => started.client.send({ path: "/search", bearer });
}

export const floor: Contestant = {
  name: "floor",
  config: "bench/floor/wrangler.toml",
  objects: ["Item"],
  variables: () => ({}),
  async fill({ database, setting }) {
    await database.exec(
      "CREATE TABLE `users` (`id` TEXT PRIMARY KEY, `email` TEXT NOT NULL UNIQUE, `password_hash` TEXT NOT NULL, `seen_at` INTEGER)",
    );
    await database.exec("CREATE TABLE `events` (`id` TEXT PRIMARY KEY, `user_id` TEXT NOT NULL)");
    await database.exec(
      `INSERT INTO \`users\` WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${setting.users})
       SELECT 'id-' || i, '${PREFIX}' || i || '@example.com', '${hash}', NULL FROM n`,
    );
  },
  cases: {
    jwks:
      async ({ client }) =>
      () =>
        client.send({ path: "/jwks" }),
    async me(started) {
      const tokens = await forEachSlot(started, (slot) => tokenOf(started, slot));
      return (slot) => started.client.send({ path: "/me", bearer: tokens[slot] });
    },
    refresh:
      async ({ client }) =>
      (slot) =>
        client.send({ path: "/refresh", body: { id: idOf(slot) } }),
    login: login("/login"),
    "login-jwt": login("/login"),
    "login-limits": login("/login-limits"),
    register: register("/register"),
    "register-limits": register("/register-limits"),
    "search-1k": search,
    "search-100k": search,
  },
};
