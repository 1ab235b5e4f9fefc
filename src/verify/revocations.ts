/** Reads the copy of the revocations in KV, which Postern writes (docs/how-it-works.md). */
import type { AccessTokenClaims } from "./claims.ts";
import { VerificationError } from "./errors.ts";

/** The KV namespace that Postern binds as `REVOCATIONS`. */
export interface RevocationsNamespace {
  get(key: string): Promise<string | null>;
}

/**
 * Refuses a token whose session has ended, or whose user now has another role. Fails closed.
 *
 * @throws {VerificationError} `revoked_token`, or `revocations_unavailable` if KV does not answer
 */
export async function refuseRevoked(namespace: RevocationsNamespace, claims: AccessTokenClaims): Promise<void> {
  const { sessions, role } = await readRecord(namespace, `revoked:${claims.sub}`);
  if (Object.hasOwn(sessions, claims.sid) || (role !== undefined && role !== claims.role)) {
    throw new VerificationError("revoked_token");
  }
}

interface RevocationRecord {
  /** Ids of ended sessions. */
  sessions: object;
  /** The user's new role, if the role has changed. Access tokens with another role are refused. */
  role?: string | undefined;
}

async function readRecord(namespace: RevocationsNamespace, key: string): Promise<RevocationRecord> {
  try {
    const text = await namespace.get(key);
    if (text === null) return { sessions: {} };
    const { sessions, role }: { sessions?: unknown; role?: unknown } = JSON.parse(text);
    if (typeof sessions !== "object" || sessions === null) throw new Error(`${key} has no sessions.`);
    if (role !== undefined && typeof role !== "string") throw new Error(`${key} has a role that is not a string.`);
    return { sessions, role };
  } catch (cause) {
    throw new VerificationError("revocations_unavailable", { cause });
  }
}
