/** Verifies access tokens where they arrive, without a call to Postern when its keys are known. */
import { type Expectations, judgeAccessToken, type VerifyingKey } from "./access-token.ts";
import type { AccessTokenClaims } from "./claims.ts";
import { systemTime } from "./clock.ts";
import { VerificationError } from "./errors.ts";
import { issuerKeys, type WaitUntil } from "./issuer-keys.ts";
import { type Fetcher, importKeys, type JsonWebKeySet, type Keys } from "./read-jwks.ts";
import { type RevocationsNamespace, refuseRevoked } from "./revocations.ts";
import { refuseUnlessLive, type StrictService } from "./strict-answer.ts";

export interface VerifierOptions {
  /** Postern's `PUBLIC_URL`, word for word, without a slash at its end. */
  issuer: string;
  /** Postern's `JWT_AUDIENCE`: the same as the issuer, unless it was set. */
  audience: string;
  /**
   * A service binding to Postern, through which its keys are read. A Worker can't fetch another Worker of the same
   * account by its address; elsewhere it may be left out, and the keys come from the issuer over the network.
   */
  fetcher?: Fetcher | undefined;
  /** The keys themselves, where nothing is to be fetched at all. Somebody then has to replace them as they rotate. */
  jwks?: JsonWebKeySet | undefined;
  /** The KV namespace with Postern's revocations. Where it is left out a token is accepted until it expires. */
  revocations?: RevocationsNamespace;
  /**
   * A service binding to Postern, which is asked about each token that is good by itself: a logout, a suspension or
   * another role counts at once. Costs a call and one storage round trip; `revocations` are then not read.
   */
  strict?: StrictService;
  /** Seconds by which clocks may differ: 5, unless said otherwise, and at most 60. */
  clockTolerance?: number | undefined;
  /** Milliseconds since the epoch; the system's clock, unless a test brings its own. */
  now?: (() => number) | undefined;
}

/** What a request's context gives: with it the keys are renewed in the background, never before an answer. */
export interface VerificationContext {
  waitUntil(work: Promise<unknown>): void;
}

/**
 * The claims of a token that is good.
 *
 * @throws {VerificationError} where it is not, with a stable `code`
 */
export type Verifier = (token: string, context?: VerificationContext) => Promise<AccessTokenClaims>;

/** Seconds: the longest lifetime of an access token that Postern can be configured to. */
const LONGEST_LIFETIME = 24 * 3_600;
const CLOCK_TOLERANCE = 5;
/** Seconds: for so long after the last token of a session has expired the revocations still name it. */
const MOST_CLOCK_TOLERANCE = 60;

/** As the tokens name it: Postern stands at the root of its host, and forgets a slash at the end. */
const ISSUER = /^https?:\/\/[^/?#]+$/;

/**
 * Makes a verifier. Costs nothing: what is known of an issuer's keys is kept for the isolate, so that making one for
 * each request is as good as keeping it.
 *
 * @throws {TypeError} where an option is missing or wrong
 */
export function createVerifier(options: VerifierOptions): Verifier {
  checkOptions(options);
  const { issuer, audience, revocations, strict, clockTolerance = CLOCK_TOLERANCE, now = systemTime } = options;
  const expectations: Expectations = { issuer, audience, clockTolerance, longestLifetime: LONGEST_LIFETIME };
  const findKey = keyFinder(options, now);

  return async (token, context) => {
    const waitUntil = context && ((work: Promise<unknown>) => context.waitUntil(work));
    if (typeof token !== "string") throw new VerificationError("malformed_token");
    const { claims } = await judgeAccessToken(token, (id) => findKey(id, waitUntil), expectations, now());
    // Only for a token that is ours: nobody makes this Worker ask anybody with tokens of their own making.
    if (strict !== undefined) await refuseUnlessLive(strict, token);
    else if (revocations !== undefined) await refuseRevoked(revocations, claims);
    return claims;
  };
}

function checkOptions(options: VerifierOptions): void {
  const { issuer, audience, clockTolerance = CLOCK_TOLERANCE } = options;
  if (!issuer) throw new TypeError("createVerifier needs `issuer`: Postern's PUBLIC_URL.");
  if (!ISSUER.test(issuer)) {
    throw new TypeError("createVerifier takes `issuer` as tokens name it: PUBLIC_URL without a slash at its end.");
  }
  if (!audience) throw new TypeError("createVerifier needs `audience`: Postern's JWT_AUDIENCE, or its PUBLIC_URL.");
  if (!(clockTolerance >= 0 && clockTolerance <= MOST_CLOCK_TOLERANCE)) {
    throw new TypeError(`createVerifier takes 0 to ${MOST_CLOCK_TOLERANCE} seconds for \`clockTolerance\`.`);
  }
  // A binding that was forgotten must not turn a check off.
  if ("revocations" in options && options.revocations === undefined) {
    throw new TypeError("createVerifier got no namespace for `revocations`: bind Postern's, or leave the option out.");
  }
  if ("strict" in options && options.strict === undefined) {
    throw new TypeError("createVerifier got no service for `strict`: bind Postern's, or leave the option out.");
  }
}

type FindKey = (id: string, waitUntil: WaitUntil | undefined) => Promise<VerifyingKey | undefined>;

function keyFinder({ issuer, fetcher, jwks }: VerifierOptions, now: () => number): FindKey {
  if (jwks !== undefined) return async (id) => (await keysOf(jwks)).get(id);
  const address = new URL("/.well-known/jwks.json", issuer).href;
  const { find } = issuerKeys(address, fetcher ?? { fetch: (...request) => fetch(...request) }, now);
  return find;
}

/** The keys that were passed in, imported once for an isolate. Values alone. */
const importedKeys = new WeakMap<JsonWebKeySet, Keys>();

async function keysOf(jwks: JsonWebKeySet): Promise<Keys> {
  const kept = importedKeys.get(jwks);
  if (kept !== undefined) return kept;
  const keys = await importKeys(jwks);
  if (keys.size === 0)
    throw new TypeError("createVerifier got `jwks` without a key that Postern could have signed with.");
  importedKeys.set(jwks, keys);
  return keys;
}
