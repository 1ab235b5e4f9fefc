import * as z from "zod";

/** The public half of a signing key (RFC 7517). Strict, so that no private member can ever be published. */
export const publicJwk = z.strictObject({
  kty: z.enum(["EC", "OKP"]),
  crv: z.enum(["P-256", "Ed25519"]),
  x: z.string(),
  y: z.string().exactOptional(),
});

export type PublicJwk = z.output<typeof publicJwk>;

/** A published key. */
export const publishedJwk = publicJwk.extend({
  kid: z.string().meta({ description: "The RFC 7638 thumbprint." }),
  alg: z.enum(["ES256", "Ed25519"]),
  use: z.literal("sig"),
});
