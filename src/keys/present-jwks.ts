import type * as z from "zod";
import type { publishedJwk } from "./public-jwk.ts";
import type { SigningKey } from "./signing-key.ts";

/** The public keys as a JWK set (RFC 7517). */
export function presentJwks(keys: readonly SigningKey[]): { keys: z.output<typeof publishedJwk>[] } {
  return {
    keys: keys.map(({ publicJwk, id, algorithm }) => ({ ...publicJwk, kid: id, alg: algorithm, use: "sig" })),
  };
}
