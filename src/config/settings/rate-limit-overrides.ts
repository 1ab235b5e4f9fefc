/** Whether limits are enforced, and which rules of `limit-rules.ts` the operator overrides. */
import * as z from "zod";
import { DAY, HOUR, MINUTE, SECOND } from "../../platform/clock.ts";
import {
  LIMIT_RULES,
  type LimitName,
  type LimitRule,
  type LimitRules,
  LONGEST_PAUSE,
  MOST_WRONG_GUESSES,
} from "../limit-rules.ts";
import { oneOf, unless, type ValuesOf } from "../values.ts";

const TAKES =
  "takes limits like loginPerAddress=60/5m, registerPerAddress=5/1h: a name, a number, and a window in s, m or h";
const LARGEST_BUDGET = 100_000;
const UNITS: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, h: HOUR };

/** Comma-separated overrides. The result is the complete set of rules. */
const limitRules = z
  .string()
  .default("")
  .transform((text, context): LimitRules => {
    const rules: Record<LimitName, LimitRule> = { ...LIMIT_RULES };
    const seen = new Set<string>();
    for (const part of text.split(",").map((entry) => entry.trim())) {
      if (part === "") continue;
      const [, name = "", budget, count, unit = ""] =
        /^(\w+)\s*=\s*(\d{1,9})\s*\/\s*(\d{1,9})([smh])$/.exec(part) ?? [];
      const rule = { budget: Number(budget), window: Number(count) * (UNITS[unit] ?? 0) };
      const fault = name === "" ? TAKES : faultOf(name, rule, seen);
      if (fault !== undefined) {
        context.addIssue(fault);
        return z.NEVER;
      }
      seen.add(name);
      if (isLimitName(name)) rules[name] = rule;
    }
    return rules;
  });

export const variables = {
  RATE_LIMITING: oneOf(["on", "off"]).default("on"),
  RATE_LIMITS: limitRules,
};

type Values = ValuesOf<typeof variables>;

export function toConfig({ RATE_LIMITING, RATE_LIMITS }: Values) {
  return { enforced: RATE_LIMITING === "on", rules: RATE_LIMITS } as const;
}

export function contradictions({ RATE_LIMITING }: Values, development: boolean): string[] {
  return unless(development || RATE_LIMITING === "on", "RATE_LIMITING=off is for development only.");
}

function faultOf(name: string, { budget, window }: LimitRule, seen: ReadonlySet<string>): string | undefined {
  if (!isLimitName(name)) return `has an unknown limit: ${name}. It takes ${Object.keys(LIMIT_RULES).join(", ")}`;
  if (seen.has(name)) return `names ${name} twice`;
  const largest = name === "loginPerAccount" ? MOST_WRONG_GUESSES : LARGEST_BUDGET;
  // One email of this budget is reserved for a password reset link, so a budget of 1 would allow no other email.
  const smallest = name === "strangerMailPerRecipient" ? 2 : 1;
  if (budget < smallest || budget > largest) return `takes a number from ${smallest} to ${largest} for ${name}`;
  const longest = name === "loginPerAccount" ? LONGEST_PAUSE : DAY;
  if (window < SECOND || window > longest) return `takes a window from 1s to ${longest / HOUR}h for ${name}`;
  return undefined;
}

function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(LIMIT_RULES, name);
}
