/** The elements that several parts of the account page share. */
import { formEnd } from "./fields.ts";
import { html, type Markup } from "./html.ts";

/** A part of the page, labeled by its heading. The heading can take the focus when the focused element is removed. */
export function part(id: string, heading: string, body: Markup): Markup {
  return html`<section class="card part" aria-labelledby="${id}-title">
  <h2 id="${id}-title" tabindex="-1">${heading}</h2>
  ${body}
</section>`;
}

/** A line that says what has happened. Screen readers announce it. */
export function notice(name: string): Markup {
  return html`<p class="notice" id="${name}-notice" role="status"></p>`;
}

interface Confirmation {
  /** The id of the form. The ids of the dialog and its buttons begin with this id. */
  name: string;
  heading: string;
  body?: Markup;
  label: string;
  look?: string;
  cancel: string;
}

/** A dialog with one form, and a button that closes it. */
export function confirmation({ name, heading, body, label, look, cancel }: Confirmation): Markup {
  return html`<dialog id="${name}-dialog" aria-labelledby="${name}-heading">
  <form id="${name}" novalidate>
    <h2 id="${name}-heading" tabindex="-1">${heading}</h2>
    ${body}
    <div class="ends">
      ${formEnd(name, label, look)}
      <button class="button button-quiet" type="button" id="${name}-cancel">${cancel}</button>
    </div>
  </form>
</dialog>`;
}
