/** Debian's firefox-esr, over WebDriver BiDi. */
import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";
import { type Tab, untilThere } from "./tab.ts";

const FIREFOX = "/usr/bin/firefox-esr";

export const HAS_FIREFOX = existsSync(FIREFOX);

/** Starts Firefox with a profile of its own, which knows these preferences. */
export async function openFirefox(preferences: Record<string, unknown> = {}): Promise<Tab> {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: FIREFOX,
    headless: true,
    acceptInsecureCerts: true,
    extraPrefsFirefox: preferences,
  });
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (/error|warn/.test(message.type())) complaints.push(message.text());
  });
  // BiDi does not tell of violations of the policy: the page does, in the console.
  await page.evaluateOnNewDocument(
    `addEventListener("securitypolicyviolation", (e) => console.error("CSP", e.effectiveDirective, e.blockedURI))`,
  );
  const tab: Tab = {
    complaints,
    open: async (url) => void (await page.goto(url)),
    async type(selector, text) {
      await untilThere(tab, selector);
      await page.type(selector, text);
    },
    async click(selector) {
      await untilThere(tab, selector);
      await page.click(selector);
    },
    evaluate: async (expression) => JSON.parse(String(await page.evaluate(asText(expression)))),
    close: () => browser.close(),
  };
  return tab;
}

/** An expression whose value crosses over as text: `undefined` becomes `null`. */
function asText(expression: string): string {
  return `Promise.resolve(${expression}).then((value) => JSON.stringify(value ?? null))`;
}
