/** Postern and a Worker that verifies its tokens (examples/api). Each is a separate process, like two deployments. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { decodeProtectedHeader } from "jose";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { eventually } from "../support/eventually.ts";
import { logIn, type Person, post, publishedKeys, register, type Tokens, tokensSchema } from "./live-person.ts";
import { changeDatabase, type Service, useClone } from "./live-service.ts";

/** The API of the example, with a clock that a request sets forward. */
const AHEAD = `
import api from "./index.ts";
const now = Date.now;
export default {
  fetch(request, env, ctx) {
    if (!request.url.endsWith("/later")) return api.fetch(request, env, ctx);
    Date.now = () => now() + 10_000;
    return new Response("later");
  },
};
`;

const clone = useClone();
let postern: Service;
let api: Service;
let person: Person;

beforeAll(async () => {
  await clone.addPackages();
  postern = await clone.serve(["--var", "RATE_LIMITING:off"]);
  const { origin } = postern;
  const folder = join(clone.folder, "examples/api");
  const configuration = readFileSync(join(folder, "wrangler.toml"), "utf8");
  expect(configuration).toContain('"src/index.ts"');
  writeFileSync(join(folder, "ahead.toml"), configuration.replace('"src/index.ts"', '"src/ahead.ts"'));
  writeFileSync(join(folder, "src/ahead.ts"), AHEAD);
  api = await clone.startBeside(postern, "examples/api/ahead.toml", { ISSUER: origin, AUDIENCE: origin });
  person = await register(origin);
});

const ask = (token: string, method = "GET") =>
  fetch(`${api.origin}/notes`, { method, headers: { Authorization: `Bearer ${token}` } });
const statusOf = async (token: string, method?: string) => (await ask(token, method)).status;
const logOut = async (token: string) =>
  expect((await post(postern.origin, "/api/v1/auth/logout", {}, token)).status).toBe(204);
const refusedByKv = (token: string) => eventually(async () => expect(await statusOf(token)).toBe(401));
/** Refreshes, and tries again after a 503, as a client does: a command may have locked the database's file. */
async function refreshPatiently(refresh_token: string): Promise<Tokens> {
  const sendOnce = async () => {
    const answer = await post(postern.origin, "/api/v1/auth/refresh", { refresh_token });
    if (answer.status === 503) throw new Error("busy");
    return answer;
  };
  const answer = await eventually(sendOnce);
  expect(answer.status).toBe(200);
  return tokensSchema.parse(await answer.json());
}
/** How often Postern was asked for its keys, according to its log. */
const keyReadings = () => postern.output().split('"route":"/.well-known/jwks.json"').length - 1;
/** How many requests Postern got, according to its log. */
const requests = () => postern.output().split('"event":"request"').length - 1;

describe("another Worker", () => {
  it("verifies without a call to Postern when it is warm", async () => {
    const { access_token: token } = await logIn(postern.origin, person);
    expect(await statusOf(token)).toBe(200);
    await expect.poll(() => keyReadings()).toBe(1);
    const before = requests();
    for (let times = 0; times < 50; times++) expect(await statusOf(token)).toBe(200);
    // When this request is in the log, all earlier requests are, too.
    const last = `last-${crypto.randomUUID()}`;
    await fetch(`${postern.origin}/health`, { headers: { "X-Request-Id": last } });
    await expect.poll(() => postern.output()).toContain(last);
    expect(requests()).toBe(before + 1);
    expect(postern.output()).not.toContain('"event":"rpc"');
  });

  it("refuses a logged-out token by the copy in KV although its signature is valid", async () => {
    const { access_token: token } = await logIn(postern.origin, person);
    const { access_token: other } = await logIn(postern.origin, person);
    expect(await statusOf(token)).toBe(200);
    await logOut(token);
    await refusedByKv(token);
    expect(await statusOf(other), "and nothing else").toBe(200);
  });

  it("refuses not one valid token while the signing key rotates under continuous traffic", async () => {
    const opened: Tokens[] = [];
    for (let number = 0; number < 4; number++) opened.push(await logIn(postern.origin, person));
    const first = decodeProtectedHeader(opened[0]?.access_token ?? "").kid;
    const signedBy = new Set<unknown>();
    const statuses = new Map<number, number>();
    let over = false;
    // Each client refreshes again and again, and uses its latest tokens and its first one.
    const client = async (tokens: Tokens) => {
      const used = [tokens.access_token];
      for (let { refresh_token } = tokens; !over; ) {
        const next = await refreshPatiently(refresh_token);
        refresh_token = next.refresh_token;
        signedBy.add(decodeProtectedHeader(next.access_token).kid);
        used.push(next.access_token);
        for (const token of [...used.slice(-4), ...used.slice(0, 1)]) {
          const status = await statusOf(token);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
        // With this pause, some requests are under way at any time, but they don't take all of the machine.
        await pause(50);
      }
    };
    expect(await statusOf(opened[0]?.access_token ?? "")).toBe(200);
    const traffic = Promise.all(opened.map(client));
    try {
      // The command and the traffic share a file here. If the file is busy, an operator runs the command again.
      await vi.waitFor(
        async () => {
          const rotated = await clone.run("keys:rotate", "--persist-to", postern.state);
          expect(rotated.code, rotated.output).toBe(0);
        },
        { timeout: 60_000, interval: 100 },
      );
      await fireCron();
      expect(await publishedKeys(postern.origin)).toHaveLength(2);
      // A key is published an hour before it signs. A verifier that read the keys before needs one more reading, and
      // reads them again after 10 seconds at the earliest.
      expect(await (await fetch(`${api.origin}/later`)).text()).toBe("later");
      // Moves back by an hour the times from which keys sign.
      changeDatabase(postern, "UPDATE signing_keys SET signs_from = signs_from - 3600000");
      await fireCron();
      await vi.waitFor(() => expect(signedBy.size).toBe(2), { timeout: 60_000, interval: 100 });
      const before = sum(statuses);
      await vi.waitFor(() => expect(sum(statuses)).toBeGreaterThan(before + 100), { timeout: 60_000, interval: 100 });
    } finally {
      over = true;
      await traffic;
    }
    expect([...signedBy]).toContain(first);
    expect([...statuses.keys()]).toEqual([200]);
  });

  it("goes on verifying while Postern is down, and answers what needs Postern with 503", async () => {
    const { access_token: token } = await logIn(postern.origin, person);
    const { access_token: revoked } = await logIn(postern.origin, person);
    await logOut(revoked);
    await refusedByKv(revoked);
    expect(await statusOf(token)).toBe(200);
    await postern.stop();
    for (let times = 0; times < 10; times++) expect(await statusOf(token)).toBe(200);
    expect(await statusOf(revoked), "the copy in KV outlives it").toBe(401);
    expect(await statusOf(token, "DELETE"), "no request gets in unchecked").toBe(503);
  });
});

const sum = (counts: Map<number, number>) => [...counts.values()].reduce((total, count) => total + count, 0);

async function fireCron(): Promise<void> {
  expect((await fetch(`${postern.origin}/cdn-cgi/handler/scheduled`)).status).toBe(200);
}
