/** The domain that passkeys belong to, and the pages that may use them (WebAuthn §4, "RP ID"). */
import * as z from "zod";
import type { ValuesOf } from "../values.ts";

export const variables = {
  PASSKEY_RP_ID: z
    .string()
    .regex(/^(localhost|[a-z\d-]+(\.[a-z\d-]+)+)$/, "takes a domain like example.com")
    .optional(),
};

export function contradictions({ PASSKEY_RP_ID: rpId }: ValuesOf<typeof variables>, publicUrl = ""): string[] {
  const host = URL.canParse(publicUrl) ? new URL(publicUrl).hostname : "";
  return rpId === undefined || isWithin(host, rpId)
    ? []
    : ["PASSKEY_RP_ID takes the host of PUBLIC_URL, or a parent domain of it."];
}

export function toConfig({ PASSKEY_RP_ID }: ValuesOf<typeof variables>, publicUrl: string, apps: readonly string[]) {
  const { hostname, origin } = new URL(publicUrl);
  const rpId = PASSKEY_RP_ID ?? hostname;
  return {
    rpId,
    origins: [origin, ...apps],
    /**
     * The origins on other domains. Browsers accept them only if `https://<rpId>/.well-known/webauthn` lists them
     * (WebAuthn Level 3 §5.11).
     */
    relatedOrigins: apps.filter((app) => app.startsWith("https:") && !isWithin(new URL(app).hostname, rpId)),
  };
}

function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}
