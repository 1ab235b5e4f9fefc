/** The frame of every page: the head, the product's name, and the links to the other languages. */
import { type Locale, SUPPORTED_LOCALES } from "../../config/languages.ts";
import { type CONSOLE_PAGE, type PageName, PLACEHOLDERS } from "./hosted-pages.ts";
import { dataBlock, html, type Markup } from "./html.ts";
import type { PageScriptWords, ScriptWords } from "./script-words.ts";
import { PAGE_WORDS } from "./words.ts";

export interface Page {
  name: Exclude<PageName, typeof CONSOLE_PAGE.name>;
  /** The window's title, without the product's name. */
  title: string;
  /** The script in /static. Absent from a page that needs none. */
  script?: string;
  /** Whether the page can be used without its script. */
  isWhole?: true;
  /** The data for the script, besides the texts that every page has. */
  words?: PageScriptWords;
  body: Markup;
}

/** A link to the console in the same language. */
export function consoleLink(locale: Locale): string {
  return `${PLACEHOLDERS.adminPath}?lang=${locale}`;
}

/** A link to the emails that the service would have sent. Visible only in development. */
export function toOutbox(locale: Locale): Markup {
  return html`<p class="ways if-development"><a href="/dev/outbox">${PAGE_WORDS[locale].home.outbox}</a></p>`;
}

/** The URL of a page in a given language. The URL names the language, because the browser may prefer another one. */
export function pageLink(name: Page["name"], locale: Locale): string {
  if (name === "home") return `/?lang=${locale}`;
  // This page can be at any path, so the link keeps the path.
  return name === "not-found" ? `?lang=${locale}` : `/${name}?lang=${locale}`;
}

/** `imports`: the scripts that the page's script imports, directly or not. Browsers then load all of them at once. */
export function renderPage(
  { name, title, script, isWhole, words, body }: Page,
  imports: readonly string[],
  locale: Locale,
): string {
  const { layout, forms, fields } = PAGE_WORDS[locale];
  const { show, showPassword, hide, hidePassword } = fields;
  const scriptWords: Partial<ScriptWords> = { forms, fields: { show, showPassword, hide, hidePassword }, ...words };
  const { heading, text, comfort } = layout.needsScript;
  const page = html`<!doctype html>
<html lang="${locale}" data-environment="${PLACEHOLDERS.environment}" data-registration="${PLACEHOLDERS.registration}" data-email-login="${PLACEHOLDERS.emailLogin}" data-email-codes="${PLACEHOLDERS.emailCodes}" data-turnstile="${PLACEHOLDERS.turnstileSiteKey}" data-return-to="${PLACEHOLDERS.returnTo}" data-console="${PLACEHOLDERS.adminPath}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="referrer" content="no-referrer">
    <meta name="robots" content="noindex">
    <meta name="color-scheme" content="light dark">
    <title>${title} · ${PLACEHOLDERS.product}</title>
    <link rel="icon" href="/static/logo.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/static/postern.css">
    <link rel="stylesheet" href="/static/theme.css">
    ${imports.map((file) => html`<link rel="modulepreload" href="/static/${file}">`)}
    ${script && html`<script type="module" src="/static/${script}"></script>`}
  </head>
  <body>
    <header class="site-header">
      <p class="brand"><img class="brand-mark" src="/static/logo.svg" alt="" width="28" height="28"><span id="product">${PLACEHOLDERS.product}</span></p>
    </header>
    <main class="stage">
      ${
        script && !isWhole
          ? html`<noscript>
        <div class="card">
          <h1>${heading}</h1>
          <p>${text}</p>
          <p>${comfort}</p>
        </div>
      </noscript>`
          : undefined
      }
      ${body}
      <p class="visually-hidden" id="progress" aria-live="polite"></p>
    </main>
    <footer class="site-footer">
      <nav aria-label="${layout.languages}">${SUPPORTED_LOCALES.map((other) => languageLink(name, other, locale))}</nav>
    </footer>
    ${script && dataBlock("words", scriptWords)}
  </body>
</html>
`;
  // A non-breaking hyphen, so that no line of German breaks inside "E-Mail".
  return page.markup.replaceAll("E-Mail", "E\u2011Mail");
}

function languageLink(name: Page["name"], locale: Locale, current: Locale): Markup {
  const { language } = PAGE_WORDS[locale];
  return locale === current
    ? html`<a class="language" href="${pageLink(name, locale)}" lang="${locale}" hreflang="${locale}" aria-current="true">${language}</a>`
    : html`<a class="language" href="${pageLink(name, locale)}" lang="${locale}" hreflang="${locale}">${language}</a>`;
}
