/** Browsers and systems in user agents. Emails, the account page and the names of passkeys share these lists. */

export type NamedPattern = readonly [name: string, pattern: RegExp];

/** The first match counts, because most user agents also contain the names that are later in this list. */
export const BROWSERS: readonly NamedPattern[] = [
  ["Edge", /\bEdgA?\//],
  ["Opera", /\bOPR\//],
  ["Firefox", /\b(?:Firefox|FxiOS)\//],
  ["Chrome", /\b(?:Headless)?(?:Chrome|CriOS)\//],
  ["Safari", /\bSafari\//],
  ["curl", /^curl\//],
];

export const SYSTEMS: readonly NamedPattern[] = [
  ["Android", /Android/],
  ["iOS", /iPhone|iPad/],
  ["Windows", /Windows/],
  ["macOS", /Macintosh/],
  ["Linux", /Linux|X11/],
];

/** The browser and the system of a browser's user agent. `undefined` for anything else, such as a device's own name. */
export function readUserAgent(text: string): { browser: string; system: string } | undefined {
  if (!text.startsWith("Mozilla/5.0 (")) return undefined;
  const [browser] = BROWSERS.find(([, pattern]) => pattern.test(text)) ?? [];
  const [system] = SYSTEMS.find(([, pattern]) => pattern.test(text)) ?? [];
  return browser === undefined || system === undefined ? undefined : { browser, system };
}
