/** Leaves the log-in page or the registration page once the user is logged in. */
import { destination } from "./destination.js";
import { client } from "./session.js";
import { language } from "./words.js";

/** Whether the page stays although the user is logged in, because it still has something to show. */
let isStaying = false;

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
  // If this request fails, the user can still log in here. The account page makes the same request, so the two pages
  // can't redirect to each other forever.
  const user = await client.user().catch(() => null);
  if (user && !isStaying) {
    leadOn();
  }
}

/** Goes to the page that the user wanted, or to the account page. Pages of this service open in the same language. */
export function leadOn() {
  const target = destination() ?? new URL("/account", location.origin);
  if (target.origin === location.origin) {
    target.searchParams.set("lang", language);
  }
  location.replace(target);
}
