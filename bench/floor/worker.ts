/**
 * The least that each route must do: its storage calls and its cryptography. It has no router, no validation, no log
 * and no headers. A service that does more can come close to these figures, but not below them.
 */

import { DurableObject } from "cloudflare:workers";
import { scryptSync } from "node:crypto";

interface Bindings {
  DB: D1Database;
  ITEMS: DurableObjectNamespace<Item>;
  MAILS: Queue<string>;
}

/** An object that keeps one number. */
export class Item extends DurableObject<Bindings> {
  constructor(context: DurableObjectState, env: Bindings) {
    super(context, env);
    context.storage.sql.exec("CREATE TABLE IF NOT EXISTS `item` (`id` INTEGER PRIMARY KEY, `value` INTEGER NOT NULL)");
  }

  read(): unknown {
    return this.ctx.storage.sql.exec("SELECT `value` FROM `item` WHERE `id` = 1").toArray()[0]?.value;
  }

  write(): void {
    this.ctx.storage.sql.exec(
      "INSERT INTO `item` VALUES (1, 1) ON CONFLICT (`id`) DO UPDATE SET `value` = `value` + 1",
    );
  }
}

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const SALT = new Uint8Array(16);
const encoder = new TextEncoder();

// Caches the value instead of a promise, because the request that started a promise may be cancelled.
let keys: CryptoKeyPair | undefined;

async function keyPair(): Promise<CryptoKeyPair> {
  keys ??= (await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"])) as CryptoKeyPair;
  return keys;
}

const JWKS = {
  keys: [
    { kty: "EC", crv: "P-256", alg: "ES256", use: "sig", kid: "0".repeat(43), x: "0".repeat(43), y: "0".repeat(43) },
  ],
};

const base64url = (bytes: ArrayBuffer | Uint8Array) => Buffer.from(bytes as Uint8Array).toString("base64url");

async function sign(id: string): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: "floor", aud: "floor", sub: id, iat: now, exp: now + 1_800, jti: crypto.randomUUID() };
  const text = `${base64url(encoder.encode('{"alg":"ES256","typ":"at+jwt"}'))}.${base64url(encoder.encode(JSON.stringify(claims)))}`;
  const { privateKey } = await keyPair();
  return `${text}.${base64url(await crypto.subtle.sign(ECDSA, privateKey, encoder.encode(text)))}`;
}

/** Verifies the token of a request, and returns the user's id in it. */
async function verify(request: Request): Promise<string> {
  const [head = "", body = "", signature = ""] = (request.headers.get("Authorization") ?? "").slice(7).split(".");
  const { publicKey } = await keyPair();
  const bytes = Buffer.from(signature, "base64url");
  const isValid = await crypto.subtle.verify(ECDSA, publicKey, bytes, encoder.encode(`${head}.${body}`));
  const { sub, exp } = JSON.parse(Buffer.from(body, "base64url").toString());
  if (!isValid || exp * 1_000 < Date.now()) throw new Error("The token is not valid.");
  return sub;
}

const hash = (password: string) => scryptSync(password, SALT, 32, { N: 16, r: 8, p: 1 }).toString("hex");

const read = ({ DB }: Bindings, column: "id" | "email", value: string) =>
  DB.prepare(`SELECT * FROM \`users\` WHERE \`${column}\` = ?`).bind(value).first<Record<string, string>>();

const ROUTES: Record<string, (request: Request, env: Bindings) => Promise<object>> = {
  "/jwks": async () => JWKS,
  async "/me"(request, env) {
    const id = await verify(request);
    const [user] = await Promise.all([read(env, "id", id), env.ITEMS.getByName(id).read()]);
    return user ?? {};
  },
  async "/refresh"(request, env) {
    const { id } = await request.json<{ id: string }>();
    await Promise.all([env.ITEMS.getByName(id).write(), read(env, "id", id)]);
    return { token: await sign(id) };
  },
  "/login": (request, env) => logIn(request, env, false),
  "/login-limits": (request, env) => logIn(request, env, true),
  "/register": (request, env) => register(request, env, false),
  "/register-limits": (request, env) => register(request, env, true),
  async "/search"(request, env) {
    const id = await verify(request);
    const page = env.DB.prepare("SELECT * FROM `users` WHERE `email` >= ? AND `email` < ? ORDER BY `email` LIMIT 20");
    const [{ results }] = await Promise.all([page.bind("user", "uses").all(), env.ITEMS.getByName(id).read()]);
    return results;
  },
};

const placeOf = (request: Request) => `place-${request.headers.get("CF-Connecting-IP")}`;

/**
 * Opens the session while D1 records the login. With limits, the route calls two objects before it hashes the password,
 * and reports the outcome to one of them afterwards.
 */
async function logIn(request: Request, env: Bindings, isLimited: boolean): Promise<object> {
  const { email, password } = await request.json<{ email: string; password: string }>();
  const [user] = await Promise.all([
    read(env, "email", email),
    ...(isLimited ? [env.ITEMS.getByName(placeOf(request)).read(), env.ITEMS.getByName(`guard-${email}`).write()] : []),
  ]);
  if (user?.password_hash !== hash(password)) throw new Error("The password is wrong.");
  const id = String(user?.id);
  await Promise.all([
    env.ITEMS.getByName(id).write(),
    env.DB.batch([
      env.DB.prepare("UPDATE `users` SET `seen_at` = ? WHERE `id` = ?").bind(Date.now(), id),
      env.DB.prepare("INSERT INTO `events` VALUES (?, ?)").bind(crypto.randomUUID(), id),
    ]),
    ...(isLimited ? [env.ITEMS.getByName(`guard-${email}`).write()] : []),
  ]);
  return { token: await sign(id) };
}

async function register(request: Request, env: Bindings, isLimited: boolean): Promise<object> {
  const { email, password } = await request.json<{ email: string; password: string }>();
  if (isLimited) await env.ITEMS.getByName(placeOf(request)).write();
  const insert = env.DB.prepare("INSERT INTO `users` VALUES (?, ?, ?, NULL)");
  await Promise.all([insert.bind(crypto.randomUUID(), email, hash(password)).run(), env.MAILS.send(email)]);
  return {};
}

export default {
  async fetch(request, env) {
    const route = ROUTES[new URL(request.url).pathname];
    return route === undefined ? new Response(null, { status: 404 }) : Response.json(await route(request, env));
  },
  async queue() {},
} satisfies ExportedHandler<Bindings>;
