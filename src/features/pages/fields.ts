/** Form fields, each with a label, an element for its error, and an optional hint. */
import { html, type Markup } from "./html.ts";
import type { PageWords } from "./words/en.ts";

interface Field {
  id: string;
  /** The API's name for the field, if it differs from the id. */
  name?: string;
  label: string;
  hint?: string;
  /** Attributes of the input. An empty value makes an attribute without a value. */
  attributes: Record<string, string>;
}

export function field({ id, name = id, label, hint, attributes }: Field): Markup {
  return html`<div class="field">
  <label for="${id}">${label}</label>
  <input id="${id}" name="${name}"${attributesOf(attributes)} aria-describedby="${describedBy(id, hint)}">
  ${messages(id, hint)}
</div>`;
}

/** An input for an email address. */
export function emailField(id: string, label: string): Markup {
  return field({ id, name: "email", label, attributes: { required: "", maxlength: "254", ...EMAIL_INPUT } });
}

/** An input for the code of an authenticator app. Browsers and password managers may fill it in. */
export function codeField({ id, name = id, label, hint = "" }: Omit<Field, "attributes">): Markup {
  const attributes = { required: "", maxlength: "64", inputmode: "numeric", autocomplete: "one-time-code" };
  return field({ id, name, label, attributes, ...(hint === "" ? {} : { hint }) });
}

export function usernameField({ username, usernameHint }: PageWords["fields"]): Markup {
  return field({
    id: "username",
    label: username,
    hint: usernameHint,
    attributes: { required: "", maxlength: "32", autocomplete: "username", ...AS_TYPED },
  });
}

interface PasswordField {
  id: string;
  name?: string;
  label: string;
  /** Only for a new password, which is checked while the user types. */
  hint?: string;
  autocomplete: "current-password" | "new-password";
}

export function passwordField(
  { id, name = id, label, hint, autocomplete }: PasswordField,
  { show, showPassword }: PageWords["fields"],
): Markup {
  const attributes = { type: "password", required: "", autocomplete, ...AS_TYPED };
  return html`<div class="field">
  <label for="${id}">${label}</label>
  <div class="field-row">
    <input id="${id}" name="${name}"${attributesOf(attributes)} aria-describedby="${describedBy(id, hint)}">
    <button class="button button-quiet reveal" type="button" id="${id}-reveal" aria-controls="${id}" aria-label="${showPassword}">${show}</button>
  </div>
  ${messages(id, hint)}
</div>`;
}

/** A checkbox to create an account without a password. Visible only if users can log in by email. */
export function withoutPasswordChoice(label: string, { withoutPasswordNote }: PageWords["fields"]): Markup {
  return html`<label class="choice if-email-login"><input type="checkbox" id="without-password" aria-describedby="without-note"> ${label}</label>
<p class="quiet" id="without-note" hidden>${withoutPasswordNote}</p>`;
}

/** An element for the challenge widget (empty without a challenge), then the end of the form. */
export function challengedEnd(form: string, label: string): Markup {
  return html`<div class="challenge" id="${form}-challenge"></div>
${formEnd(form, label)}`;
}

/** The form's error line, then its button. The page's script enables the button. */
export function formEnd(form: string, label: string, look = "button"): Markup {
  return html`<p class="form-error" id="${form}-error" role="alert"></p>
<button class="${look}" type="submit" id="${form}-button" disabled>${label}</button>`;
}

export const AS_TYPED = { autocapitalize: "none", spellcheck: "false" };

/**
 * The attributes of an input for an email address. The type is not `email`, because Safari then rejects international
 * domains, and Chromium changes the typed text.
 */
export const EMAIL_INPUT = { inputmode: "email", autocomplete: "email", ...AS_TYPED };

function messages(id: string, hint: string | undefined): Markup {
  const error = html`<p class="field-error" id="${id}-error"></p>`;
  return hint === undefined ? error : html`${error}<p class="field-hint" id="${id}-hint">${hint}</p>`;
}

function describedBy(id: string, hint: string | undefined): string {
  return hint === undefined ? `${id}-error` : `${id}-error ${id}-hint`;
}

function attributesOf(attributes: Record<string, string>): Markup[] {
  return Object.entries(attributes).map(([name, value]) => (value === "" ? html` ${name}` : html` ${name}="${value}"`));
}
