/** The lines of `.dev.vars` that hold the secrets: replaced as a whole file, with every other line as it was. */
import { realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { encodeBase64url } from "../platform/encoding.ts";
import type { Random } from "../platform/random.ts";

export interface LocalSecrets {
  /** Empty where the file does not set it. */
  current: string;
  previous: string;
}

/** A line that sets the variable, with what stands before its name and after it. */
const lineOf = (name: string) => new RegExp(`^([ \\t]*(?:export[ \\t]+)?)${name}([ \\t]*=[^\\r\\n]*)(\\r?\\n|$)`, "gm");

/** The secrets that the text sets. */
export function readSecrets(text: string): LocalSecrets {
  const { AUTH_SECRET = "", AUTH_SECRET_PREVIOUS = "" } = parseEnv(text);
  return { current: AUTH_SECRET, previous: AUTH_SECRET_PREVIOUS };
}

/** The text with this secret as the current one, and the one that was current as the previous one. */
export function withRotatedSecret(text: string, fresh: string): string | undefined {
  // The old line keeps its quotes and its note: it only gets the other name.
  const rotated = text
    .replace(lineOf("AUTH_SECRET_PREVIOUS"), "")
    .replace(lineOf("AUTH_SECRET"), `$1AUTH_SECRET=${fresh}\n$1AUTH_SECRET_PREVIOUS$2$3`);
  return unlessMore(text, rotated, { current: fresh, previous: readSecrets(text).current });
}

/** The text without a previous secret. */
export function withoutPreviousSecret(text: string): string | undefined {
  const { current } = readSecrets(text);
  return unlessMore(text, text.replace(lineOf("AUTH_SECRET_PREVIOUS"), ""), { current, previous: "" });
}

/** Puts this text in the place of the file's, readable for its owner alone. It is replaced whole or not at all. */
export function replaceFile(path: string, text: string, random: Random): void {
  const file = realpathSync(path);
  const draft = `${file}.${encodeBase64url(random.bytes(6))}`;
  try {
    writeFileSync(draft, text, { flag: "wx", mode: 0o600, flush: true });
    renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The text, unless it means anything else than was meant: a variable that is set twice, or over many lines. */
function unlessMore(before: string, after: string, meant: LocalSecrets): string | undefined {
  const rest = (text: string) => {
    const { AUTH_SECRET, AUTH_SECRET_PREVIOUS, ...others } = parseEnv(text);
    return JSON.stringify(others);
  };
  const found = readSecrets(after);
  const isMeant = found.current === meant.current && found.previous === meant.previous;
  return isMeant && rest(before) === rest(after) ? after : undefined;
}
