/** Run by `npm run build`: writes every page in every language, so that the Worker has none of their words. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Locale, SUPPORTED_LOCALES } from "../../config/languages.ts";
import { accountPage } from "./account-page.ts";
import { type Page, renderPage } from "./layout.ts";
import { linkPage } from "./link-page.ts";
import { loginPage } from "./login-page.ts";
import { type PageName, pagePath } from "./pages.ts";
import { registerPage } from "./register-page.ts";

const IN_LANGUAGE: Record<PageName, (locale: Locale) => Page> = {
  "verify-email": (locale) => linkPage("verify-email", locale),
  "reset-password": (locale) => linkPage("reset-password", locale),
  "confirm-email": (locale) => linkPage("confirm-email", locale),
  "undo-email-change": (locale) => linkPage("undo-email-change", locale),
  "accept-invitation": (locale) => linkPage("accept-invitation", locale),
  login: loginPage,
  register: registerPage,
  account: accountPage,
};

/** Writes the pages into the assets folder. */
export function buildPages(folder: string): void {
  for (const page of Object.values(IN_LANGUAGE)) {
    for (const locale of SUPPORTED_LOCALES) {
      const inLanguage = page(locale);
      const file = join(folder, pagePath(inLanguage.name, locale));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, renderPage(inLanguage, locale));
    }
  }
}
