/**
 * The challenge that keeps bots away (Cloudflare Turnstile), if the operator has configured one. Its script is loaded
 * when a form that needs it is shown, and never on a page that holds the token of a link.
 * https://developers.cloudflare.com/turnstile/get-started/client-side-rendering/
 */
import { byId, textOf } from "./elements.js";
import { showRefusal } from "./form.js";
import { language, words } from "./words.js";

const SCRIPT = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";

const siteKey = document.documentElement.dataset.turnstile;

/** @type {Promise<Turnstile> | undefined} */
let script;

/** Whether Cloudflare's script is on the page. */
export function isChallengeLoaded() {
  return script !== undefined;
}

/** @typedef {ReturnType<typeof challengeOf>} Challenge */

/**
 * The challenge of one form.
 * @param {HTMLFormElement} form
 */
export function challengeOf(form) {
  const { challengeLoading, challengeMissing, challengeNotLoaded } = words.forms;
  /**
   * The widget's token. It works for one attempt.
   * @type {string | undefined}
   */
  let token;
  /** @type {string | undefined} */
  let widget;
  /** Why there is no token. */
  let lack = challengeLoading;
  let isShown = false;

  /** @param {string} reason replaces the earlier reason, which is removed from the form too */
  const lacks = (reason) => {
    token = undefined;
    if (reason !== lack && textOf(`${form.id}-error`) === lack) {
      showRefusal(form, "");
    }
    lack = reason;
  };
  const fail = () => {
    lacks(challengeNotLoaded);
    showRefusal(form, challengeNotLoaded);
  };

  return {
    /** Shows the widget. The widget makes a token by itself, or asks the user to do something first. */
    async show() {
      if (!siteKey || isShown) {
        return;
      }
      isShown = true;
      try {
        const turnstile = await load();
        lacks(challengeMissing);
        widget = turnstile.render(byId(`${form.id}-challenge`, HTMLElement), {
          sitekey: siteKey,
          language,
          size: "flexible",
          "response-field": false,
          callback: (made) => {
            lacks("");
            token = made;
          },
          "expired-callback": () => lacks(challengeMissing),
          "error-callback": fail,
        });
      } catch {
        fail();
      }
    },

    /** Whether the form can be sent. If not, says what is missing. */
    isReady() {
      if (siteKey && !token) {
        showRefusal(form, lack);
      }
      return !siteKey || token !== undefined;
    },

    /**
     * Returns the token for the request body. Each token works once, so the widget makes another.
     * @returns {{ turnstile_token?: string }}
     */
    spend() {
      if (!siteKey || token === undefined) {
        return {};
      }
      const proof = { turnstile_token: token };
      lacks(challengeMissing);
      window.turnstile.reset(widget);
      return proof;
    },
  };
}

function load() {
  script ??= new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = SCRIPT;
    element.addEventListener("load", () => resolve(window.turnstile));
    element.addEventListener("error", () => reject(new Error("Turnstile did not load.")));
    document.head.append(element);
  });
  return script;
}
