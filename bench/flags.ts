/** The command line of `npm run bench`. */
import { parseArgs } from "node:util";
import { CASES, type CaseName } from "./cases.ts";

export const CONTESTANTS = ["floor", "postern", "better-auth"] as const;

export type ContestantName = (typeof CONTESTANTS)[number];

export const USAGE = `npm run bench -- [flags]
  --contestants floor,postern,better-auth   what to measure
  --only jwks,me                            which cases: ${Object.keys(CASES).join(", ")}
  --rounds 5                                how many rounds of each case and concurrency
  --seconds 1.2                             how long a round takes
  --starts 7                                how many starts of each bundle; 0 leaves them out
  --quick                                   one short round of everything: to try the bench
  --out bench/results.json                  where the results go`;

export interface Flags {
  contestants: ContestantName[];
  only: CaseName[];
  rounds: number;
  seconds: number;
  starts: number;
  out: string;
}

/** Throws with a message for the user if a flag is wrong. */
export function parseFlags(words: string[]): Flags {
  const { values } = parseArgs({
    args: words,
    options: {
      contestants: { type: "string", default: CONTESTANTS.join(",") },
      only: { type: "string", default: Object.keys(CASES).join(",") },
      rounds: { type: "string" },
      seconds: { type: "string" },
      starts: { type: "string" },
      quick: { type: "boolean", default: false },
      out: { type: "string", default: "bench/results.json" },
    },
  });
  const presets = values.quick
    ? { rounds: "1", seconds: "0.3", starts: "1" }
    : { rounds: "5", seconds: "1.2", starts: "7" };
  const numberOf = (name: keyof typeof presets, minimum: number) => {
    const value = Number(values[name] ?? presets[name]);
    if (value >= minimum && (name === "seconds" || Number.isInteger(value))) return value;
    throw new Error(`--${name} takes a number from ${minimum} on.`);
  };
  return {
    contestants: choose("contestants", values.contestants, CONTESTANTS),
    only: choose("only", values.only, Object.keys(CASES) as CaseName[]),
    rounds: numberOf("rounds", 1),
    seconds: numberOf("seconds", 0.1),
    starts: numberOf("starts", 0),
    out: values.out,
  };
}

function choose<Name extends string>(flag: string, given: string, known: readonly Name[]): Name[] {
  const names = given.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !known.some((each) => each === name));
  if (unknown !== undefined) throw new Error(`--${flag} knows no "${unknown}": it takes ${known.join(", ")}.`);
  return known.filter((name) => names.includes(name));
}
