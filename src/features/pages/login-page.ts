/**
 * The log-in page. In other views, a user proves the second factor or sets one up. A user whose address is not verified
 * can request another link here.
 */
import type { Locale } from "../../config/languages.ts";
import { AS_TYPED, challengedEnd, emailField, field, formEnd, passwordField } from "./fields.ts";
import { html } from "./html.ts";
import { type Page, pageLink, toOutbox } from "./layout.ts";
import { laterSteps, loginWords } from "./login-steps.ts";
import { notice } from "./parts.ts";
import { PAGE_WORDS } from "./words.ts";

export function loginPage(locale: Locale): Page {
  const { fields, login, resent } = PAGE_WORDS[locale];
  const { byEmail, passkey, second, unverified } = login;
  return {
    name: "login",
    title: login.heading,
    script: "login.js",
    words: loginWords(locale),
    body: html`<div class="card needs-script">
  <section class="view" id="view-login">
    <h1 tabindex="-1">${login.heading}</h1>
    ${notice("login")}
    <form class="action" id="login" novalidate>
      ${field({
        id: "name",
        label: login.name,
        attributes: { required: "", maxlength: "254", autocomplete: "username webauthn", ...AS_TYPED },
      })}
      ${passwordField({ id: "password", label: fields.password, autocomplete: "current-password" }, fields)}
      ${challengedEnd("login", login.label)}
    </form>
    <form class="second" id="passkey-login" hidden>
      ${formEnd("passkey-login", passkey.label, "button button-quiet")}
    </form>
    <button class="button button-quiet second if-email-login" type="button" id="by-email">${byEmail.offer}</button>
    <p class="ways"><a href="${pageLink("reset-password", locale)}">${login.forgot}</a></p>
    <p class="ways if-open">${login.noAccount} <a href="${pageLink("register", locale)}">${login.toRegister}</a></p>
  </section>
  <section class="view" id="view-email" hidden>
    <h1 tabindex="-1">${byEmail.heading}</h1>
    <p>${byEmail.text}</p>
    <form class="action" id="email-link" novalidate>
      ${emailField("link-email", fields.email)}
      ${challengedEnd("email-link", byEmail.label)}
    </form>
    <p class="ways"><a href="${pageLink("login", locale)}">${second.back}</a></p>
  </section>
  <section class="view" id="view-emailed" hidden>
    <h1 tabindex="-1">${byEmail.sent.heading}</h1>
    <p>${byEmail.sent.text}</p>
    <p>${byEmail.sent.code} <strong class="login-code" id="login-code"></strong></p>
    <p class="quiet">${byEmail.sent.note}</p>
    ${toOutbox(locale)}
    <p class="ways"><a href="${pageLink("login", locale)}">${second.back}</a></p>
  </section>
  ${laterSteps(locale)}
  <section class="view" id="view-unverified" hidden>
    <h1 tabindex="-1">${unverified.heading}</h1>
    <p>${unverified.text}</p>
    <form class="action" id="resend" novalidate>
      ${emailField("email", fields.email)}
      ${formEnd("resend", unverified.label)}
    </form>
    <p class="ways"><a href="${pageLink("login", locale)}">${login.label}</a></p>
  </section>
  <section class="view" id="view-resent" hidden>
    <h1 tabindex="-1">${resent.heading}</h1>
    <p>${resent.text}</p>
    <p class="quiet">${resent.note}</p>
    ${toOutbox(locale)}
    <p class="ways"><a href="${pageLink("login", locale)}">${login.label}</a></p>
  </section>
</div>`,
  };
}
