/** The log-out page, for apps that have none. It requires a click, so that a link alone can't log a user out. */
import type { Locale } from "../../config/languages.ts";
import { formEnd } from "./fields.ts";
import { html } from "./html.ts";
import { type Page, pageLink } from "./layout.ts";
import { PAGE_WORDS } from "./words.ts";

export function logoutPage(locale: Locale): Page {
  const { account, links, logout } = PAGE_WORDS[locale];
  const { done } = logout;
  return {
    name: "logout",
    title: logout.heading,
    script: "logout.js",
    words: { logout: { busyLabel: account.loggingOut } },
    body: html`<div class="card needs-script">
  <section class="view" id="view-loading">
    <h1 tabindex="-1">${account.logOut}</h1>
    <p role="status">${account.loading}</p>
  </section>
  <section class="view" id="view-logout" hidden>
    <h1 tabindex="-1">${logout.heading}</h1>
    <p>${logout.text}</p>
    <form class="action" id="logout" novalidate>
      ${formEnd("logout", account.logOut)}
    </form>
    <p class="ways"><a href="${pageLink("account", locale)}">${links.toAccount}</a></p>
  </section>
  <section class="view" id="view-done" hidden>
    <h1 tabindex="-1">${done.heading}</h1>
    <p>${done.text}</p>
    <a class="button action" href="${pageLink("login", locale)}">${links.toLogin}</a>
  </section>
</div>`,
  };
}
