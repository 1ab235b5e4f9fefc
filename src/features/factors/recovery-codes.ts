import * as z from "zod";
import { recoveryCodeMac } from "../../factors/recovery-codes.ts";
import { createSecrets } from "../../platform/crypto.ts";

export const recoveryCodesSchema = z.array(z.string()).meta({
  description: "Each works once, in place of another second factor. They are shown this once.",
  examples: [["mzxw-6ytb-oi7q-2n4k", "…"]],
});

/** What is stored of codes that are shown to their owner. */
export function macsOf(codes: readonly string[], factorKey: string): string[] {
  const secrets = createSecrets(factorKey);
  return codes.map((code) => recoveryCodeMac(code, secrets));
}
