/** Where the user wanted to go before logging in: the parameter `return_to`, which is passed from page to page. */
import { keptReturnTo } from "./kept-return-to.js";
import { client } from "./session.js";
import { language } from "./words.js";

const returnTo = new URLSearchParams(location.search).get("return_to") ?? keptReturnTo();

/** Whether the page stays although the user is logged in, because it still has something to show. */
let isStaying = false;

/** Adds the parameter to the language links and to the links to the log-in and registration pages. */
export function carryReturnTo() {
  if (returnTo === null) {
    return;
  }
  /** @type {NodeListOf<HTMLAnchorElement>} */
  const links = document.querySelectorAll('a:is(.language, [href^="/login"], [href^="/register"])');
  for (const link of links) {
    link.search += `&return_to=${encodeURIComponent(returnTo)}`;
  }
}

/** Keeps the page when the user logs in, until {@link leadOn} is called. */
export function stayHere() {
  isStaying = true;
}

/** Leaves the page as soon as the user logs in, here or in another tab. */
export function leadAtLogin() {
  client.onAuthStateChange((state) => {
    if (state.status === "signed_in" && state.user && !isStaying) {
      leadOn();
    }
  });
}

/** Leaves the page as soon as the user logs in, or at once if the user is logged in already. */
export async function leadOnceLoggedIn() {
  leadAtLogin();
  // If this fails, the user can still log in here. It uses the same check as the account page, so the two pages can't
  // redirect to each other forever.
  const user = await client.user().catch(() => null);
  if (user && !isStaying) {
    leadOn();
  }
}

/**
 * Goes to a page of this service in the same language, never to another origin: an open redirect would lend our name to
 * an attacker's page. The check needs an absolute URL, because a path like `//host` leads to another host.
 */
export function leadOn() {
  const wished = returnTo?.startsWith("/") ? parse(returnTo) : undefined;
  const target = wished?.origin === location.origin ? wished : new URL("/account", location.origin);
  target.searchParams.set("lang", language);
  location.replace(target);
}

/** `URL.canParse` and `URL.parse` are missing before Safari 17. @param {string} path */
function parse(path) {
  try {
    return new URL(path, location.origin);
  } catch {
    return undefined;
  }
}
