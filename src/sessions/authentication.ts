/** How and when the user of a session authenticated. Access tokens contain this as claims (RFC 9068 §2.2.1). */
import type { ProofKind } from "../factors/factor.ts";
import type { FirstStep } from "../factors/pending-login.ts";
import { AUTHENTICATION_LEVELS, type AuthenticationLevel } from "../verify/claims.ts";

/**
 * Values of RFC 8176 §2, and our own value `email`, because the RFC has none for an emailed link or code. `user` means
 * that the user was present, `mfa` that two different factors were proved.
 */
const METHODS = ["pwd", "email", "otp", "hwk", "swk", "user", "mfa"] as const;

/** Methods of the first step of a login. Email counts as much as the password, because an email can reset it. */
const FIRST_FACTORS = ["pwd", "email"] as const;

/** Methods that prove that the user has something, such as a phone. */
const POSSESSION = ["otp", "hwk", "swk"] as const;

export type AuthenticationMethod = (typeof METHODS)[number];

export interface Authentication {
  /** Milliseconds since the epoch. */
  at: number;
  methods: readonly AuthenticationMethod[];
}

/**
 * What a login with a password proves. Sessions from earlier releases, which recorded no methods, count as opened this
 * way.
 */
export const PASSWORD_ALONE: readonly AuthenticationMethod[] = ["pwd"];

/** What the first step of a login proves. */
export const METHODS_OF_FIRST_STEP: Readonly<Record<FirstStep, readonly AuthenticationMethod[]>> = {
  password: PASSWORD_ALONE,
  email: ["email"],
};

/**
 * What each kind of second factor proves. RFC 8176 has no value for a recovery code. Such a code counts as `otp`,
 * because it also works only once.
 */
export const METHODS_OF: Readonly<Record<ProofKind, readonly AuthenticationMethod[]>> = {
  totp: ["otp"],
  recovery_code: ["otp"],
  passkey: ["swk", "user", "mfa"],
  // Not in `POSSESSION`, so a password and a code by email reach only `aal1`.
  email: ["email"],
};

/**
 * The level of NIST SP 800-63B-4 §2 that the methods reach. NIST doesn't count email (§3.1.3.1). Postern counts it like
 * the password, because an email can reset the password.
 */
export function levelOf(methods: readonly AuthenticationMethod[]): AuthenticationLevel {
  return methods.includes("mfa") ? "aal2" : "aal1";
}

/**
 * The methods of a session after its user has authenticated again. Earlier methods still count, so that a second factor
 * raises the level of a session that began with a password.
 */
export function addMethods(
  before: readonly AuthenticationMethod[],
  proved: readonly AuthenticationMethod[],
): AuthenticationMethod[] {
  const all = new Set([...before, ...proved]);
  const hasBoth = [FIRST_FACTORS, POSSESSION].every((factors) => factors.some((method) => all.has(method)));
  return [...all, ...(hasBoth && !all.has("mfa") ? (["mfa"] as const) : [])];
}

/** Whether `after` reaches a higher level than `before`. */
export function rises(before: Authentication, after: Authentication): boolean {
  const rankOf = ({ methods }: Authentication) => AUTHENTICATION_LEVELS.indexOf(levelOf(methods));
  return rankOf(after) > rankOf(before);
}

export function writeMethods(methods: readonly AuthenticationMethod[]): string {
  return methods.join(" ");
}

/** Parses stored methods. Leaves out methods that only a later release knows. */
export function readMethods(text: string): AuthenticationMethod[] {
  return text.split(" ").filter(isMethod);
}

function isMethod(text: string): text is AuthenticationMethod {
  return METHODS.some((method) => method === text);
}
