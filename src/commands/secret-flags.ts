/** The flags of `npm run secret:rotate`. */
import { type Fault, PLACE_FLAGS, PLACE_USAGE, type Place, readFlags, readPlace } from "./flags.ts";

export const USAGE = `Usage: npm run secret:rotate -- [flags]

Puts a fresh AUTH_SECRET in the place of the present one, which goes on being accepted as AUTH_SECRET_PREVIOUS.
Locally it changes .dev.vars. With --remote it changes the secrets of the deployed Worker, and asks for the
present one (or reads it from a pipe), since nobody can read it back from there.

  --finish              take AUTH_SECRET_PREVIOUS away again. What was sealed under it alone dies: sessions that
                        were not refreshed since the rotation, mailed links that were not used since
  --out <file>          with --remote: a new file for the new secret
  --replace-previous    rotate although a previous secret is still set: what that one sealed dies at once
  --unproved            with --remote: take the present secret on trust where no signing key can prove it
${PLACE_USAGE}
`;

export interface SecretFlags extends Place {
  help: boolean;
  finish: boolean;
  /** Set wherever a deployed secret is rotated. */
  out: string;
  replacePrevious: boolean;
  unproved: boolean;
}

/** Reads the flags strictly: what is not understood must not touch a secret. */
export function parseSecretFlags(argv: readonly string[]): SecretFlags | Fault {
  const boolean = { type: "boolean" } as const;
  const parsed = readFlags(argv, {
    ...PLACE_FLAGS,
    finish: boolean,
    out: { type: "string" },
    "replace-previous": boolean,
    unproved: boolean,
  });
  if ("fault" in parsed) return parsed;
  const { help = false, finish = false, unproved = false, remote = false, out = "" } = parsed.values;
  const { "replace-previous": replacePrevious = false, "persist-to": persistTo } = parsed.values;
  const place = readPlace(remote, persistTo);
  if ("fault" in place) return place;
  if (finish && (out !== "" || replacePrevious || unproved))
    return { fault: "--finish makes no new secret: --out, --replace-previous and --unproved do not go with it." };
  if (!remote && (out !== "" || unproved)) return { fault: "--out and --unproved go with --remote." };
  if (remote && !finish && !help && out === "")
    return { fault: "--out <file> is missing: nobody can read the new secret back from Cloudflare." };
  return { help, finish, out, replacePrevious, unproved, ...place };
}
