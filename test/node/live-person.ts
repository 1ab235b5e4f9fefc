/** Uses the running service over the network, as a person does. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { createRemoteJWKSet, type JWTVerifyResult, jwtVerify } from "jose";
import { expect } from "vitest";
import * as z from "zod";

export const tokensSchema = z.object({ access_token: z.string(), refresh_token: z.string(), session_id: z.string() });
export const outboxSchema = z.object({ items: z.array(z.object({ to: z.string(), text: z.string() })) });
const listSchema = z.object({ items: z.array(z.unknown()) });
const jwksSchema = z.object({ keys: z.array(z.object({ kid: z.string() })) });

export type Tokens = z.output<typeof tokensSchema>;

export interface Person {
  email: string;
  username: string;
  password: string;
}

export function newPerson(): Person {
  const id = randomUUID().slice(0, 8);
  const name = `ada-${id}`;
  return { email: `${name}@example.com`, username: name, password: `correct horse ${id}` };
}

export function post(origin: string, path: string, body: unknown, bearer?: string): Promise<Response> {
  const authorization: Record<string, string> = bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` };
  return fetch(`${origin}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...authorization },
    body: JSON.stringify(body),
  });
}

export function readMe(origin: string, bearer: string): Promise<Response> {
  return fetch(`${origin}/api/v1/users/me`, { headers: { Authorization: `Bearer ${bearer}` } });
}

/** Registers, and verifies the address with the link that arrives in the outbox. */
export async function register(origin: string, person: Person = newPerson()): Promise<Person> {
  const registered = await post(origin, "/api/v1/auth/register", person);
  expect(registered.status).toBe(202);
  expect(await registered.json()).toEqual({ status: "verification_required" });
  const verified = await post(origin, "/api/v1/auth/verify-email", { token: await mailedToken(origin, person.email) });
  expect(verified.status).toBe(200);
  expect(await verified.json()).toEqual({ status: "verified" });
  return person;
}

export async function logIn(origin: string, { email, password }: Person): Promise<Tokens> {
  const answer = await post(origin, "/api/v1/auth/login", { email, password });
  expect(answer.status).toBe(200);
  return tokensSchema.parse(await answer.json());
}

export async function refresh(origin: string, token: string): Promise<Tokens> {
  const answer = await post(origin, "/api/v1/auth/refresh", { refresh_token: token });
  expect(answer.status).toBe(200);
  return tokensSchema.parse(await answer.json());
}

/** Counts a person's sessions, without the session that this function opens to count them. */
export async function countSessions(origin: string, person: Person): Promise<number> {
  const { access_token } = await logIn(origin, person);
  const headers = { Authorization: `Bearer ${access_token}` };
  const { items } = listSchema.parse(await (await fetch(`${origin}/api/v1/users/me/sessions`, { headers })).json());
  return items.length - 1;
}

/** Verifies a token as an independent service does: it knows only the address of this service. */
export function verifyAsStranger(origin: string, token: string): Promise<JWTVerifyResult> {
  const keys = createRemoteJWKSet(new URL(`${origin}/.well-known/jwks.json`));
  return jwtVerify(token, keys, { issuer: origin, audience: origin, typ: "at+jwt" });
}

export async function publishedKeys(origin: string): Promise<string[]> {
  const answer = await fetch(`${origin}/.well-known/jwks.json`);
  return jwksSchema.parse(await answer.json()).keys.map(({ kid }) => kid);
}

/**
 * The token in the newest link to a page that was emailed to an address. Works outside a test run as well, where vitest
 * cannot wait.
 */
export async function mailedToken(origin: string, email: string, page = "verify-email"): Promise<string> {
  for (let looks = 0; looks < 400; looks++) {
    const { items } = outboxSchema.parse(await (await fetch(`${origin}/dev/outbox`)).json());
    const texts = items.filter(({ to }) => to === email).map(({ text }) => text);
    const links = texts.flatMap((text) => /(http\S+)#token=([\w-]+)/.exec(text)?.slice(1) ?? []);
    const at = links.indexOf(`${origin}/${page}`);
    if (at !== -1) return links[at + 1] ?? "";
    await pause(50);
  }
  throw new Error(`No link to ${origin}/${page} came for ${email}.`);
}
