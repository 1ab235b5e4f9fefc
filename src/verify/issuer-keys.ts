/**
 * The keys of an issuer, as this isolate knows them. They are kept as values: a promise belongs to the request that
 * made it, and hangs whoever else waits for it when that request is cancelled. So a request that finds another one
 * reading looks again and again whether the keys have come, by a timer of its own.
 */
import type { VerifyingKey } from "./access-token.ts";
import { pause, SECOND } from "./clock.ts";
import { VerificationError } from "./errors.ts";
import { type Fetcher, READING_TIMEOUT, type Reading, readJwks } from "./read-jwks.ts";

/** Lets work go on after the answer: the `waitUntil` of a request's context. */
export type WaitUntil = (work: Promise<unknown>) => void;

export interface IssuerKeys {
  /**
   * The key of this id; `undefined` where the issuer publishes none.
   *
   * @throws {VerificationError} `keys_unavailable` where no keys are known, and the issuer does not answer
   */
  find(id: string, waitUntil?: WaitUntil): Promise<VerifyingKey | undefined>;
}

/** What is known of one address. Values alone; times are milliseconds since the epoch. */
interface Known {
  reading?: Reading;
  readAt: number;
  /** When the reading began that is under way, unless its request was cancelled. */
  readingSince?: number | undefined;
  failedAt: number;
}

const NEVER = Number.NEGATIVE_INFINITY;
/** From this part of their lifetime on the keys are read again, in the background. */
const RENEW_FROM = 0.8;
/** For how long an issuer that failed is left alone. */
const PAUSE_AFTER_FAILURE = 2 * SECOND;
/** For how long a failure is taken to mean that the issuer is down. */
const DOWN_FOR = 60 * SECOND;
/** How long after a reading an id that it does not hold counts as unknown, so that forged tokens make little work. */
const LOOK_UP_PAUSE = 10 * SECOND;
/** By then no token is alive whose key we could know: Postern's longest lifetime of an access token. */
const LAST_GOOD_FOR = 24 * 3_600 * SECOND;
const LOOK_AGAIN = 10;

/** By address. An isolate serves few issuers: those that its own code names. */
const knownByAddress = new Map<string, Known>();

/** @param now milliseconds since the epoch */
export function issuerKeys(address: string, fetcher: Fetcher, now: () => number): IssuerKeys {
  const known = knownByAddress.get(address) ?? { readAt: NEVER, failedAt: NEVER };
  knownByAddress.set(address, known);

  // A clock that was set back must not make anything last longer.
  const timeSince = (time: number) => Math.abs(now() - time);
  const isBeingRead = () =>
    known.readingSince !== undefined && timeSince(known.readingSince) <= READING_TIMEOUT + SECOND;
  const isLeftAlone = () => timeSince(known.failedAt) < PAUSE_AFTER_FAILURE;
  const isDown = () => known.failedAt >= known.readAt && timeSince(known.failedAt) < DOWN_FOR;

  /** Reads the keys. Never throws: what is known stays where the issuer fails. */
  async function read(): Promise<void> {
    const begunAt = now();
    known.readingSince = begunAt;
    const reading = await readJwks(address, fetcher).catch(() => undefined);
    // It took so long that another one was begun: what that one says is newer.
    if (known.readingSince !== begunAt) return;
    known.readingSince = undefined;
    if (reading === undefined) {
      known.failedAt = now();
    } else {
      known.reading = reading;
      known.readAt = now();
    }
  }

  /** Reads the keys, unless somebody does so already or the issuer has just failed. */
  async function readOnce(): Promise<void> {
    const before = known.readAt;
    while (isBeingRead()) await pause(LOOK_AGAIN);
    if (known.readAt === before && !isLeftAlone()) await read();
  }

  /** Sees to it that the keys are as fresh as can be had. */
  async function renew(waitUntil: WaitUntil | undefined): Promise<void> {
    const age = timeSince(known.readAt);
    const { reading } = known;
    if (reading === undefined || age >= LAST_GOOD_FOR) return readOnce();
    if (age < reading.freshFor * RENEW_FROM) return;
    // After a lull a key may have been revoked meanwhile. While the issuer is down there is nothing to wait for.
    if (age >= reading.freshFor && !isDown()) return readOnce();
    if (isBeingRead() || isLeftAlone()) return;
    // Without a context nothing may outlive the answer, so this one waits.
    if (waitUntil === undefined) return read();
    waitUntil(read());
  }

  return {
    async find(id, waitUntil) {
      await renew(waitUntil);
      const key = () => (timeSince(known.readAt) < LAST_GOOD_FOR ? known.reading?.keys.get(id) : undefined);
      const found = key();
      if (found !== undefined) return found;
      if (timeSince(known.readAt) >= LOOK_UP_PAUSE) await readOnce();
      if (timeSince(known.readAt) >= LAST_GOOD_FOR) throw new VerificationError("keys_unavailable");
      return key();
    },
  };
}
