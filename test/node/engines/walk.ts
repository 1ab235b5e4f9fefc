/** What most people do on the pages, in order. */
import { expect } from "vitest";
import type { Person } from "../live-person.ts";
import { type Tab, until, untilThere } from "./tab.ts";

/** Registers, verifies the address, and logs in. */
export async function walkToAccount(tab: Tab, origin: string, { email, username, password }: Person): Promise<void> {
  await tab.open(`${origin}/register?lang=en`);
  await tab.type("#email", email);
  await tab.type("#username", username);
  await tab.type("#password", password);
  await tab.click("#register-button");
  await untilThere(tab, "#view-sent");

  await tab.open(await mailedLink(tab, email));
  await tab.click("#act-button");
  await until(tab, `document.querySelector("#card").dataset.showing === "done"`);
  expect(await tab.evaluate("location.hash"), "the token has left the address bar").toBe("");

  await tab.open(`${origin}/login?lang=en&return_to=/account`);
  await logInOnPage(tab, { username, password });
}

/** Fills in the log-in page. */
export async function logInOnPage(tab: Tab, person: Pick<Person, "username" | "password">): Promise<void> {
  const { username, password } = person;
  await tab.type("#name", username);
  await tab.type("#password", password);
  await tab.click("#login-button");
}

/** Arrives at the account and uses it: a reload, the profile, the devices, and logging out. */
export async function walkThroughAccount(tab: Tab, origin: string, { username }: Person): Promise<void> {
  await untilAccount(tab, username);
  await tab.open(`${origin}/account?lang=en`);
  await untilAccount(tab, username);
  await tab.type("#first_name", "Ada");
  await tab.click("#profile-button");
  await until(tab, `document.querySelector("#profile-notice").textContent === "Saved."`);
  expect(await tab.evaluate(`document.querySelectorAll(".device").length`)).toBe(1);
  await tab.click("#delete-open");
  await untilThere(tab, "#delete-dialog");
  await tab.click("#delete-cancel");
  await tab.click("#logout-button");
  await until(tab, `location.pathname === "/login"`);
  await untilThere(tab, "#login-button");
  await tab.open(`${origin}/account?lang=en`);
  await until(tab, `location.pathname === "/login"`);
  await untilThere(tab, "#login-button");
}

async function untilAccount(tab: Tab, username: string): Promise<void> {
  await until(tab, `location.pathname === "/account" && document.querySelector("#me")?.textContent === "${username}"`);
  await untilThere(tab, "#view-account");
}

/** The link in the email that verifies the address. The page fetches it, because Node doesn't trust the certificate. */
async function mailedLink(tab: Tab, email: string): Promise<string> {
  const text = `fetch("/dev/outbox").then((answer) => answer.json())
    .then(({ items }) => items.find(({ to }) => to === "${email}")?.text ?? "")`;
  await until(tab, `${text}.then((text) => text.includes("/verify-email#token="))`);
  const link = /http\S+\/verify-email#token=[\w-]+/.exec(await tab.evaluate<string>(text))?.[0];
  expect(link).toBeDefined();
  return link ?? "";
}
