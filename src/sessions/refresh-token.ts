/**
 * Refresh tokens: signed generation numbers. A token is `prt_` followed by the base64url encoding of
 *
 *   version (1 byte) · user id (16) · session id (16) · generation (4, big-endian) · HMAC-SHA-256 (32)
 *
 * Tokens are not stored. The record of a session contains its current generation, and the HMAC is checked before any
 * storage is read. A token depends only on its content, so the same successor can be issued twice.
 */
import * as z from "zod";
import type { Secrets } from "../platform/crypto.ts";
import { concatBytes, decodeBase64url, encodeBase64url, formatUuid, parseUuid } from "../platform/encoding.ts";

interface RefreshTokenContent {
  userId: string;
  sessionId: string;
  generation: number;
}

/** A refresh token in a request body. */
export const refreshToken = z
  .string()
  .min(1)
  .max(1_024, "A refresh token has at most 1,024 characters.")
  .meta({ examples: ["prt_AQGasnJ0fSt_…"] });

/** Identifies a leaked token as ours, so that people and secret scanners recognize it. */
const REFRESH_TOKEN_PREFIX = "prt_";

const PURPOSE = "refresh-token";
const VERSION = 1;
const CONTENT_BYTES = 1 + 16 + 16 + 4;
const TOKEN_BYTES = CONTENT_BYTES + 32;

export function signRefreshToken({ userId, sessionId, generation }: RefreshTokenContent, secrets: Secrets): string {
  const user = parseUuid(userId);
  const session = parseUuid(sessionId);
  if (user === undefined || session === undefined) throw new TypeError("A refresh token needs two UUIDs.");
  const tail = new Uint8Array(4);
  new DataView(tail.buffer).setUint32(0, generation);
  const content = concatBytes(Uint8Array.of(VERSION), user, session, tail);
  return REFRESH_TOKEN_PREFIX + encodeBase64url(concatBytes(content, secrets.sign(PURPOSE, content)));
}

/** The content of a token, or `undefined` if this service did not sign the token. Costs one HMAC and no storage. */
export function verifyRefreshToken(token: string, secrets: Secrets): RefreshTokenContent | undefined {
  if (!token.startsWith(REFRESH_TOKEN_PREFIX)) return undefined;
  const bytes = decodeBase64url(token.slice(REFRESH_TOKEN_PREFIX.length));
  if (bytes?.byteLength !== TOKEN_BYTES) return undefined;
  const content = bytes.subarray(0, CONTENT_BYTES);
  if (content[0] !== VERSION || !secrets.verify(PURPOSE, content, bytes.subarray(CONTENT_BYTES))) return undefined;
  return {
    userId: formatUuid(content.subarray(1, 17)),
    sessionId: formatUuid(content.subarray(17, 33)),
    generation: new DataView(content.buffer, content.byteOffset + 33).getUint32(0),
  };
}
