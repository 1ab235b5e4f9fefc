/** Where somebody wanted to go before they were asked to log in: `return_to`, which goes along from page to page. */
import { client } from "./session.js";
import { language } from "./words.js";

const returnTo = new URLSearchParams(location.search).get("return_to");

/** Has the links to other languages, and to the pages that lead to a log-in, say it too. */
export function carryReturnTo() {
  if (returnTo === null) {
    return;
  }
  for (const link of document.querySelectorAll('a:is(.language, [href^="/login"], [href^="/register"])')) {
    link.search += `&return_to=${encodeURIComponent(returnTo)}`;
  }
}

/** Leads on whoever is logged in already, or logs in: here, or in another window. */
export async function leadOnceLoggedIn() {
  client.onAuthStateChange(({ user }) => user && leadOn());
  // Where that can't be known, whoever is here can log in. What refuses a session refuses it here, too: nobody is sent
  // back and forth.
  const user = await client.user().catch(() => null);
  if (user) {
    leadOn();
  }
}

/**
 * To a page of this service and nowhere else, whatever the address says (an open redirect would lend our name to a
 * stranger's page). An absolute URL, since a path like `//host` leads elsewhere. The language goes along.
 */
function leadOn() {
  const wish = returnTo?.startsWith("/") && URL.canParse(returnTo, location.origin) ? returnTo : "/account";
  const wished = new URL(wish, location.origin);
  const target = wished.origin === location.origin ? wished : new URL("/account", location.origin);
  target.searchParams.set("lang", language);
  location.replace(target);
}
