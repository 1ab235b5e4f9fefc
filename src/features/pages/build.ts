/**
 * Part of `npm run build`: writes every page in every language as a file. So the Worker's bundle doesn't contain the
 * texts of the pages.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Locale, SUPPORTED_LOCALES } from "../../config/languages.ts";
import { accountPage } from "./account-page.ts";
import { consolePath, renderConsole } from "./console-page.ts";
import { emailLoginPage } from "./email-login-page.ts";
import { homePage, notFoundPage } from "./home-and-not-found-pages.ts";
import { type CONSOLE_PAGE, type PageName, pagePath } from "./hosted-pages.ts";
import { type Page, renderPage } from "./layout.ts";
import { linkPage } from "./link-page.ts";
import { loginPage } from "./login-page.ts";
import { logoutPage } from "./logout-page.ts";
import { registerPage } from "./register-page.ts";

const IN_LANGUAGE: Record<Exclude<PageName, typeof CONSOLE_PAGE.name>, (locale: Locale) => Page> = {
  "verify-email": (locale) => linkPage("verify-email", locale),
  "reset-password": (locale) => linkPage("reset-password", locale),
  "confirm-email": (locale) => linkPage("confirm-email", locale),
  "undo-email-change": (locale) => linkPage("undo-email-change", locale),
  "accept-invitation": (locale) => linkPage("accept-invitation", locale),
  login: loginPage,
  "email-login": emailLoginPage,
  register: registerPage,
  logout: logoutPage,
  account: accountPage,
  home: homePage,
  "not-found": notFoundPage,
};

/** Writes the pages into the assets folder. */
export function buildPages(folder: string): void {
  for (const page of Object.values(IN_LANGUAGE)) {
    for (const locale of SUPPORTED_LOCALES) {
      const inLanguage = page(locale);
      write(folder, pagePath(inLanguage.name, locale), renderPage(inLanguage, importsOf(inLanguage.script), locale));
    }
  }
  for (const locale of SUPPORTED_LOCALES) write(folder, consolePath(locale), renderConsole(locale));
}

function write(folder: string, path: string, text: string): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const SCRIPTS = join(import.meta.dirname, "../../../public/static");
/** This script is a bundle. It is built later and imports nothing. */
const CLIENT = "client.js";

/** The scripts that a script imports, directly or not. */
function importsOf(script: string | undefined): string[] {
  if (script === undefined) return [];
  const found = new Set([script]);
  for (const name of found) {
    const source = name === CLIENT ? "" : readFileSync(join(SCRIPTS, name), "utf8");
    for (const [, imported = ""] of source.matchAll(/^import .* from "\.\/([\w-]+\.js)";$/gm)) found.add(imported);
  }
  found.delete(script);
  return [...found];
}
