/**
 * A simulation of regions for docs/scaling.md. It shows how long a refresh and a `GET /users/me` wait for storage in
 * each region. It compares sessions in an object per user with sessions in D1, each with and without read replicas of
 * D1. It simulates discrete events from a seed, so the figures are the same each time. All assumptions are in the first
 * half of this file.
 */
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";

/**
 * Round trips in milliseconds between cities: the means of 17 August to 15 September 2024 that IBM Cloud publishes
 * (https://github.com/ibm-cloud-docs/vpc, `_include-segments/network-latency.md`). Cloudflare's network may be faster
 * or slower.
 */
export const ROUND_TRIPS: Readonly<Record<string, readonly number[]>> = {
  Washington: [2, 32, 91, 166, 214, 118],
  Dallas: [31, 2, 123, 143, 185, 145],
  Frankfurt: [91, 123, 2, 228, 250, 197],
  Tokyo: [166, 143, 231, 2, 115, 284],
  Sydney: [216, 186, 250, 115, 2, 327],
  "São Paulo": [119, 146, 198, 285, 328, 2],
};

export const ASSUMED = {
  /** Where D1 has its primary. */
  primary: 0,
  /** The share of requests that users send from another region than the one in which their object was created. */
  away: 0.05,
  /** A round trip takes longer than its mean by a random share: an exponential distribution with this mean. */
  jitter: 0.1,
  /** How many milliseconds one statement occupies D1, which runs one statement at a time. */
  d1Read: 1,
  d1Write: 5,
  /** How many milliseconds one call occupies an object. For a write, until it is stored durably. */
  objectRead: 0.5,
  objectWrite: 5,
  /** Requests of one active user in a month. The busiest hour has `peak` times the mean. */
  refreshes: 200,
  reads: 100,
  peak: 3,
} as const;

const MONTH_SECONDS = 30 * 86_400;
const MILLISECONDS = 60_000;

export type Kind = "refresh" | "me";

interface Call {
  server: string;
  region: number;
  /** How many milliseconds the call occupies its server. */
  busy: number;
}

interface Place {
  /** The region from which the request comes. */
  here: number;
  /** The region of the user's object. */
  home: number;
  user: number;
}

const { primary, d1Read, d1Write, objectRead, objectWrite } = ASSUMED;
const PRIMARY = (busy: number): Call => ({ server: "primary", region: primary, busy });
const replica = ({ here }: Place): Call => ({ server: `replica ${here}`, region: here, busy: d1Read });
const object = ({ home, user }: Place, busy: number): Call => ({ server: `object ${user}`, region: home, busy });

/** The calls that a request makes at the same time. The request is answered after the last call. */
export const DESIGNS: Readonly<Record<string, Record<Kind, (place: Place) => Call[]>>> = {
  "objects (Postern)": {
    refresh: (place) => [object(place, objectWrite), PRIMARY(d1Read)],
    me: (place) => [object(place, objectRead), PRIMARY(d1Read)],
  },
  "objects, users from replicas": {
    refresh: (place) => [object(place, objectWrite), replica(place)],
    me: (place) => [object(place, objectRead), replica(place)],
  },
  "sessions in D1": {
    refresh: () => [PRIMARY(d1Write)],
    me: () => [PRIMARY(d1Read)],
  },
  "sessions in D1, read from replicas": {
    refresh: () => [PRIMARY(d1Write)],
    me: (place) => [replica(place)],
  },
};

interface Quantiles {
  p50: number;
  p99: number;
}

/** The quantiles of each region, in the order of {@link ROUND_TRIPS}. */
export type Outcome = Record<Kind, Quantiles[]>;

/** Simulates one minute of the busiest hour. */
export function simulate(design: string, activeUsers: number): Outcome {
  const calls = DESIGNS[design];
  if (calls === undefined) throw new Error(`There is no design ${design}.`);
  const random = createSeededRandom(2);
  const regions = Object.keys(ROUND_TRIPS).length;
  const { refreshes, reads, peak, away } = ASSUMED;
  const aMillisecond = (activeUsers * (refreshes + reads) * peak) / MONTH_SECONDS / 1_000;
  const arrivals: Arrival[] = [];
  const requests: Request[] = [];
  for (let now = gap(random, aMillisecond); now < MILLISECONDS; now += gap(random, aMillisecond)) {
    const user = random.below(activeUsers);
    const home = user % regions;
    const here = random.fraction() < away ? random.below(regions) : home;
    const kind = random.below(refreshes + reads) < refreshes ? "refresh" : "me";
    const request: Request = { kind, here, took: 0 };
    requests.push(request);
    for (const call of calls[kind]({ here, home, user })) {
      const trip = tripOf(here, call.region, random);
      arrivals.push({ at: now + trip / 2, sent: now, back: trip / 2, call, request });
    }
  }
  serve(arrivals);
  const of = (kind: Kind) => Array.from({ length: regions }, (_, region) => quantilesOf(requests, kind, region));
  return { refresh: of("refresh"), me: of("me") };
}

interface Request {
  kind: Kind;
  here: number;
  took: number;
}

interface Arrival {
  at: number;
  sent: number;
  back: number;
  call: Call;
  request: Request;
}

/** Lets every server handle one call at a time, in the order of arrival. */
function serve(arrivals: Arrival[]): void {
  const freeAt = new Map<string, number>();
  for (const { at, sent, back, call, request } of arrivals.toSorted((left, right) => left.at - right.at)) {
    const end = Math.max(at, freeAt.get(call.server) ?? 0) + call.busy;
    freeAt.set(call.server, end);
    request.took = Math.max(request.took, end + back - sent);
  }
}

function gap(random: SeededRandom, rate: number): number {
  return exponential(random) / rate;
}

function tripOf(here: number, there: number, random: SeededRandom): number {
  const mean = Object.values(ROUND_TRIPS)[here]?.[there] ?? 0;
  return mean * (1 + ASSUMED.jitter * exponential(random));
}

const exponential = (random: SeededRandom) => -Math.log(1 - random.fraction());

function quantilesOf(requests: readonly Request[], kind: Kind, region: number): Quantiles {
  const times = requests.filter((request) => request.kind === kind && request.here === region).map(({ took }) => took);
  const sorted = times.toSorted((left, right) => left - right);
  // The smallest time that this share of all times does not exceed (nearest rank).
  const quantile = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN);
  return { p50: quantile(0.5), p99: quantile(0.99) };
}
