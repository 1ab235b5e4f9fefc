/** The signing keys as operators see them. Private keys never leave `keys/`. */
import * as z from "zod";
import type { KeyStatus } from "../../keys/signing-key.ts";
import { toIsoTime } from "../../platform/clock.ts";

const keySchema = z
  .strictObject({
    kid: z.string(),
    algorithm: z.enum(["ES256", "Ed25519"]),
    state: z.enum(["next", "signing", "published", "revoked"]).meta({
      description:
        "`next`: published, and signs later. `published`: no longer signs, but its tokens are still accepted. `revoked`: neither published nor accepted.",
    }),
    created_at: z.iso.datetime(),
    signs_from: z.iso.datetime(),
    rotates_at: z.iso.datetime().meta({ description: "From then on, the key should have a successor." }),
    published_until: z.iso
      .datetime()
      .nullable()
      .meta({ description: "When it leaves the JWKS; for a revoked key, when it left. `null` without a successor." }),
  })
  .meta({ id: "SigningKey" });

export const keyList = z.array(keySchema);

/** The answer of each endpoint about keys. */
export const keysSchema = z.strictObject({ items: keyList }).meta({ id: "SigningKeys" });

export function presentKeys(keys: readonly KeyStatus[]): z.output<typeof keyList> {
  return keys.map(({ id, algorithm, state, createdAt, signsFrom, rotatesAt, publishedUntil }) => ({
    kid: id,
    algorithm,
    state,
    created_at: toIsoTime(createdAt),
    signs_from: toIsoTime(signsFrom),
    rotates_at: toIsoTime(rotatesAt),
    published_until: publishedUntil === null ? null : toIsoTime(publishedUntil),
  }));
}
