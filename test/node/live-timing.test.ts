import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { newPerson, type Person, post, register } from "./live-person.ts";
import { useClone } from "./live-service.ts";

/**
 * Checks whether a route's time reveals what its answer hides. The test sends two kinds of requests in random order. It
 * compares each time of the first kind with each time of the second. If the kinds take the same time, the first is
 * slower in half of the pairs (the Mann-Whitney statistic over n², Mann and Whitney 1947). With 50 requests of each
 * kind, the standard error is 0.058, so a good route leaves the bounds once in a million runs. For a route that skips
 * the hash of unknown names, the share is 1.
 */
const SAMPLES = 50;
const BOUNDS = { least: 0.2, most: 0.8 };

const clone = useClone();
let origin: string;
let known: Person;

beforeAll(async () => {
  // On this machine, the consumer of the mail queue would slow down the very request that has queued the email. In
  // production, it runs elsewhere. With a delay, it slows down later requests, which are equally often of either kind.
  const wrangler = join(clone.folder, "wrangler.toml");
  const later = readFileSync(wrangler, "utf8").replace(/^max_batch_timeout = 0$/m, "max_batch_timeout = 5");
  expect(later).toContain("max_batch_timeout = 5");
  writeFileSync(wrangler, later);
  // Even this cheap hash takes ten times as long as the rest of a request.
  const values = ["RATE_LIMITING:off", "SCRYPT_LN:13", "SCRYPT_P:1"].flatMap((value) => ["--var", value]);
  ({ origin } = await clone.serve(values));
  known = await register(origin);
});

type Send = () => Promise<Response>;

async function timeOf(send: Send, status: number): Promise<number> {
  const start = performance.now();
  const response = await send();
  await response.arrayBuffer();
  const time = performance.now() - start;
  expect(response.status).toBe(status);
  return time;
}

/** The share of the pairs in which the first kind is slower than the second. */
async function slowness(first: Send, second: Send, status = { first: 200, second: 200 }): Promise<number> {
  const times: { first: number[]; second: number[] } = { first: [], second: [] };
  for (let warm = 0; warm < 5; warm++) {
    await timeOf(first, status.first);
    await timeOf(second, status.second);
  }
  while (times.first.length < SAMPLES || times.second.length < SAMPLES) {
    const isFirst = times.second.length === SAMPLES || (times.first.length < SAMPLES && Math.random() < 0.5);
    if (isFirst) times.first.push(await timeOf(first, status.first));
    else times.second.push(await timeOf(second, status.second));
  }
  const slower = times.first.flatMap((one) => times.second.filter((other) => one > other)).length;
  return slower / SAMPLES ** 2;
}

function expectAlike(share: number): void {
  expect(share).toBeGreaterThan(BOUNDS.least);
  expect(share).toBeLessThan(BOUNDS.most);
}

const unknown = () => `${crypto.randomUUID()}@example.com`;
const alike = (status: number) => ({ first: status, second: status });

describe("the time of an answer", () => {
  it("differs where one request hashes and the other does not, which shows that the measure sees it", async () => {
    const hashes = () => post(origin, "/api/v1/auth/login", { email: unknown(), password: "a wrong password" });
    const refused = () => post(origin, "/api/v1/auth/login", { email: unknown() });
    expect(await slowness(hashes, refused, { first: 401, second: 422 })).toBeGreaterThan(BOUNDS.most);
  });

  it.each(["email", "username"] as const)(
    "of a login does not tell an attacker whether the %s exists",
    async (name) => {
      const login = (value: string) => () =>
        post(origin, "/api/v1/auth/login", { [name]: value, password: "a wrong password" });
      const absent = name === "email" ? unknown() : "nobody-at-all";
      expectAlike(await slowness(login(known[name]), login(absent), alike(401)));
    },
  );

  it.each(["forgot-password", "resend-verification"])("of %s does not tell it of an address", async (route) => {
    const ask = (email: () => string) => () => post(origin, `/api/v1/auth/${route}`, { email: email() });
    expectAlike(
      await slowness(
        ask(() => known.email),
        ask(unknown),
        alike(202),
      ),
    );
  });

  it("of a registration does not tell it either", async () => {
    const registration = (email?: string) => () =>
      post(origin, "/api/v1/auth/register", { ...newPerson(), ...(email === undefined ? {} : { email }) });
    expectAlike(await slowness(registration(known.email), registration(), alike(202)));
  });
});
