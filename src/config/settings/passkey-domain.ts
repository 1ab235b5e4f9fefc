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
  const isOfHost = rpId === undefined || host === rpId || host.endsWith(`.${rpId}`);
  return isOfHost ? [] : ["PASSKEY_RP_ID takes the host of PUBLIC_URL, or a parent domain of it."];
}

export function toConfig({ PASSKEY_RP_ID }: ValuesOf<typeof variables>, publicUrl: string, apps: readonly string[]) {
  const { hostname, origin } = new URL(publicUrl);
  return { rpId: PASSKEY_RP_ID ?? hostname, origins: [origin, ...apps] };
}
