/** Finds and creates elements of the page, and does what every form and button needs. */

/**
 * Returns the element with this id. Throws if there is none of this kind.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const element = findById(id, kind);
  if (element === undefined) {
    throw new Error(`The page has no ${kind.name} with the id ${id}.`);
  }
  return element;
}

/**
 * Returns the element with this id, or `undefined` if the page has none of this kind.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind | undefined}
 */
export function findById(id, kind) {
  const element = document.getElementById(id);
  return element instanceof kind ? element : undefined;
}

/** @param {string} id */
export const formById = (id) => byId(id, HTMLFormElement);

/** @param {string} id */
export const inputById = (id) => byId(id, HTMLInputElement);

/** @param {string} id */
export const buttonById = (id) => byId(id, HTMLButtonElement);

/** @param {string} id */
export const textOf = (id) => byId(id, HTMLElement).textContent;

/** @param {string} id @param {string} text */
export function setText(id, text) {
  byId(id, HTMLElement).textContent = text;
}

/**
 * Creates an element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {(Node | string)[]} children
 */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/**
 * Creates a button for a row of a list. It shows a short label, and has a full name for screen readers.
 * @param {string} label
 * @param {string} name
 */
export function quietButton(label, name) {
  const button = element("button", "button button-quiet", label);
  button.type = "button";
  button.setAttribute("aria-label", name);
  return button;
}

/**
 * Calls `submit` instead of letting the browser submit the form.
 * @param {HTMLFormElement} form
 * @param {() => void} submit
 */
export function onSubmit(form, submit) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
}

/**
 * Disables a button during a task, and shows and announces what is happening.
 * @template Result
 * @param {HTMLButtonElement} button
 * @param {string} label
 * @param {() => Promise<Result>} task
 */
export async function whileBusy(button, label, task) {
  const usualLabel = button.textContent;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  button.textContent = label;
  setText("progress", label);
  try {
    return await task();
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
    button.textContent = usualLabel;
    setText("progress", "");
  }
}
