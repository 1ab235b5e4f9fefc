/**
 * The challenge that keeps robots away (Cloudflare Turnstile), where the operator has one. Its script is loaded once a
 * form that needs it is shown, and never on a page that holds a mailed link.
 * https://developers.cloudflare.com/turnstile/get-started/client-side-rendering/
 */
import { byId, showRefusal } from "./form.js";
import { language, words } from "./words.js";

const SCRIPT = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";

const siteKey = document.documentElement.dataset.turnstile;

let script;

/** Whether the page has Cloudflare's script on it by now. */
export function isChallengeLoaded() {
  return script !== undefined;
}

/**
 * The challenge of one form.
 * @param {HTMLFormElement} form
 */
export function challengeOf(form) {
  const { challengeLoading, challengeMissing, challengeNotLoaded } = words.forms;
  /** Good for one attempt. */
  let token;
  let widget;
  /** Why there is no token. */
  let lack = challengeLoading;
  let isAsked = false;

  /** @param {string} reason in place of an earlier one, of which nothing is said any more */
  const lacks = (reason) => {
    token = undefined;
    if (reason !== lack && byId(`${form.id}-error`).textContent === lack) {
      showRefusal(form, "");
    }
    lack = reason;
  };
  const fail = () => {
    lacks(challengeNotLoaded);
    showRefusal(form, challengeNotLoaded);
  };

  return {
    /** Shows the widget, which then makes its token by itself, or asks the person for something. */
    async show() {
      if (!siteKey || isAsked) {
        return;
      }
      isAsked = true;
      try {
        const turnstile = await load();
        lacks(challengeMissing);
        widget = turnstile.render(byId(`${form.id}-challenge`), {
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

    /** Whether the form can be sent. Otherwise it says what is missing. */
    isReady() {
      if (siteKey && !token) {
        showRefusal(form, lack);
      }
      return !siteKey || token !== undefined;
    },

    /** What proves it, as a part of the body. It is spent by that: the widget makes another. */
    spend() {
      if (!siteKey) {
        return {};
      }
      const proof = { turnstile_token: token };
      lacks(challengeMissing);
      globalThis.turnstile.reset(widget);
      return proof;
    },
  };
}

/** @returns {Promise<any>} Turnstile's interface */
function load() {
  script ??= new Promise((done, failed) => {
    const element = document.createElement("script");
    element.src = SCRIPT;
    element.addEventListener("load", () => done(globalThis.turnstile));
    element.addEventListener("error", () => failed(new Error("Turnstile did not load.")));
    document.head.append(element);
  });
  return script;
}
