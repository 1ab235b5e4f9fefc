/** The page that an emailed link to log in opens. If another browser requested the link, the page asks for the code. */
import type { Locale } from "../../config/languages.ts";
import { field, formEnd } from "./fields.ts";
import { html, type Markup } from "./html.ts";
import { type Page, pageLink } from "./layout.ts";
import { laterSteps, loginWords } from "./login-steps.ts";
import { PAGE_WORDS } from "./words.ts";

const CODE_INPUT = {
  required: "",
  maxlength: "32",
  autocomplete: "off",
  autocapitalize: "characters",
  spellcheck: "false",
};

export function emailLoginPage(locale: Locale): Page {
  const { emailLogin } = PAGE_WORDS[locale];
  const { code, ready, invalid, expired, missing } = emailLogin;
  return {
    name: "email-login",
    title: ready.heading,
    script: "email-login.js",
    words: { ...loginWords(locale), emailLogin: { invalid: code.invalid, wrong: code.wrong } },
    body: html`<div class="card needs-script">
  <section class="view" id="view-ready" hidden>
    <h1 tabindex="-1">${ready.heading}</h1>
    <p>${ready.text}</p>
    <p class="quiet">${ready.note}</p>
    <form class="action" id="ready" novalidate>
      ${formEnd("ready", ready.label)}
    </form>
  </section>
  <section class="view" id="view-code" hidden>
    <h1 tabindex="-1">${code.heading}</h1>
    <p>${code.text}</p>
    <form class="action" id="code" novalidate>
      ${field({ id: "login-code", label: code.field, attributes: CODE_INPUT })}
      ${formEnd("code", code.label)}
    </form>
    <p class="quiet">${code.note}</p>
  </section>
  ${laterSteps(locale)}
  ${end("invalid", invalid, locale)}
  ${end("expired", expired, locale)}
  ${end("missing", missing, locale)}
</div>`,
  };
}

/** A view that leads back to the log-in page. */
function end(name: string, { heading, text }: { heading: string; text: string }, locale: Locale): Markup {
  return html`<section class="view" id="view-${name}" hidden>
    <h1 tabindex="-1">${heading}</h1>
    <p>${text}</p>
    <a class="button action" href="${pageLink("login", locale)}">${PAGE_WORDS[locale].links.toLogin}</a>
  </section>`;
}
