/** The flags of `npm run keys:rotate`. */
import { type Fault, PLACE_FLAGS, PLACE_USAGE, type Place, readFlags, readPlace } from "./flags.ts";

export const USAGE = `Usage: npm run keys:rotate -- [flags]

Makes the signing key due for a successor.

  --emergency           revoke every key at once instead: no token that they signed is good any more
  --kid <id>            with --emergency, revoke this key alone
${PLACE_USAGE}
`;

export interface RotationFlags extends Place {
  help: boolean;
  emergency: boolean;
  /** The key's id: 43 characters of base64url, nothing else. */
  kid: string | undefined;
}

/** An RFC 7638 thumbprint over SHA-256. */
const KEY_ID = /^[A-Za-z0-9_-]{43}$/;

/** Reads the flags strictly: what is not understood must not touch a key. */
export function parseRotationFlags(argv: readonly string[]): RotationFlags | Fault {
  const parsed = readFlags(joinKeyId(argv), {
    ...PLACE_FLAGS,
    emergency: { type: "boolean" },
    kid: { type: "string" },
  });
  if ("fault" in parsed) return parsed;
  const { help = false, emergency = false, remote, kid, "persist-to": persistTo } = parsed.values;
  if (kid !== undefined && !KEY_ID.test(kid)) return { fault: "--kid takes a key id: 43 characters of base64url." };
  if (kid !== undefined && !emergency)
    return { fault: "--kid goes with --emergency: a planned rotation concerns the newest key." };
  const place = readPlace(remote, persistTo);
  return "fault" in place ? place : { help, emergency, kid, ...place };
}

/** One key id in 64 begins with a dash: it must not be taken for a flag. */
function joinKeyId(argv: readonly string[]): string[] {
  const at = argv.indexOf("--kid");
  const id = argv[at + 1];
  return at === -1 || id === undefined || !KEY_ID.test(id)
    ? [...argv]
    : [...argv.slice(0, at), `--kid=${id}`, ...argv.slice(at + 2)];
}
