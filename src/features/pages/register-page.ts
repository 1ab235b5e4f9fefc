/** The registration page. It shows the form, or says that the operator's policy allows no registration. */
import type { Locale } from "../../config/languages.ts";
import { challengedEnd, emailField, formEnd, passwordField, usernameField, withoutPasswordChoice } from "./fields.ts";
import { html, type Markup } from "./html.ts";
import { type Page, pageLink, toOutbox } from "./layout.ts";
import { PAGE_WORDS } from "./words.ts";

export function registerPage(locale: Locale): Page {
  const { fields, register } = PAGE_WORDS[locale];
  const { busyLabel, closed, invitation, sent } = register;
  const [beforeAddress = "", afterAddress = ""] = sent.to.split("{email}");
  const toLogin = html`<p class="ways">${register.haveAccount} <a href="${pageLink("login", locale)}">${register.toLogin}</a></p>`;
  const chosen = { hint: fields.newPasswordHint, autocomplete: "new-password" } as const;
  return {
    name: "register",
    title: register.heading,
    script: "register.js",
    words: { register: { busyLabel, resent: sent.resent, invitation: invitation.text, closed: closed.text } },
    body: html`<div class="card needs-script">
  <section class="view if-open" id="view-register">
    <h1 tabindex="-1">${register.heading}</h1>
    <p>${register.text}</p>
    <form class="action" id="register" novalidate>
      ${emailField("email", fields.email)}
      ${usernameField(fields)}
      ${passwordField({ id: "password", label: fields.password, ...chosen }, fields)}
      ${withoutPasswordChoice(register.without, fields)}
      ${challengedEnd("register", register.label)}
    </form>
    ${toLogin}
  </section>
  <section class="view" id="view-sent" hidden>
    <h1 tabindex="-1">${sent.heading}</h1>
    <p>${beforeAddress}<strong id="sent-to"></strong>${afterAddress}</p>
    <p>${sent.text}</p>
    <p class="quiet">${sent.note}</p>
    ${toOutbox(locale)}
    <form class="action" id="resend" novalidate>
      <p class="notice" id="resend-notice" role="status"></p>
      ${formEnd("resend", sent.resend)}
    </form>
    <button class="button button-quiet second" type="button" id="again">${sent.again}</button>
  </section>
  ${noForm("invitation", invitation, toLogin)}
  ${noForm("closed", closed, toLogin)}
</div>`,
  };
}

function noForm(policy: string, { heading, text }: { heading: string; text: string }, toLogin: Markup): Markup {
  return html`<section class="if-${policy}">
  <h1>${heading}</h1>
  <p>${text}</p>
  ${toLogin}
</section>`;
}
