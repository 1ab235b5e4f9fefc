/** The page of the user's own account. Its script fills in the user and their sessions. */
import type { Locale } from "../../config/languages.ts";
import { BROWSERS, type NamedPattern, SYSTEMS } from "../../platform/user-agents.ts";
import { emailField, field, formEnd, passwordField, usernameField } from "./fields.ts";
import { html, type Markup } from "./html.ts";
import { consoleLink, type Page, pageLink } from "./layout.ts";
import { confirmation, notice, part } from "./parts.ts";
import { eventsPart, securityPart } from "./security-part.ts";
import type { PageWords } from "./words/en.ts";
import { PAGE_WORDS } from "./words.ts";

/** JSON has no regular expressions, so the script gets their sources. */
const USER_AGENTS = { browsers: sourcesOf(BROWSERS), systems: sourcesOf(SYSTEMS) };

export function accountPage(locale: Locale): Page {
  const { account, confirm, console, enrolment, events, fields, register, security } = PAGE_WORDS[locale];
  const { deletion, failed } = account;
  return {
    name: "account",
    title: account.heading,
    script: "account.js",
    words: { account, confirm, enrolment, events, security, userAgents: USER_AGENTS },
    body: html`<section class="view card needs-script" id="view-loading">
  <h1 tabindex="-1">${account.heading}</h1>
  <p role="status">${account.loading}</p>
</section>
<section class="view card" id="view-failed" hidden>
  <h1 tabindex="-1" aria-describedby="failed-text">${failed.heading}</h1>
  <p id="failed-text"></p>
  <a class="button action" href="${pageLink("account", locale)}">${failed.label}</a>
</section>
<section class="view card" id="view-deleted" hidden>
  <h1 tabindex="-1">${deletion.done.heading}</h1>
  <p>${deletion.done.text}</p>
  <p class="ways if-open"><a href="${pageLink("register", locale)}">${register.heading}</a></p>
</section>
<div class="view account" id="view-account" hidden>
  <div class="account-head">
    <div>
      <h1 class="account-title" tabindex="-1">${account.heading}</h1>
      <p class="quiet">${account.loggedInAs} <strong id="me"></strong></p>
      <p class="if-console" id="to-console" hidden><a href="${consoleLink(locale)}">${console.heading}</a></p>
    </div>
    <form id="logout" novalidate>
      <button class="button button-quiet" type="submit" id="logout-button">${account.logOut}</button>
      <p class="form-error" id="logout-error" role="alert"></p>
    </form>
  </div>
  ${profile(account, fields)}
  ${address(account, fields)}
  ${password(account, fields)}
  ${securityPart({ security, enrolment, confirm, account, fields })}
  ${devices(account)}
  ${eventsPart(events)}
  ${data(account)}
  ${deletionPart(account, fields)}
</div>`,
  };
}

function profile({ profile: words }: PageWords["account"], fields: PageWords["fields"]): Markup {
  const name = (id: string, label: string, autocomplete: string) =>
    field({ id, label, attributes: { autocomplete, maxlength: "100" } });
  return part(
    "profile",
    words.heading,
    html`<form id="profile" novalidate>
    ${usernameField(fields)}
    <div class="field-pair">
      ${name("first_name", words.firstName, "given-name")}
      ${name("last_name", words.lastName, "family-name")}
    </div>
    ${field({
      id: "phone",
      label: words.phone,
      hint: words.phoneHint,
      attributes: { type: "tel", autocomplete: "tel", maxlength: "30" },
    })}
    ${notice("profile")}
    ${formEnd("profile", words.label)}
  </form>`,
  );
}

function address({ address: words, currentPassword }: PageWords["account"], fields: PageWords["fields"]): Markup {
  const current = { id: "address-password", name: "password", label: currentPassword } as const;
  return part(
    "address",
    words.heading,
    html`<p>${words.current} <strong id="my-email"></strong></p>
  <form id="address" novalidate>
    ${emailField("new_email", words.next)}
    ${passwordField({ ...current, autocomplete: "current-password" }, fields)}
    ${notice("address")}
    ${formEnd("address", words.label)}
  </form>`,
  );
}

function password({ password: words, currentPassword }: PageWords["account"], fields: PageWords["fields"]): Markup {
  const chosen = { label: fields.newPassword, hint: fields.newPasswordHint, autocomplete: "new-password" } as const;
  // Password managers need the username beside the password.
  return part(
    "change",
    words.heading,
    html`<p id="change-text">${words.text}</p>
  <form id="change" novalidate>
    <input class="whose" type="text" name="username" autocomplete="username" readonly hidden>
    ${passwordField({ id: "current_password", label: currentPassword, autocomplete: "current-password" }, fields)}
    ${passwordField({ id: "new_password", ...chosen }, fields)}
    ${notice("change")}
    ${formEnd("change", words.label)}
  </form>`,
  );
}

function devices({ devices: words, cancel }: PageWords["account"]): Markup {
  const { others } = words;
  return part(
    "devices",
    words.heading,
    html`<p>${words.text}</p>
  ${notice("devices")}
  <p class="form-error" id="devices-error" role="alert"></p>
  <ul class="devices" id="devices"></ul>
  <button class="button button-quiet" type="button" id="others-open">${others.open}</button>
  ${confirmation({ name: "others", heading: others.heading, label: others.label, cancel, body: html`<p>${others.text}</p>` })}`,
  );
}

function data({ data: words }: PageWords["account"]): Markup {
  return part(
    "export",
    words.heading,
    html`<p>${words.text}</p>
  <form id="export" novalidate>
    ${notice("export")}
    <p class="form-error" id="export-error" role="alert"></p>
    <button class="button button-quiet" type="submit" id="export-button">${words.label}</button>
  </form>`,
  );
}

function deletionPart(
  { deletion: words, currentPassword, cancel }: PageWords["account"],
  fields: PageWords["fields"],
): Markup {
  const current = { id: "delete-password", name: "password", label: currentPassword } as const;
  return part(
    "deletion",
    words.heading,
    html`<p>${words.text}</p>
  <button class="button button-quiet to-danger" type="button" id="delete-open">${words.open}</button>
  ${confirmation({
    name: "delete",
    heading: words.question,
    label: words.label,
    cancel,
    look: "button button-danger",
    body: html`<p>${words.warning}</p>
      ${passwordField({ ...current, autocomplete: "current-password" }, fields)}`,
  })}`,
  );
}

function sourcesOf(patterns: readonly NamedPattern[]) {
  return patterns.map(([name, pattern]) => [name, pattern.source] as const);
}
