/** The flags of `npm run dev`. The command passes most of them on to `wrangler dev`, and interprets only a few. */
import type { Fault } from "./flags.ts";

export type DevFlags = Exclude<ReturnType<typeof parseDevFlags>, Fault>;

interface Given {
  name: string;
  values: string[];
  tokens: string[];
}

/** Flags that take every word up to the next flag, as in wrangler. */
const LISTS = new Set(["var", "env-file", "define", "alias"]);
const SHORT: Record<string, string> = { c: "config", e: "env", h: "help" };

/** Reads the flags that `npm run dev` interprets. Wrangler checks the others. */
export function parseDevFlags(argv: readonly string[]) {
  const given = groupFlags(argv);
  const valuesOf = (name: string) => given.filter((flag) => flag.name === name).flatMap(({ values }) => values);
  const isGiven = (name: string) => given.some((flag) => flag.name === name);
  const tokensOf = (flags: Given[]) => flags.flatMap(({ tokens }) => tokens);

  const port = valuesOf("port").at(-1);
  const wrongPort: Fault = { fault: "--port takes a number from 1 to 65535." };
  if (isGiven("port") && !isPort(port)) return wrongPort;

  return {
    help: isGiven("help"),
    /** `undefined` if the command has to choose a free port. */
    port: port === undefined ? undefined : Number(port),
    host: valuesOf("ip").at(-1) ?? "localhost",
    scheme: valuesOf("local-protocol").at(-1) === "https" ? ("https" as const) : ("http" as const),
    persistTo: valuesOf("persist-to").at(-1),
    // The first configuration is Postern's own. Any others are those of Workers that run beside Postern.
    config: valuesOf("config")[0],
    environment: valuesOf("env").at(-1),
    folder: valuesOf("cwd").at(-1),
    environmentFiles: valuesOf("env-file"),
    /** The values of `--var`, by name. If a name is given twice, the later value wins, as in wrangler. */
    variables: Object.fromEntries(valuesOf("var").map(splitVariable)),
    hasInspectorPort: isGiven("inspector-port"),
    /** Whether all of wrangler's output is shown. */
    isVerbose: isGiven("verbose"),
    /** The flags for wrangler, as they were given: all except those that this command handles itself. */
    passed: tokensOf(given.filter(({ name }) => name !== "port" && name !== "verbose")),
  };
}

/** Groups a command line into flags with their values. A word that belongs to no flag gets an empty flag name. */
function groupFlags(argv: readonly string[]): Given[] {
  const given: Given[] = [];
  for (let at = 0; at < argv.length; at++) {
    const token = argv[at] ?? "";
    const [, dashes, written, inline] = /^(--?)([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(token) ?? [];
    if (written === undefined) {
      given.push({ name: "", values: [], tokens: [token] });
      continue;
    }
    const name = (dashes === "-" ? SHORT[written] : undefined) ?? kebabCase(written);
    const values: string[] = inline === undefined ? [] : [inline];
    const tokens = [token];
    const most = LISTS.has(name) ? Number.POSITIVE_INFINITY : inline === undefined ? 1 : 0;
    while (values.length < most && isValue(argv[at + 1])) {
      const value = argv[++at] ?? "";
      values.push(value);
      tokens.push(value);
    }
    given.push({ name, values, tokens });
  }
  return given;
}

/** `NAME:value`. The value may contain colons. */
function splitVariable(text: string): [string, string] {
  const [name = "", ...value] = text.split(":");
  return [name, value.join(":")];
}

function isValue(token: string | undefined): boolean {
  return token !== undefined && !token.startsWith("-");
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
}

/** Wrangler accepts `--persistTo` as `--persist-to`. */
function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
