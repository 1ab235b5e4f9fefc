import * as z from "zod";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { JWKS_CACHE_HEADER } from "./jwks-cache-header.ts";

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

export const readMetadata = endpoint(
  {
    id: "readMetadata",
    method: "get",
    path: "/.well-known/oauth-authorization-server",
    tag: "Well-known",
    summary: "Authorization server metadata",
    description: "RFC 8414: who issues the tokens, and where the keys are. No OAuth grant is offered.",
    isConditional: true,
    success: { status: 200, description: "The metadata.", schema: metadataSchema },
  },
  async ({ config }) => {
    const metadata = {
      issuer: config.tokens.issuer,
      jwks_uri: `${config.publicUrl}/.well-known/jwks.json`,
      // RFC 8414 §2 requires this member. There is no authorization endpoint.
      response_types_supported: [],
      grant_types_supported: [],
      access_token_signing_alg_values_supported: [config.tokens.algorithm],
      service_documentation: `${config.publicUrl}/docs`,
    };
    return new Reply(metadata, JWKS_CACHE_HEADER);
  },
);
