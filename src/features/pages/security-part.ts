/**
 * The parts of the account page for second factors and for recent activity, with their dialogs. The scripts factors.js,
 * new-factors.js, trusted-devices.js, events.js and reauthentication.js fill them in.
 */
import { appFields, nameField, recoveryCodes } from "./enrolment.ts";
import { codeField, formEnd, passwordField } from "./fields.ts";
import { html, type Markup } from "./html.ts";
import { confirmation, notice, part } from "./parts.ts";
import type { PageWords } from "./words/en.ts";

const QUIET = "button button-quiet";

type Words = Pick<PageWords, "security" | "enrolment" | "confirm" | "account" | "fields">;

export function securityPart(words: Words): Markup {
  const { security, enrolment, account, fields } = words;
  const { app, email, offer, passkey, recovery, remove, rename, trusted, unset } = security;
  const { cancel, currentPassword } = account;
  const current = { id: "unset-password", name: "current_password", label: currentPassword } as const;
  return part(
    "security",
    security.heading,
    html`<p class="warning" id="factors-required" hidden></p>
  <p>${security.text}</p>
  ${notice("security")}
  <div class="offer" id="offer" hidden>
    <p>${offer.text}</p>
    <button class="${QUIET}" type="button" id="offer-button">${offer.label}</button>
  </div>
  <p class="form-error" id="security-error" role="alert"></p>
  <p class="quiet" id="no-factors" hidden>${security.none}</p>
  <p class="quiet" id="passkey-advice" hidden>${security.advice}</p>
  <ul class="devices" id="factors" hidden></ul>
  <div class="buttons">
    <button class="${QUIET}" type="button" id="passkey-open">${passkey.label}</button>
    <button class="${QUIET}" type="button" id="app-open">${app.label}</button>
  </div>
  <div class="recovery" id="email-codes" hidden>
    <p>${email.note}</p>
    <button class="${QUIET}" type="button" id="email-codes-open">${email.label}</button>
  </div>
  <div class="recovery" id="unset-part" hidden>
    <h3>${unset.heading}</h3>
    <p>${unset.text}</p>
    <button class="${QUIET}" type="button" id="unset-open">${unset.open}</button>
  </div>
  <div class="recovery" id="recovery" hidden>
    <h3>${recovery.heading}</h3>
    <p>${recovery.text} <strong id="recovery-left"></strong></p>
    <p class="warning" id="recovery-low" hidden>${recovery.low}</p>
    <button class="${QUIET}" type="button" id="renew-open">${recovery.open}</button>
  </div>
  <div class="recovery" id="trusted" hidden>
    <h3>${trusted.heading}</h3>
    <p>${trusted.text}</p>
    <p class="form-error" id="trusted-error" role="alert"></p>
    <ul class="devices" id="trusted-devices"></ul>
  </div>
  ${confirmation({
    name: "app",
    heading: enrolment.app.heading,
    label: enrolment.app.label,
    cancel,
    body: appFields(enrolment, nameField("app-name", app.name)),
  })}
  ${confirmation({ name: "rename", heading: "", label: rename.label, cancel, body: nameField("factor-name", rename.field) })}
  ${confirmation({
    name: "remove",
    heading: "",
    label: remove.label,
    look: "button button-danger",
    cancel,
    body: html`<p id="remove-text"></p>`,
  })}
  ${confirmation({
    name: "unset",
    heading: unset.question,
    label: unset.label,
    look: "button button-danger",
    cancel,
    body: html`<p>${unset.warning}</p>
    ${passwordField({ ...current, autocomplete: "current-password" }, fields)}`,
  })}
  ${confirmation({ name: "renew", heading: recovery.question, label: recovery.label, cancel, body: html`<p>${recovery.warning}</p>` })}
  <dialog id="codes-dialog" aria-labelledby="codes-heading">
    <h2 id="codes-heading" tabindex="-1">${enrolment.codes.heading}</h2>
    ${recoveryCodes(enrolment)}
  </dialog>
  ${confirmDialog(words)}`,
  );
}

export function eventsPart(words: PageWords["events"]): Markup {
  return part(
    "events",
    words.heading,
    html`<p>${words.text}</p>
  <p class="form-error" id="events-error" role="alert"></p>
  <ul class="devices" id="events"></ul>
  <button class="${QUIET}" type="button" id="events-more" hidden>${words.more}</button>`,
  );
}

/** Asks again who the user is, with one form for each proof. The script shows the forms that the user can fill in. */
function confirmDialog({ confirm: words, account, fields }: Words): Markup {
  // Password managers need the username beside the password.
  return html`<dialog id="confirm-dialog" aria-labelledby="confirm-heading">
  <h2 id="confirm-heading" tabindex="-1">${words.heading}</h2>
  <p id="confirm-text"></p>
  <form id="confirm-password" novalidate hidden>
    <input class="whose" type="text" name="username" autocomplete="username" readonly hidden>
    ${passwordField({ id: "confirm-current", name: "password", label: account.currentPassword, autocomplete: "current-password" }, fields)}
    ${formEnd("confirm-password", words.label)}
  </form>
  <form id="confirm-totp" novalidate hidden>
    ${codeField({ id: "confirm-code", name: "totp", label: words.code.field })}
    ${formEnd("confirm-totp", words.label)}
  </form>
  <form class="second" id="confirm-passkey" novalidate hidden>
    ${formEnd("confirm-passkey", words.passkey)}
  </form>
  <p class="form-error" id="confirm-error" role="alert"></p>
  <p class="quiet ways" id="confirm-lost" hidden>${words.lost}</p>
  <button class="${QUIET} second" type="button" id="confirm-cancel">${account.cancel}</button>
</dialog>`;
}
