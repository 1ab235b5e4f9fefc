/** What the page's script has to say, in the page's language. The build left it in the page, beside what it says itself. */
export const words = JSON.parse(document.getElementById("words").textContent);

export const language = document.documentElement.lang;

/**
 * @param {string} sentence with names in braces
 * @param {Record<string, string>} values
 */
export function fill(sentence, values) {
  return sentence.replaceAll(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/**
 * When to try again, in words.
 * @param {number} seconds as the server asked for, or 0 when it named no time
 */
export function waitAdvice(seconds) {
  const { tryAgainSoon, tryAgainIn, tryAgainAfter, tryAgainMuchLater } = words.forms;
  if (seconds === 0) {
    return tryAgainSoon;
  }
  if (seconds < 60) {
    return fill(tryAgainIn, { duration: counted(seconds, "second") });
  }
  // The hour is given too, because a duration grows stale while the page stays open.
  const time = new Date(Date.now() + seconds * 1000).toLocaleTimeString(language, { timeStyle: "short" });
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60
    ? fill(tryAgainAfter, { duration: counted(minutes, "minute"), time })
    : fill(tryAgainMuchLater, { duration: counted(Math.round(minutes / 60), "hour"), time });
}

/** @param {number} amount @param {"second" | "minute" | "hour"} unit */
function counted(amount, unit) {
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(amount);
}
