import * as z from "zod";

const members = {
  kty: z.enum(["EC", "OKP"]),
  crv: z.enum(["P-256", "Ed25519"]),
  x: z.string(),
  y: z.string().exactOptional(),
};

/**
 * The public half of a signing key (RFC 7517). Drops every other member, so that no private member is ever published.
 */
export const publicJwk = z.object(members);

export type PublicJwk = z.output<typeof publicJwk>;

/** A key as the JWKS shows it. */
export const publishedJwk = z.strictObject({
  ...members,
  kid: z.string().meta({ description: "The RFC 7638 thumbprint." }),
  alg: z.enum(["ES256", "Ed25519"]),
  use: z.literal("sig"),
});
