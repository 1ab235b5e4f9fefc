import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { FLOODED, floodWithLogins, takeLaneOut } from "./live-flood.ts";
import { logIn, readMe, register } from "./live-person.ts";
import { askShared, makeClone, type Prepared } from "./live-service.ts";

/**
 * Floods a service with logins at the default cost, and sends other requests meanwhile. The test measures no times. A
 * request's wait is the number of logins that were hashed and answered between its start and its answer. Ten logins are
 * under way at once. So without the hashing lane (the queue of passwords to hash), a request waits for about ten.
 */
const CONNECTIONS = 10;
const REST = 100;
/** How many streams of `GET /users/me` run at once, and how many of the JWKS. */
const STREAMS = 2;
/** The time limit, in milliseconds. A flood ends after a fixed number of answers, so only a slow machine comes near. */
const PATIENCE = 300_000;

const problemSchema = z.object({ code: z.string() });
const withLane = makeClone();
const withoutLane = makeClone();
takeLaneOut(withoutLane);
let origins: { withLane: string; withoutLane: string };

beforeAll(async () => {
  const made = await askShared<Prepared>("prepared");
  const [one, other] = await Promise.all([
    withLane.serve(FLOODED),
    withoutLane.prepare(made).then((prepared) => withoutLane.serve(FLOODED, undefined, prepared)),
  ]);
  origins = { withLane: one.origin, withoutLane: other.origin };
}, PATIENCE);

afterAll(() => Promise.all([withLane.remove(), withoutLane.remove()]));

/** Floods the service until each stream has had `answersEach` answers. Returns what happened. */
async function flood(origin: string, answersEach: number) {
  const [reader, flooder] = [await register(origin), await register(origin)];
  const { access_token } = await logIn(origin, reader);
  const refused: { status: number; code: string; retryAfter: string | null }[] = [];
  const waits: number[] = [];
  let hashed = 0;
  let isOver = false;
  const firstHash = Promise.withResolvers<void>();
  const logins = floodWithLogins(origin, {
    connections: CONNECTIONS,
    rest: REST,
    person: flooder,
    goesOn: () => !isOver,
    answered(status, body, headers) {
      if (status === 200) {
        hashed += 1;
        return firstHash.resolve();
      }
      const { code } = problemSchema.parse(JSON.parse(body));
      refused.push({ status, code, retryAfter: headers.get("Retry-After") });
    },
  });

  const stream = async (send: () => Promise<Response>) => {
    for (let answers = 0; answers < answersEach; answers++) {
      const before = hashed;
      const response = await send();
      expect(response.status).toBe(200);
      await response.arrayBuffer();
      waits.push(hashed - before);
    }
  };
  const streams = firstHash.promise.then(() =>
    Promise.all(
      Array.from({ length: STREAMS }, () => [
        stream(() => readMe(origin, access_token)),
        stream(() => fetch(`${origin}/.well-known/jwks.json`)),
      ]).flat(),
    ),
  );
  await Promise.race([streams, logins]).finally(() => {
    isOver = true;
  });
  const hashedMeanwhile = hashed;
  await Promise.all([streams, logins]);
  waits.sort((one, other) => one - other);
  const median = waits[Math.floor(waits.length / 2)];
  await logIn(origin, flooder);
  return { refused, answers: waits.length, median, hashedMeanwhile };
}

describe("a flood of logins", { timeout: PATIENCE }, () => {
  it("lets token verification and the JWKS go on, and refuses the logins that are too many", async () => {
    const { refused, answers, median, hashedMeanwhile } = await flood(origins.withLane, 4);
    expect(median).toBeLessThanOrEqual(5);
    expect(answers).toBeGreaterThan(hashedMeanwhile);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) expect(answer).toEqual({ status: 503, code: "busy", retryAfter: "1" });
  });

  it("makes them wait for every login where there is no lane, which shows that the measure sees it", async () => {
    const { refused, answers, median, hashedMeanwhile } = await flood(origins.withoutLane, 1);
    expect(median).toBeGreaterThanOrEqual(CONNECTIONS - 3);
    expect(answers).toBeLessThan(hashedMeanwhile);
    expect(refused).toEqual([]);
  });
});
