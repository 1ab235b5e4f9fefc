/** The forms for an authenticator app and for new recovery codes. The script enrolment.js fills them in. */
import { codeField, field } from "./fields.ts";
import { html, type Markup } from "./html.ts";
import type { PageWords } from "./words/en.ts";

type Words = PageWords["enrolment"];

/**
 * The QR code and the secret as text, then the field for the app's code and `more` fields. If there is room, the fields
 * are beside the QR code.
 */
export function appFields({ app }: Words, more?: Markup): Markup {
  return html`<div class="app-fields">
    <div>
      <p>${app.scan}</p>
      <div class="qr" id="qr" role="img" aria-label="${app.picture}"></div>
      <p>${app.typed}</p>
      <div class="key"><code id="secret"></code>
        <button class="button button-quiet" type="button" id="secret-copy">${app.copy}</button></div>
      <p class="notice" id="secret-notice" role="status"></p>
    </div>
    <div>
      ${codeField({ id: "app-code", name: "code", label: app.code.field, hint: app.codeHint })}
      ${more}
    </div>
  </div>`;
}

/** A field for the name of a factor. */
export function nameField(id: string, label: string): Markup {
  return field({ id, name: "name", label, attributes: { maxlength: "100", autocomplete: "off" } });
}

/** The recovery codes, with buttons to copy, download and print them. */
export function recoveryCodes({ codes }: Words): Markup {
  return html`<p>${codes.text}</p>
  <ul class="codes" id="codes-list"></ul>
  <div class="buttons">
    <button class="button button-quiet" type="button" id="codes-copy">${codes.copy}</button>
    <button class="button button-quiet" type="button" id="codes-download">${codes.download}</button>
    <button class="button button-quiet" type="button" id="codes-print">${codes.print}</button>
  </div>
  <p class="notice" id="codes-notice" role="status"></p>
  <button class="button" type="button" id="codes-done">${codes.done}</button>`;
}
