/** The well-known documents that verifiers need. */
import { etag, RETAINED_304_HEADERS } from "hono/etag";
import * as z from "zod";
import { type Config, JWKS_MAX_AGE_SECONDS } from "../config.ts";
import { type App, addOperation, defineOperation } from "../http/operation.ts";
import { presentJwks } from "./present-jwks.ts";

const JWKS_PATH = "/.well-known/jwks.json";
const METADATA_PATH = "/.well-known/oauth-authorization-server";
const CACHEABLE = `public, max-age=${JWKS_MAX_AGE_SECONDS}`;

const jwksSchema = z
  .strictObject({
    keys: z.array(
      z.strictObject({
        kty: z.enum(["EC", "OKP"]),
        crv: z.enum(["P-256", "Ed25519"]),
        x: z.string(),
        y: z.string().optional(),
        kid: z.string().meta({ description: "The RFC 7638 thumbprint." }),
        alg: z.enum(["ES256", "Ed25519"]),
        use: z.literal("sig"),
      }),
    ),
  })
  .meta({ id: "JsonWebKeySet" });

const jwksOperation = defineOperation({
  id: "readJwks",
  method: "get",
  path: JWKS_PATH,
  tag: "Well-known",
  summary: "Public keys of access tokens",
  description: "A JWK set (RFC 7517) that can be cached. A key is published well before it signs.",
  success: { status: 200, description: "The published keys.", schema: jwksSchema },
  refusals: [],
});

const metadataSchema = z
  .strictObject({
    issuer: z.url(),
    jwks_uri: z.url(),
    response_types_supported: z.array(z.string()),
    grant_types_supported: z.array(z.string()),
    access_token_signing_alg_values_supported: z.array(z.string()),
    service_documentation: z.url(),
  })
  .meta({ id: "Metadata" });

const metadataOperation = defineOperation({
  id: "readMetadata",
  method: "get",
  path: METADATA_PATH,
  tag: "Well-known",
  summary: "Authorization server metadata",
  description: "The issuer and the address of its keys (RFC 8414). The service supports no OAuth grants.",
  success: { status: 200, description: "The metadata.", schema: metadataSchema },
  refusals: [],
});

export function addKeyRoutes(app: App, config: Config): void {
  // Browsers need the CORS headers on a 304 too.
  const retainedHeaders = [...RETAINED_304_HEADERS, "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"];
  app.use("/.well-known/*", etag({ retainedHeaders }));

  addOperation(app, jwksOperation, async (c) => {
    const jwks = presentJwks(await c.get("services").keyring.published());
    return c.json(jwks, 200, { "Cache-Control": CACHEABLE });
  });

  addOperation(app, metadataOperation, async (c) => {
    const metadata = {
      issuer: config.tokens.issuer,
      jwks_uri: `${config.publicUrl}${JWKS_PATH}`,
      // RFC 8414 §2 requires the member; there is no authorization endpoint.
      response_types_supported: [],
      grant_types_supported: [],
      access_token_signing_alg_values_supported: [config.tokens.algorithm],
      service_documentation: `${config.publicUrl}/docs`,
    };
    return c.json(metadata, 200, { "Cache-Control": CACHEABLE });
  });
}
