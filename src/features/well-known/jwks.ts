import * as z from "zod";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { publishedJwk } from "../../keys/public-jwk.ts";
import { presentJwks } from "../../keys/signing-key.ts";
import { JWKS_CACHE_HEADER } from "./jwks-cache-header.ts";

const jwksSchema = z.strictObject({ keys: z.array(publishedJwk) }).meta({ id: "JsonWebKeySet" });

export const readJwks = endpoint(
  {
    id: "readJwks",
    method: "get",
    path: "/.well-known/jwks.json",
    tag: "Well-known",
    summary: "The keys that verify access tokens",
    description: "A JWK set (RFC 7517), cacheable. A key is published well before it signs.",
    isConditional: true,
    success: { status: 200, description: "The published keys.", schema: jwksSchema },
  },
  async ({ keyring }) => new Reply(presentJwks(await keyring.published()), JWKS_CACHE_HEADER),
);
