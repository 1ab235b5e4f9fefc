/** The page at the address of the service, and the page for paths that do not exist. */
import type { Locale } from "../../config/languages.ts";
import { html } from "./html.ts";
import { consoleLink, type Page, pageLink, toOutbox } from "./layout.ts";
import { PAGE_WORDS } from "./words.ts";

export function homePage(locale: Locale): Page {
  const { account, console, home, links, login, register } = PAGE_WORDS[locale];
  return {
    name: "home",
    title: home.heading,
    script: "home.js",
    isWhole: true,
    body: html`<div class="card">
  <h1>${home.heading}</h1>
  <div id="visitor">
    <p>${home.text}</p>
    <a class="button action" href="${pageLink("login", locale)}">${login.label}</a>
    <a class="button button-quiet second if-open" href="${pageLink("register", locale)}">${register.heading}</a>
  </div>
  <div id="user" hidden>
    <p>${home.loggedIn}</p>
    <a class="button action" href="${pageLink("account", locale)}">${links.toAccount}</a>
    <a class="button button-quiet second" href="${pageLink("logout", locale)}">${account.logOut}</a>
  </div>
  <p class="ways"><a href="/docs">${home.reference}</a></p>
  ${toOutbox(locale)}
  <p class="ways if-development if-console"><a href="${consoleLink(locale)}">${console.heading}</a></p>
  <p class="ways if-development"><a href="/dev/brand" hreflang="en">Brand</a></p>
</div>`,
  };
}

export function notFoundPage(locale: Locale): Page {
  const { home, notFound } = PAGE_WORDS[locale];
  return {
    name: "not-found",
    title: notFound.heading,
    body: html`<div class="card">
  <h1>${notFound.heading}</h1>
  <p>${notFound.text}</p>
  <a class="button action" href="${pageLink("home", locale)}">${home.heading}</a>
</div>`,
  };
}
