/**
 * The log-in page. A user with a second factor proves it in another view, and one who must set a factor up does so. A user whose address is not verified can
 * request another link here.
 */
import type { Locale } from "../../config/languages.ts";
import { PROOF_KINDS, type ProofKind } from "../../factors/factor.ts";
import { appFields, recoveryCodes } from "./enrolment.ts";
import { AS_TYPED, challengedEnd, codeField, emailField, field, formEnd, passwordField } from "./fields.ts";
import { PLACEHOLDERS } from "./hosted-pages.ts";
import { html, type Markup } from "./html.ts";
import { type Page, pageLink } from "./layout.ts";
import type { PageWords } from "./words/en.ts";
import { PAGE_WORDS } from "./words.ts";

export function loginPage(locale: Locale): Page {
  const { enrolment, fields, login, resent, security } = PAGE_WORDS[locale];
  const { busyLabel, nameMissing, wrong, disabled, factorLost, cookiesRefused, passkey, second, unverified } = login;
  return {
    name: "login",
    title: login.heading,
    script: "login.js",
    words: {
      login: { busyLabel, nameMissing, wrong, disabled, factorLost, cookiesRefused, passkey, second },
      enrolment,
      newPasskey: security.passkey,
    },
    body: html`<div class="card needs-script">
  <section class="view" id="view-login">
    <h1 tabindex="-1">${login.heading}</h1>
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
    <p class="ways"><a href="${pageLink("reset-password", locale)}">${login.forgot}</a></p>
    <p class="ways if-open">${login.noAccount} <a href="${pageLink("register", locale)}">${login.toRegister}</a></p>
  </section>
  ${secondStep("totp", locale, codeField({ id: "totp-code", label: second.totp.field }))}
  ${secondStep("passkey", locale)}
  ${secondStep(
    "recovery_code",
    locale,
    field({
      id: "recovery-code",
      label: second.recovery_code.field,
      attributes: { required: "", maxlength: "32", autocomplete: "off", ...AS_TYPED },
    }),
  )}
  <section class="view" id="view-setup" hidden>
    <h1 tabindex="-1">${login.setup.heading}</h1>
    <p>${login.setup.text}</p>
    <form class="action" id="app" novalidate>
      ${appFields(enrolment)}
      ${formEnd("app", enrolment.app.label)}
    </form>
    <form class="second" id="new-passkey" hidden>
      ${formEnd("new-passkey", security.passkey.label, "button button-quiet")}
    </form>
    <p class="ways"><a href="${pageLink("login", locale)}">${second.back}</a></p>
  </section>
  <section class="view" id="view-codes" hidden>
    <h1 tabindex="-1">${enrolment.codes.heading}</h1>
    ${recoveryCodes(enrolment)}
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

/** The view for one way to prove a second factor. The script shows the buttons to the ways that the user has. */
function secondStep(way: ProofKind, locale: Locale, input?: Markup): Markup {
  const { second }: PageWords["login"] = PAGE_WORDS[locale].login;
  const { heading, text, label } = second[way];
  const others = PROOF_KINDS.filter((kind) => kind !== way);
  return html`<section class="view" id="view-${way}" hidden>
    <h1 tabindex="-1">${heading}</h1>
    <p>${text}</p>
    <form class="action" id="${way}" novalidate>
      ${input}
      <label class="choice" data-days="${PLACEHOLDERS.trustedDeviceDays}"><input type="checkbox" id="${way}-trust"> ${second.trust}</label>
      ${formEnd(way, label)}
    </form>
    ${others.map(
      (kind) =>
        html`<button class="button button-quiet second" type="button" data-way="${kind}" hidden>${second[kind].instead}</button>`,
    )}
    <p class="ways"><a href="${pageLink("login", locale)}">${second.back}</a></p>
  </section>`;
}
