/** The flags of `npm run keys:rotate`. */
import { parseArgs } from "node:util";
import type { Fault } from "./dev-flags.ts";

export const USAGE = `Usage: npm run keys:rotate -- [flags]

Makes the signing key due for a successor. Without --remote: in the local database.

  --emergency           revoke every key at once instead: no token that they signed is good any more
  --kid <id>            with --emergency, revoke this key alone
  --remote              in the deployed database
  --persist-to <folder> the local state that \`npm run dev\` was given
  --help                this text
`;

export interface RotationFlags {
  help: boolean;
  emergency: boolean;
  remote: boolean;
  /** The key's id: 43 characters of base64url, nothing else. */
  kid: string | undefined;
  persistTo: string | undefined;
}

/** An RFC 7638 thumbprint over SHA-256. */
const KEY_ID = /^[A-Za-z0-9_-]{43}$/;

/** Reads the flags strictly: what is not understood must not touch a key. */
export function parseRotationFlags(argv: readonly string[]): RotationFlags | Fault {
  const parsed = readFlags(argv);
  if ("fault" in parsed) return parsed;
  const { help = false, emergency = false, remote = false, kid, "persist-to": persistTo } = parsed;
  if (kid !== undefined && !KEY_ID.test(kid)) return { fault: "--kid takes a key id: 43 characters of base64url." };
  if (kid !== undefined && !emergency)
    return { fault: "--kid goes with --emergency: a planned rotation concerns the newest key." };
  if (remote && persistTo !== undefined)
    return { fault: "--persist-to names local state: it does not go with --remote." };
  return { help, emergency, remote, kid, persistTo };
}

function readFlags(argv: readonly string[]) {
  try {
    return parseArgs({
      args: joinKeyId(argv),
      options: {
        help: { type: "boolean", short: "h" },
        emergency: { type: "boolean" },
        remote: { type: "boolean" },
        kid: { type: "string" },
        "persist-to": { type: "string" },
      },
    }).values;
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

/** One key id in 64 begins with a dash: it must not be taken for a flag. */
function joinKeyId(argv: readonly string[]): string[] {
  const at = argv.indexOf("--kid");
  const id = argv[at + 1];
  return at === -1 || id === undefined || !KEY_ID.test(id)
    ? [...argv]
    : [...argv.slice(0, at), `--kid=${id}`, ...argv.slice(at + 2)];
}
