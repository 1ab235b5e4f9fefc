/** Debian's firefox-esr, over WebDriver BiDi. */
import { existsSync } from "node:fs";
import puppeteer, { type Browser } from "puppeteer-core";
import { afterAll } from "vitest";
import { type Tab, untilThere } from "./tab.ts";

const FIREFOX = "/usr/bin/firefox-esr";

export const HAS_FIREFOX = existsSync(FIREFOX);

/**
 * Provides one Firefox with a new profile and these preferences for all tests of a file, because a start takes longer
 * than a test. Each tab has its own cookies and storage.
 */
export function useFirefox(preferences: Record<string, unknown> = {}): () => Promise<Tab> {
  let browser: Promise<Browser> | undefined;
  afterAll(async () => (await browser)?.close());
  return () => {
    browser ??= puppeteer.launch({
      browser: "firefox",
      executablePath: FIREFOX,
      headless: true,
      timeout: 120_000,
      acceptInsecureCerts: true,
      extraPrefsFirefox: preferences,
    });
    return openTab(browser);
  };
}

async function openTab(browser: Promise<Browser>): Promise<Tab> {
  const context = await (await browser).createBrowserContext();
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (/error|warn/.test(message.type())) complaints.push(message.text());
  });
  // BiDi does not report violations of the Content Security Policy, so the page writes them to the console.
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
    close: () => context.close(),
  };
  return tab;
}

/** Wraps an expression so that its value comes back as JSON. `undefined` becomes `null`. */
function asText(expression: string): string {
  return `Promise.resolve(${expression}).then((value) => JSON.stringify(value ?? null))`;
}
