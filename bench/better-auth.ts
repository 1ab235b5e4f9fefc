import { scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { addressOf } from "./client.ts";
import { type Contestant, emailOf, forEachSlot, PASSWORD, PREFIX, type Started } from "./contestant.ts";

const PATH = "/api/auth";

const signIn = ({ client }: Started, user: number) =>
  client.send({
    path: `${PATH}/sign-in/email`,
    body: { email: emailOf(user), password: PASSWORD },
    address: addressOf(user),
  });

/** Logs in, and returns the signed session token, which the plugin for bearer tokens puts into a header. */
async function sessionOf(started: Started, user: number): Promise<string> {
  return String((await signIn(started, user)).headers["set-auth-token"]);
}

const login = async (started: Started) => (_slot: number, index: number) => signIn(started, index % started.regulars);

/** After a login, only better-auth itself can check the session. A JWT for other services takes a second request. */
const loginToJwt = async (started: Started) => async (_slot: number, index: number) => {
  const bearer = await sessionOf(started, index % started.regulars);
  return started.client.send({ path: `${PATH}/token`, bearer });
};

const register =
  async ({ client }: Started) =>
  (_slot: number, index: number) =>
    client.send({
      path: `${PATH}/sign-up/email`,
      body: { email: `new${index}@example.com`, name: `new${index}`, password: PASSWORD },
      address: addressOf(index),
    });

const withSession = (path: string) => async (started: Started) => {
  const sessions = await forEachSlot(started, (slot) => sessionOf(started, slot));
  return (slot: number) => started.client.send({ path: `${PATH}${path}`, bearer: sessions[slot] });
};

/** Returns a hash of {@link PASSWORD} at better-auth's default cost: registers a user, and reads the stored hash. */
async function ownHash({ client, database }: Started): Promise<string> {
  const body = { email: "first@example.com", name: "first", password: PASSWORD };
  await client.send({ path: `${PATH}/sign-up/email`, body });
  return String((await database.first("SELECT `password` FROM `account`")).password);
}

const cheapHash = () => scryptSync(PASSWORD, new Uint8Array(16), 32, { N: 16, r: 8, p: 1 }).toString("hex");

export const betterAuth: Contestant = {
  name: "better-auth",
  config: "bench/better-auth/wrangler.toml",
  objects: [],
  variables: ({ limits, hash }) => ({ LIMITS: limits ? "on" : "off", HASH: hash }),
  async fill(started) {
    const { database, setting } = started;
    for (const statement of readFileSync("bench/better-auth/tables.sql", "utf8").trim().split(";\n")) {
      await database.exec(statement);
    }
    const hash = setting.hash === "own" ? await ownHash(started) : cheapHash();
    const users = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${setting.users})`;
    await database.exec(
      `INSERT INTO \`user\` ${users} SELECT 'id' || i, '${PREFIX}' || i, '${PREFIX}' || i || '@example.com', 1, NULL, 1700000000000, 1700000000000 FROM n`,
    );
    await database.exec(
      `INSERT INTO \`account\` (\`id\`, \`account_id\`, \`provider_id\`, \`user_id\`, \`password\`, \`created_at\`, \`updated_at\`)
       ${users} SELECT 'account' || i, 'id' || i, 'credential', 'id' || i, '${hash}', 1700000000000, 1700000000000 FROM n`,
    );
  },
  cases: {
    jwks:
      async ({ client }) =>
      () =>
        client.send({ path: `${PATH}/jwks` }),
    me: withSession("/get-session"),
    refresh: withSession("/token"),
    login,
    "login-jwt": loginToJwt,
    "login-limits": login,
    "login-own-hash": login,
    register,
    "register-limits": register,
  },
};
