/** Reads and changes a service's secrets: two lines of `.dev.vars`, or the secrets of the deployed Worker. */
import { existsSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { parseEnv } from "node:util";
import * as z from "zod";
import { encodeBase64url, parseJson } from "../platform/encoding.ts";
import type { Random } from "../platform/random.ts";
import { configurationOf } from "./deploy/configuration.ts";
import { devVarsPath } from "./dev-vars.ts";
import type { Surroundings } from "./surroundings.ts";
import { findWrangler, NOT_INSTALLED } from "./wrangler.ts";

export const CURRENT = "AUTH_SECRET";
export const PREVIOUS = "AUTH_SECRET_PREVIOUS";

interface SecretChange {
  [CURRENT]?: string;
  /** `null` removes this secret. */
  [PREVIOUS]: string | null;
}

export interface SecretStore {
  /**
   * The secrets that are set. Cloudflare shows only their names, so a value can be `undefined`. Returns `undefined` if
   * Cloudflare did not list the secrets; the user has then been told why.
   */
  read(): Promise<Map<string, string | undefined> | undefined>;
  /**
   * Makes all of a change or none of it. Returns `false` if the change was not made or not confirmed; the user has then
   * been told why.
   */
  change(values: SecretChange): Promise<boolean>;
  howToMake: string;
  /** The command that sets another secret, which ends every session. */
  howToReplace: string;
}

const listSchema = z.array(z.object({ name: z.string() }));

/** The secrets of the deployed Worker of an environment; `undefined` if wrangler is not installed. */
export async function openDeployedSecrets(
  { root, stop, complain }: Surroundings,
  environment: string | undefined,
): Promise<SecretStore | undefined> {
  const wrangler = findWrangler(root);
  if (wrangler === undefined) {
    complain(`${NOT_INSTALLED}\n`);
    return undefined;
  }
  const config = relative(root, await configurationOf(root, environment));
  const flags = config === "wrangler.toml" ? [] : ["--config", config];
  const run = (args: string[], input?: string) => wrangler.run([...args, ...flags], stop, input);
  return {
    howToMake: "`npm run deploy` makes it.",
    howToReplace: `npx wrangler ${["secret put AUTH_SECRET", ...flags].join(" ")}`,
    async read() {
      const { code, output, complaints } = await run(["secret", "list", "--format=json"]);
      const listed = code === 0 ? listSchema.safeParse(parseJson(output)) : undefined;
      if (listed?.success) return new Map(listed.data.map(({ name }) => [name, undefined]));
      complain(`${output}${complaints}\nCloudflare did not list the secrets. Nothing changed.\n`);
      return undefined;
    },
    async change(values) {
      // One request, so that Cloudflare makes all changes or none. The values go through a pipe, because other users of
      // this machine can see arguments.
      const { code, output, complaints } = await run(["secret", "bulk"], JSON.stringify(values));
      if (code === 0) return true;
      complain(`${output}${complaints}
Cloudflare did not confirm the change. The service goes on, whether or not it was made.
\`npx wrangler ${["secret list", ...flags].join(" ")}\` shows whether AUTH_SECRET_PREVIOUS is set.
`);
      return false;
    },
  };
}

/** The secrets in `.dev.vars`. The file is replaced as a whole, and every other line stays as it is. */
export function openLocalSecrets({ root, complain }: Surroundings, random: Random): SecretStore {
  const path = devVarsPath(root);
  const readText = () => (existsSync(path) ? readFileSync(path, "utf8") : "");
  return {
    howToMake: "`npm run dev` writes one to .dev.vars.",
    howToReplace: "npm run dev",
    async read() {
      const set = Object.entries(parseEnv(readText())).filter(([, value]) => value !== "");
      return new Map(set);
    },
    async change(values) {
      const changed = changeLines(readText(), values);
      if (changed === undefined) {
        complain(
          ".dev.vars sets a secret twice, or over several lines: give AUTH_SECRET and AUTH_SECRET_PREVIOUS one line " +
            "each. Nothing changed.\n",
        );
        return false;
      }
      replaceFile(path, changed, random);
      return true;
    },
  };
}

/** Returns the changed text, or `undefined` if the old text sets a secret twice or over several lines. */
function changeLines(text: string, values: SecretChange): string | undefined {
  const withoutPrevious = text.replace(lineOf(PREVIOUS), "");
  // The old line keeps its quotes and its comment: only its name changes.
  const renamed = `$1${CURRENT}=${values[CURRENT]}\n$1${PREVIOUS}$2$3`;
  const changed = values[CURRENT] === undefined ? withoutPrevious : withoutPrevious.replace(lineOf(CURRENT), renamed);
  const { [PREVIOUS]: _, ...kept } = parseEnv(text);
  const { [PREVIOUS]: previous = null, ...found } = parseEnv(changed);
  const meant = values[CURRENT] === undefined ? kept : { ...kept, [CURRENT]: values[CURRENT] };
  return previous === values[PREVIOUS] && JSON.stringify(found) === JSON.stringify(meant) ? changed : undefined;
}

/** Matches a line that sets the variable. Captures the text before the name, the text after it, and the line end. */
function lineOf(name: string): RegExp {
  return new RegExp(`^([ \\t]*(?:export[ \\t]+)?)${name}([ \\t]*=[^\\r\\n]*)(\\r?\\n|$)`, "gm");
}

/** Replaces a file as a whole. Only its owner can read the new one. */
function replaceFile(path: string, text: string, random: Random): void {
  const file = realpathSync(path);
  const draft = `${file}.${encodeBase64url(random.bytes(6))}`;
  try {
    writeFileSync(draft, text, { flag: "wx", mode: 0o600, flush: true });
    renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Writes a secret into a new file that only its owner can read. Returns the reason if it can't. */
export function writeNewSecret(file: string, text: string): string | undefined {
  try {
    writeFileSync(file, text, { flag: "wx", mode: 0o600, flush: true });
    return undefined;
  } catch (error) {
    return `The new secret can't be written (${error instanceof Error ? error.message : String(error)}).`;
  }
}
