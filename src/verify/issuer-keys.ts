/**
 * The keys of an issuer, cached per isolate. The cache holds values, never promises. A promise belongs to the request
 * that created it. If this request is cancelled, all other requests that await the promise hang. So while one request
 * reads the keys, the others poll the cache with their own timers.
 */
import type { VerifyingKey } from "./access-token.ts";
import { pause, SECOND } from "./clock.ts";
import { VerificationError } from "./errors.ts";
import { type Fetcher, READING_TIMEOUT, type Reading, readJwks } from "./read-jwks.ts";

/** Lets work continue after the response: the `waitUntil` of a request's context. */
export type WaitUntil = (work: Promise<unknown>) => void;

/** What is known about the keys at one address. Holds no promises. Times are milliseconds since the epoch. */
interface Known {
  reading?: Reading;
  readAt: number;
  /** When the read in progress began. Its request may have been cancelled since. */
  readingSince?: number | undefined;
  failedAt: number;
  /** Why the last read failed. */
  failure?: unknown;
}

const NEVER = Number.NEGATIVE_INFINITY;
/** After this fraction of their lifetime, the keys are read again in the background. */
const RENEW_FROM = 0.8;
/** The pause after a failed read before the next one. */
const PAUSE_AFTER_FAILURE = 2 * SECOND;
/** How long after a failure the issuer counts as down. */
const DOWN_FOR = 60 * SECOND;
/** For this long after a read, an unknown key id causes no other read, so that forged tokens cause few reads. */
const LOOK_UP_PAUSE = 10 * SECOND;
/**
 * How long the known keys are used while the issuer does not answer: Postern's longest access token lifetime. By then,
 * all tokens that were issued before the last read have expired.
 */
const LAST_GOOD_FOR = 24 * 3_600 * SECOND;
const POLL_INTERVAL = 10;

/** By address. The map stays small: an isolate only has the issuers that its own code names. */
const knownByAddress = new Map<string, Known>();

/** @param now milliseconds since the epoch */
export function issuerKeys(address: string, fetcher: Fetcher, now: () => number) {
  const known = knownByAddress.get(address) ?? { readAt: NEVER, failedAt: NEVER };
  knownByAddress.set(address, known);

  // If the clock was set back, keys that were read before must not count as fresh for longer than usual.
  const timeSince = (time: number) => Math.abs(now() - time);
  const isBeingRead = () =>
    known.readingSince !== undefined && timeSince(known.readingSince) <= READING_TIMEOUT + SECOND;
  const isLeftAlone = () => timeSince(known.failedAt) < PAUSE_AFTER_FAILURE;
  const isDown = () => known.failedAt >= known.readAt && timeSince(known.failedAt) < DOWN_FOR;

  /** Reads the keys. Never throws: if the issuer fails, the known keys stay. */
  async function read(): Promise<void> {
    const begunAt = now();
    known.readingSince = begunAt;
    let failure: unknown;
    const reading = await readJwks(address, fetcher).catch((error: unknown) => {
      failure = error;
      return undefined;
    });
    // This read took so long that another one began. The result of the other read is newer.
    if (known.readingSince !== begunAt) return;
    known.readingSince = undefined;
    if (reading === undefined) {
      known.failedAt = now();
      known.failure = failure;
    } else {
      known.reading = reading;
      known.readAt = now();
    }
  }

  /** Reads the keys, unless another request is reading them or the issuer has just failed. */
  async function readOnce(): Promise<void> {
    const before = known.readAt;
    while (isBeingRead()) await pause(POLL_INTERVAL);
    if (known.readAt === before && !isLeftAlone()) await read();
  }

  /** Reads the keys again if they are no longer fresh, in the background if possible. */
  async function renew(waitUntil: WaitUntil | undefined): Promise<void> {
    const age = timeSince(known.readAt);
    const { reading } = known;
    if (reading === undefined || age >= LAST_GOOD_FOR) return readOnce();
    if (age < reading.freshFor * RENEW_FROM) return;
    // A key may have been revoked during a long pause between requests, so wait for fresh keys. If the issuer is down,
    // don't wait.
    if (age >= reading.freshFor && !isDown()) return readOnce();
    if (isBeingRead() || isLeftAlone()) return;
    // Without a context, no work may continue after the response, so this request waits.
    if (waitUntil === undefined) return read();
    waitUntil(read());
  }

  return {
    /**
     * The key with this id; `undefined` if the issuer publishes none.
     *
     * @throws {VerificationError} `keys_unavailable` if no keys are known and the issuer does not answer
     */
    async find(id: string, waitUntil?: WaitUntil): Promise<VerifyingKey | undefined> {
      await renew(waitUntil);
      const key = () => (timeSince(known.readAt) < LAST_GOOD_FOR ? known.reading?.keys.get(id) : undefined);
      const found = key();
      if (found !== undefined) return found;
      if (timeSince(known.readAt) >= LOOK_UP_PAUSE) await readOnce();
      if (timeSince(known.readAt) >= LAST_GOOD_FOR) {
        throw new VerificationError("keys_unavailable", { cause: known.failure });
      }
      return key();
    },
  };
}
