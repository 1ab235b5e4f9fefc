/** The texts in the language of the page, and functions that format values for these texts. */
import type { Words } from "./words/en.ts";

export type { Words } from "./words/en.ts";

/** `speak` sets the texts before the console shows anything. */
export let words: Words;

export function speak(own: Words): void {
  // The non-breaking hyphen keeps lines from breaking inside the German word "E-Mail".
  words = JSON.parse(JSON.stringify(own).replaceAll("E-Mail", "E\u2011Mail"));
}

export const language = document.documentElement.lang;

/** Replaces each name in braces with its value. A name without a value stays as it is. */
export function fill(sentence: string, values: Record<string, string | number>): string {
  return sentence.replaceAll(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** Chooses the sentence for one thing or for several, and fills in `{count}`. */
export function counted(sentences: { one: string; other: string }, count: number): string {
  const form = new Intl.PluralRules(language).select(count) === "one" ? "one" : "other";
  return fill(sentences[form], { count: numberOf(count) });
}

export function numberOf(value: number): string {
  return new Intl.NumberFormat(language).format(value);
}

/** Formats a time, with its date. `time` is ISO 8601. */
export function timeOf(time: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
}

/** Formats the date of a time. `time` is ISO 8601. */
export function dayOf(time: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(time));
}

/** Formats a recent time with its hour and without its year. `time` is ISO 8601. */
export function hourOf(time: string): string {
  const parts = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" } as const;
  return new Intl.DateTimeFormat(language, parts).format(new Date(time));
}

/** Formats a duration in the largest unit that gives a whole number. */
export function durationOf(seconds: number): string {
  const units = [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ] as const;
  const [unit, length] = units.find(([, size]) => seconds >= size && seconds % size === 0) ?? (["second", 1] as const);
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(seconds / length);
}
