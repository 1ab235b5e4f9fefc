import { randomBytes } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { hashPassword, nativeEngine } from "../src/passwords/scrypt.ts";
import type { Setting } from "./cases.ts";
import { addressOf } from "./client.ts";
import { type Contestant, emailOf, forEachSlot, PASSWORD, PREFIX, type Started } from "./contestant.ts";

const COSTS = { cheap: { ln: 4, r: 8, p: 1 }, own: { ln: 15, r: 8, p: 3 } } as const;

/** The number of the user who logs in at this `index`. These users (`regulars`) are spread evenly over all users. */
const regular = ({ regulars, setting }: Started, index: number) =>
  (index % regulars) * Math.floor(setting.users / regulars);

const loginOf = (user: number) => ({
  path: "/api/v1/auth/login",
  body: { email: emailOf(user), password: PASSWORD },
  address: addressOf(user),
});

const logIn = (started: Started, index: number) => started.client.read(loginOf(regular(started, index)));

async function login(started: Started) {
  return (_slot: number, index: number) => started.client.send(loginOf(regular(started, index)));
}

async function register({ client }: Started) {
  return (_slot: number, index: number) => {
    const body = { email: `new${index}@example.com`, username: `new${index}`, password: PASSWORD };
    return client.send({ path: "/api/v1/auth/register", body, address: addressOf(index) });
  };
}

/** Reads a path as the first user, who is an operator. */
export const reading = (path: string) => async (started: Started) => {
  const { access_token } = await logIn(started, 0);
  return () => started.client.send({ path, bearer: String(access_token) });
};

const search = reading(`/api/v1/users/?q=${PREFIX}&limit=20`);

export const postern: Contestant = {
  name: "postern",
  config: "wrangler.toml",
  objects: ["UserSessions", "RateLimiter", "LoginGuard", "Metrics"],
  // Only development accepts a cheap hash and no limits. Emails are sent over HTTP, as in production.
  variables: ({ limits, hash }: Setting) => ({
    ENVIRONMENT: "development",
    PUBLIC_URL: "http://localhost:8787",
    AUTH_SECRET: "a-secret-for-the-bench-that-is-long-enough",
    MAIL_TRANSPORT: "resend",
    MAIL_FROM: "Postern <no-reply@example.com>",
    RESEND_API_KEY: "re_bench",
    RATE_LIMITING: limits ? "on" : "off",
    SCRYPT_LN: `${COSTS[hash].ln}`,
    SCRYPT_P: `${COSTS[hash].p}`,
  }),
  async fill({ database, setting }) {
    for (const path of globSync("migrations/*.sql").toSorted()) {
      for (const statement of readFileSync(path, "utf8").split("--> statement-breakpoint"))
        await database.exec(statement);
    }
    const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
    const hash = hashPassword(PASSWORD, COSTS[setting.hash], random, nativeEngine);
    await database.exec(
      `INSERT INTO \`users\` (\`id\`, \`email\`, \`username\`, \`password_hash\`, \`is_verified\`, \`role\`, \`created_at\`, \`updated_at\`)
       WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${setting.users})
       SELECT printf('01900000-0000-7000-8000-%012x', i), '${PREFIX}' || i || '@example.com', '${PREFIX}' || i, '${hash}', 1,
         iif(i = 0, 'admin', 'user'), 1700000000000 + i * 1000, 1700000000000 FROM n`,
    );
  },
  cases: {
    jwks:
      async ({ client }) =>
      () =>
        client.send({ path: "/.well-known/jwks.json" }),
    async me(started) {
      const tokens = await forEachSlot(started, async (slot) => String((await logIn(started, slot)).access_token));
      return (slot) => started.client.send({ path: "/api/v1/users/me", bearer: tokens[slot] });
    },
    async refresh(started) {
      const { client } = started;
      const tokens = await forEachSlot(started, async (slot) => (await logIn(started, slot)).refresh_token);
      return async (slot) => {
        const answer = await client.send({ path: "/api/v1/auth/refresh", body: { refresh_token: tokens[slot] } });
        tokens[slot] = JSON.parse(answer.text).refresh_token;
        return answer;
      };
    },
    login,
    "login-jwt": login,
    "login-limits": login,
    "login-own-hash": login,
    register,
    "register-limits": register,
    "search-1k": search,
    "search-100k": search,
  },
};
