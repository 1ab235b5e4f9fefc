/** The steps of a login after the password or the emailed link: proving a second factor, or setting one up. */
import type { Locale } from "../../config/languages.ts";
import { PROOF_KINDS, type ProofKind } from "../../factors/factor.ts";
import { appFields, recoveryCodes } from "./enrolment.ts";
import { AS_TYPED, codeField, field, formEnd } from "./fields.ts";
import { PLACEHOLDERS } from "./hosted-pages.ts";
import { html, type Markup } from "./html.ts";
import { pageLink } from "./layout.ts";
import type { PageScriptWords } from "./script-words.ts";
import type { PageWords } from "./words/en.ts";
import { PAGE_WORDS } from "./words.ts";

/** The texts that the scripts show for a login and for these steps. */
export function loginWords(locale: Locale): PageScriptWords {
  const { enrolment, login, security } = PAGE_WORDS[locale];
  const { busyLabel, loggedOut, nameMissing, wrong, disabled, factorLost, cookiesRefused, passkey, second } = login;
  return {
    login: { busyLabel, loggedOut, nameMissing, wrong, disabled, factorLost, cookiesRefused, passkey, second },
    enrolment,
    newPasskey: security.passkey,
  };
}

/** The views of these steps. */
export function laterSteps(locale: Locale): Markup {
  const { enrolment, login, security } = PAGE_WORDS[locale];
  const { second, setup } = login;
  return html`${secondStep("totp", locale, codeField({ id: "totp-code", label: second.totp.field }))}
  ${secondStep("passkey", locale)}
  ${secondStep("email", locale, codeField({ id: "emailed-code", label: second.email.field }))}
  ${secondStep(
    "recovery_code",
    locale,
    field({
      id: "recovery-code",
      label: second.recovery_code.field,
      attributes: { required: "", maxlength: "64", autocomplete: "off", ...AS_TYPED },
    }),
  )}
  <section class="view" id="view-setup" hidden>
    <h1 tabindex="-1">${setup.heading}</h1>
    <p>${setup.text}</p>
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
  </section>`;
}

/**
 * The name of a kind of proof in the ids of its view, form and other elements. Not `email` for codes by email, because
 * another view has the id `view-email`: it asks for the address to which a link to log in is sent.
 */
const idOf = (way: ProofKind) => (way === "email" ? "email-code" : way);

/** The form that requests the email with the code. The script shows only this form until the code has been sent. */
function codeSender({ email }: PageWords["login"]["second"]): Markup {
  return html`<p class="notice" id="send-code-notice" role="status"></p>
    <form class="second" id="send-code" novalidate>
      ${formEnd("send-code", email.send)}
    </form>`;
}

/** The view for one kind of proof. It has a button for each other kind; the script shows those of the user's kinds. */
function secondStep(way: ProofKind, locale: Locale, input?: Markup): Markup {
  const { second }: PageWords["login"] = PAGE_WORDS[locale].login;
  const { heading, text, label } = second[way];
  const others = PROOF_KINDS.filter((kind) => kind !== way);
  const id = idOf(way);
  return html`<section class="view" id="view-${id}" hidden>
    <h1 tabindex="-1">${heading}</h1>
    <p>${text}</p>
    <form class="action" id="${id}" novalidate>
      ${input}
      <label class="choice" data-days="${PLACEHOLDERS.trustedDeviceDays}"><input type="checkbox" id="${id}-trust"> ${second.trust}</label>
      ${formEnd(id, label)}
    </form>
    ${way === "email" ? codeSender(second) : undefined}
    ${others.map(
      (kind) =>
        html`<button class="button button-quiet second" type="button" data-way="${kind}" data-view="${idOf(kind)}" hidden>${second[kind].instead}</button>`,
    )}
    <p class="ways"><a href="${pageLink("login", locale)}">${second.back}</a></p>
  </section>`;
}
