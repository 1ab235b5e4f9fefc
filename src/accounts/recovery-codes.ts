/** Makes new recovery codes. The user sees the codes only once. The user's object stores their MACs (keyed hashes). */
import * as z from "zod";
import { createRecoveryCodes, recoveryCodeMac } from "../factors/recovery-codes.ts";
import { createSecrets } from "../platform/crypto.ts";
import type { Random } from "../platform/random.ts";

export const recoveryCodesSchema = z.array(z.string()).meta({
  description: "Each works once, in place of another second factor. They are not shown again.",
  examples: [["mzxw-6ytb-oi7q-2n4k", "…"]],
});

export function newRecoveryCodes(factorKey: string, random: Random): { codes: string[]; macs: string[] } {
  const secrets = createSecrets(factorKey);
  const codes = createRecoveryCodes(random);
  return { codes, macs: codes.map((code) => recoveryCodeMac(code, secrets)) };
}
