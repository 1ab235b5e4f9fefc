import * as z from "zod";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { refuse } from "../../platform/refusal.ts";
import { JWKS_CACHE_HEADER } from "./jwks-cache-header.ts";

export const readRelatedOrigins = endpoint(
  {
    id: "readRelatedOrigins",
    method: "get",
    path: "/.well-known/webauthn",
    tag: "Well-known",
    summary: "Other sites that may use the passkeys",
    description:
      "WebAuthn Level 3 §5.11: the `ALLOWED_ORIGINS` outside the domain `PASSKEY_RP_ID`. A browser reads this list from that domain when a page on another domain uses a passkey. 404 if there are none.",
    isConditional: true,
    success: {
      status: 200,
      description: "The origins.",
      schema: z
        .strictObject({ origins: z.array(z.string()).meta({ examples: [["https://app.example.org"]] }) })
        .meta({ id: "RelatedOrigins" }),
    },
    refusals: ["not_found"],
  },
  async ({ config }) => {
    const { relatedOrigins } = config.passkeys;
    if (relatedOrigins.length === 0) return refuse("not_found");
    return new Reply({ origins: relatedOrigins }, JWKS_CACHE_HEADER);
  },
);
