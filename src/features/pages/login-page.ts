/** The log-in page. A user whose address is not verified can request another link here. */
import type { Locale } from "../../config/languages.ts";
import { AS_TYPED, challengedEnd, emailField, field, formEnd, passwordField } from "./fields.ts";
import { html } from "./html.ts";
import { type Page, pageLink } from "./layout.ts";
import { PAGE_WORDS } from "./words.ts";

export function loginPage(locale: Locale): Page {
  const { fields, login, resent } = PAGE_WORDS[locale];
  const { busyLabel, nameMissing, wrong, disabled, cookiesRefused, unverified } = login;
  return {
    name: "login",
    title: login.heading,
    script: "login.js",
    words: { login: { busyLabel, nameMissing, wrong, disabled, cookiesRefused } },
    body: html`<div class="card needs-script">
  <section class="view" id="view-login">
    <h1 tabindex="-1">${login.heading}</h1>
    <form class="action" id="login" novalidate>
      ${field({
        id: "name",
        label: login.name,
        attributes: { required: "", maxlength: "254", autocomplete: "username", ...AS_TYPED },
      })}
      ${passwordField({ id: "password", label: fields.password, autocomplete: "current-password" }, fields)}
      ${challengedEnd("login", login.label)}
    </form>
    <p class="ways"><a href="${pageLink("reset-password", locale)}">${login.forgot}</a></p>
    <p class="ways if-open">${login.noAccount} <a href="${pageLink("register", locale)}">${login.toRegister}</a></p>
  </section>
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
    <p class="ways"><a href="${pageLink("login", locale)}">${login.label}</a></p>
  </section>
</div>`,
  };
}
