/** The texts of the page's script, in the page's language. The build puts them into the page. */
import { textOf } from "./elements.js";

/** @type {import("../../src/features/pages/script-words.ts").ScriptWords} */
export const words = JSON.parse(textOf("words"));

export const language = document.documentElement.lang;

/**
 * @param {string} sentence with names in braces
 * @param {Record<string, string>} values
 */
export function fill(sentence, values) {
  return sentence.replaceAll(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Formats a day and a time of day. @param {string} time in ISO 8601 */
export function timeOf(time) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
}

/** Formats the day of a time, or today. @param {string} [time] in ISO 8601 */
export function dayOf(time = new Date().toISOString()) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(time));
}

/**
 * When to try again, in words.
 * @param {number} seconds from the server, or 0 if it named no time
 */
export function waitAdvice(seconds) {
  const { tryAgainSoon, tryAgainIn, tryAgainAfter, tryAgainMuchLater } = words.forms;
  if (seconds === 0) {
    return tryAgainSoon;
  }
  if (seconds < 60) {
    return fill(tryAgainIn, { duration: counted(seconds, "second") });
  }
  // The duration is out of date while the page stays open, so the clock time is shown too.
  const time = new Date(Date.now() + seconds * 1000).toLocaleTimeString(language, { timeStyle: "short" });
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60
    ? fill(tryAgainAfter, { duration: counted(minutes, "minute"), time })
    : fill(tryAgainMuchLater, { duration: counted(Math.round(minutes / 60), "hour"), time });
}

/** Formats a duration. @param {number} amount @param {"second" | "minute" | "hour" | "day"} unit */
export function counted(amount, unit) {
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(amount);
}
