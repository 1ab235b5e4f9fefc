/**
 * Verifies access tokens in another Worker. The verifier calls Postern only to read the public keys. With `strict`, it
 * also calls Postern for each token.
 */
import { type Expectations, type VerifyingKey, verifyAccessToken } from "./access-token.ts";
import type { AccessTokenClaims } from "./claims.ts";
import { systemTime } from "./clock.ts";
import { VerificationError } from "./errors.ts";
import { issuerKeys, type WaitUntil } from "./issuer-keys.ts";
import { type Fetcher, importKeys, type JsonWebKeySet, type Keys } from "./read-jwks.ts";
import { type RevocationsNamespace, refuseRevoked } from "./revocations.ts";
import { refuseUnlessLive, type StrictService } from "./service.ts";

export interface VerifierOptions {
  /** Postern's `PUBLIC_URL`, exactly, without a trailing slash. */
  issuer: string;
  /** Postern's `JWT_AUDIENCE`. The default is the issuer. */
  audience: string;
  /**
   * A service binding to Postern, to read its keys. Use one in Postern's account: a Worker can't fetch another Worker
   * of its account by URL. Outside the account, omit `fetcher`: the verifier then reads the keys over the network.
   */
  fetcher?: Fetcher | undefined;
  /**
   * The keys themselves, if nothing should be fetched. You must then replace them whenever Postern rotates its keys.
   */
  jwks?: JsonWebKeySet | undefined;
  /** The KV namespace with Postern's revocations. Without it, a token is accepted until it expires. */
  revocations?: RevocationsNamespace;
  /**
   * A service binding to Postern. The verifier asks Postern about each token that passes the other checks, so a logout,
   * a suspension or a new role takes effect at once. Costs one call and one storage round trip per token; `revocations`
   * is then not read.
   */
  strict?: StrictService;
  /** How far clocks may differ, in seconds: 5 by default, at most 60. */
  clockTolerance?: number | undefined;
  /** Milliseconds since the epoch. The default is the system's clock; tests may pass their own. */
  now?: (() => number) | undefined;
}

/** A request's execution context. With it, keys are renewed in the background, without delaying a response. */
export interface VerificationContext {
  waitUntil(work: Promise<unknown>): void;
  /** The request's `traceparent` header (W3C Trace Context). With `strict`, it is sent to Postern. */
  traceparent?: string | undefined;
}

/**
 * Returns the claims of a valid token.
 *
 * @throws {VerificationError} if the token is not accepted, with a stable `code`
 */
export type Verifier = (token: string, context?: VerificationContext) => Promise<AccessTokenClaims>;

/** In seconds. The longest access token lifetime that Postern can be configured with. */
const LONGEST_LIFETIME = 24 * 3_600;
const CLOCK_TOLERANCE = 5;
/** In seconds. Revocations stay in KV for this long after the last token of a session has expired. */
const MOST_CLOCK_TOLERANCE = 60;

/** The issuer as tokens contain it. Postern runs at the root of its host and removes a trailing slash. */
const ISSUER = /^https?:\/\/[^/?#]+$/;

/**
 * Creates a verifier. This is cheap: the isolate caches each issuer's keys, so you can create a verifier per request.
 *
 * @throws {TypeError} if an option is missing or wrong
 */
export function createVerifier(options: VerifierOptions): Verifier {
  checkOptions(options);
  const { issuer, audience, revocations, strict, clockTolerance = CLOCK_TOLERANCE, now = systemTime } = options;
  const expectations: Expectations = { issuer, audience, clockTolerance, longestLifetime: LONGEST_LIFETIME };
  const findKey = keyFinder(options, now);

  return async (token, context) => {
    const waitUntil = context && ((work: Promise<unknown>) => context.waitUntil(work));
    if (typeof token !== "string") throw new VerificationError("malformed_token");
    const { claims } = await verifyAccessToken(token, (id) => findKey(id, waitUntil), expectations, now());
    // Checked last, so that a client can't cause calls and reads with forged tokens.
    if (strict !== undefined) await refuseUnlessLive(strict, token, { traceparent: context?.traceparent });
    else if (revocations !== undefined) await refuseRevoked(revocations, claims);
    return claims;
  };
}

function checkOptions(options: VerifierOptions): void {
  const { issuer, audience, clockTolerance = CLOCK_TOLERANCE } = options;
  if (!issuer) throw new TypeError("createVerifier needs `issuer`: Postern's PUBLIC_URL.");
  if (!ISSUER.test(issuer)) {
    throw new TypeError("createVerifier takes `issuer` as tokens name it: PUBLIC_URL without a trailing slash.");
  }
  if (!audience) throw new TypeError("createVerifier needs `audience`: Postern's JWT_AUDIENCE, or its PUBLIC_URL.");
  if (!(clockTolerance >= 0 && clockTolerance <= MOST_CLOCK_TOLERANCE)) {
    throw new TypeError(`createVerifier takes a \`clockTolerance\` of 0 to ${MOST_CLOCK_TOLERANCE} seconds.`);
  }
  // A missing binding must not silently turn a check off.
  if ("revocations" in options && options.revocations === undefined) {
    throw new TypeError("createVerifier got no namespace for `revocations`: bind Postern's, or omit the option.");
  }
  if ("strict" in options && options.strict === undefined) {
    throw new TypeError("createVerifier got no service for `strict`: bind Postern's, or omit the option.");
  }
}

type FindKey = (id: string, waitUntil: WaitUntil | undefined) => Promise<VerifyingKey | undefined>;

function keyFinder({ issuer, fetcher, jwks }: VerifierOptions, now: () => number): FindKey {
  if (jwks !== undefined) return async (id) => (await keysOf(jwks)).get(id);
  const address = new URL("/.well-known/jwks.json", issuer).href;
  const { find } = issuerKeys(address, fetcher ?? { fetch: (...request) => fetch(...request) }, now);
  return find;
}

/** The keys that were passed in, imported once per isolate. Holds no promises, for the reason in issuer-keys.ts. */
const importedKeys = new WeakMap<JsonWebKeySet, Keys>();

async function keysOf(jwks: JsonWebKeySet): Promise<Keys> {
  const kept = importedKeys.get(jwks);
  if (kept !== undefined) return kept;
  const keys = await importKeys(jwks);
  if (keys.size === 0) throw new TypeError("createVerifier got `jwks` without a key that Postern signs with.");
  importedKeys.set(jwks, keys);
  return keys;
}
