/**
 * The pages that links in emails open. A page's script chooses what the page shows, because only the script can read
 * the token in the fragment.
 */
import type { Locale } from "../../config/languages.ts";
import {
  challengedEnd,
  EMAIL_INPUT,
  emailField,
  field,
  formEnd,
  passwordField,
  usernameField,
  withoutPasswordChoice,
} from "./fields.ts";
import { html, type Markup } from "./html.ts";
import { type Page, pageLink } from "./layout.ts";
import { LINK_PAGES, type LinkPage, type LinkPageName, type ViewWords } from "./link-pages.ts";
import { PAGE_WORDS } from "./words.ts";

interface Labels {
  label: string;
  busyLabel: string;
  resend?: string;
  /** The label of the checkbox to open an account without a password. */
  without?: string;
}

export function linkPage(name: LinkPageName, locale: Locale): Page {
  const { links, fields } = PAGE_WORDS[locale];
  const { label, busyLabel, resend, without }: Labels = links[name];
  const views: Record<string, ViewWords> = links[name].views;
  const page: LinkPage = LINK_PAGES[name];
  const ready = links[name].views.ready;
  return {
    name,
    title: ready.heading,
    script: "link.js",
    words: { page: { ...page, busyLabel, kept: links.kept }, views },
    body: html`<div class="card" id="card" hidden>
  ${CHECK_MARK}
  <div class="words">
    <h1 id="heading" tabindex="-1" aria-describedby="text points">${ready.heading}</h1>
    <p id="text"></p>
    <ul id="points"></ul>
    <p class="quiet" id="note"></p>
  </div>
  <form class="action" id="act" novalidate hidden aria-labelledby="heading">
    ${actFields(page, without, locale)}
    ${formEnd("act", label)}
  </form>
  ${
    resend &&
    html`<form class="resend" id="resend" novalidate hidden aria-label="${resend}">
    ${emailField("email", fields.email)}
    ${challengedEnd("resend", resend)}
  </form>`
  }
  <button class="button button-quiet action" type="button" id="again" hidden></button>
  <a class="button action" id="login" href="${pageLink("login", locale)}" hidden>${links.toLogin}</a>
  <a class="button action" id="account" href="${pageLink("account", locale)}" hidden>${links.toAccount}</a>
  <p class="ways" id="ways" hidden><a href="${pageLink("login", locale)}">${links.toLogin}</a></p>
</div>`,
  };
}

/** Shown when the link has been used. Decoration: screen readers skip it. */
const CHECK_MARK = html`<svg class="check-mark" viewBox="0 0 48 48" aria-hidden="true" focusable="false"><circle cx="24" cy="24" r="22" /><path d="m15 24.5 6.5 6.5L34 18" /></svg>`;

/** Only the form fields that the page needs: other fields, even hidden, would trigger password managers. */
function actFields(
  { opensAccount, passwordField: password }: LinkPage,
  without: string | undefined,
  locale: Locale,
): Markup {
  const { fields } = PAGE_WORDS[locale];
  const name = opensAccount && [
    field({
      id: "account_email",
      name: "email",
      label: fields.email,
      attributes: { readonly: "", ...EMAIL_INPUT },
    }),
    usernameField(fields),
  ];
  const label = opensAccount ? fields.password : fields.newPassword;
  const chosen = { id: "new_password", label, hint: fields.newPasswordHint, autocomplete: "new-password" } as const;
  return html`${name}${password && passwordField({ ...chosen, name: password }, fields)}${without && withoutPasswordChoice(without, fields)}`;
}
