/** The page of the console. Until the script from src/console runs, the page shows only the frame of the console. */
import type { Locale } from "../../config/languages.ts";
import { CONSOLE_PAGE, PLACEHOLDERS, pagePath } from "./hosted-pages.ts";
import { html } from "./html.ts";
import { PAGE_WORDS } from "./words.ts";

/** The folder of the console's script, and of the files that the script loads later. */
const SCRIPTS = "/static/console";

export const consolePath = (locale: Locale): string => pagePath(CONSOLE_PAGE.name, locale);

export function renderConsole(locale: Locale): string {
  const { console, layout } = PAGE_WORDS[locale];
  const { heading, text } = layout.needsScript;
  return html`<!doctype html>
<html lang="${locale}" data-environment="${PLACEHOLDERS.environment}" data-console="${PLACEHOLDERS.adminPath}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="referrer" content="no-referrer">
    <meta name="robots" content="noindex">
    <meta name="color-scheme" content="light dark">
    <title>${console.heading} · ${PLACEHOLDERS.product}</title>
    <link rel="icon" href="/static/logo.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/static/postern.css">
    <link rel="stylesheet" href="/static/console.css">
    <link rel="stylesheet" href="/static/theme.css">
    <link rel="modulepreload" href="${SCRIPTS}/main.js">
    <script type="module" src="${SCRIPTS}/${locale}.js"></script>
  </head>
  <body>
    <div class="console" id="console" data-product="${PLACEHOLDERS.product}">
      <div class="bar">
        <p class="brand"><img class="brand-mark" src="/static/logo.svg" alt="" width="28" height="28"><span>${PLACEHOLDERS.product}</span><span class="brand-place">${console.place}</span></p>
      </div>
      <div class="side"></div>
      <main class="content">
        <h1>${console.heading}</h1>
        <noscript>
          <p><strong>${heading}</strong></p>
          <p>${text}</p>
        </noscript>
        <p class="needs-script" role="status">${console.loading}</p>
      </main>
    </div>
  </body>
</html>
`.markup;
}
