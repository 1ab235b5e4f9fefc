import { existsSync } from "node:fs";
import type { Page, Route } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM, LOOKS, mailedLink as mailedLinkAt, overflowOf, refusal, useVisitor } from "./live-browser.ts";
import { logIn, newPerson, type Person, post, register } from "./live-person.ts";
import { changeDatabase, useSharedService } from "./live-service.ts";

type Look = (typeof LOOKS)[number];
const ENGLISH = LOOKS.filter(({ language }) => language === "en");

// This needs Debian's package of Chromium. Without it, the tests are reported as skipped.
describe.skipIf(!existsSync(CHROMIUM))("the pages in a real browser", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);

  const open = (path: string, { viewport, colorScheme }: Look = LOOKS[0], more = {}): Promise<Page> =>
    visitor.arrive(path, { viewport, colorScheme, ...more });

  /** Waits until this many links to a page were emailed to an address. Returns the newest. */
  const mailedLink = (email: string, page: string, count?: number) => mailedLinkAt(service.origin, email, page, count);

  async function unverified() {
    const person = newPerson();
    expect((await post(service.origin, "/api/v1/auth/register", person)).status).toBe(202);
    return { person, link: await mailedLink(person.email, "verify-email") };
  }

  /** A person who has asked for another email address, and the link that was sent there. */
  async function moving() {
    const person = await register(service.origin);
    const { email } = newPerson();
    const { access_token } = await logIn(service.origin, person);
    const wish = { email, password: person.password };
    expect((await post(service.origin, "/api/v1/users/me/email", wish, access_token)).status).toBe(202);
    return { person, moved: { ...person, email }, link: await mailedLink(email, "confirm-email") };
  }

  async function deleteAccount(person: Person) {
    const { access_token } = await logIn(service.origin, person);
    const { status } = await fetch(`${service.origin}/api/v1/users/me`, {
      method: "DELETE",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${access_token}` },
      body: JSON.stringify({ password: person.password }),
    });
    expect(status).toBe(204);
  }

  /** Opens a link and uses it with the keyboard only. Checks at each step what a person can see. */
  async function useByKeyboard(link: string, button: string, outcome: string, look: Look) {
    const page = await open(link, look);
    const { origin, pathname } = new URL(link);
    expect(page.url(), "the token leaves the address bar").toBe(`${origin}${pathname}`);
    await visitor.keepPicture(`${pathname.slice(1)}-${look.name}`);
    await page.locator("#act-button:enabled").waitFor();
    await page.evaluate("fetch('/health')");
    expect(posts(), "nothing is spent without a person's click").toEqual([]);

    await page.keyboard.press("Tab");
    await expect.poll(() => focused(page)).toBe(button);
    await page.keyboard.press("Enter");
    await visitor.sees(outcome);
    await expect.poll(() => focused(page)).toBe(outcome);
    expect(await page.title()).toBe(`${outcome} · Postern`);
    await visitor.keepPicture(`${pathname.slice(1)}-done-${look.name}`);
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    return page;
  }

  /** A person whom an operator has invited, and the link that was sent to them. */
  async function invited() {
    const operator = await register(service.origin);
    changeDatabase(service, `UPDATE users SET role = 'admin' WHERE username = '${operator.username}'`);
    const { access_token } = await logIn(service.origin, operator);
    const person = newPerson();
    const { status } = await post(service.origin, "/api/v1/invitations", { email: person.email }, access_token);
    expect(status).toBe(202);
    return { person, link: await mailedLink(person.email, "accept-invitation") };
  }

  const refusesLogin = async ({ email, password }: Person) =>
    expect((await post(service.origin, "/api/v1/auth/login", { email, password })).status).toBe(401);
  const heading = (page: Page) => page.locator("h1:visible").textContent();
  const focused = (page: Page) => page.evaluate<string>("document.activeElement.textContent.trim()");
  const posts = () => visitor.requests.filter(({ method }) => method === "POST");

  it.each(ENGLISH)("verify an address by the keyboard alone, on $name", async (look) => {
    const { person, link } = await unverified();
    await useByKeyboard(link, "Verify email address", "Email address verified", look);
    await logIn(service.origin, person);
  });

  it.each(ENGLISH)("confirm a new address, and undo the change from the old one, on $name", async (look) => {
    const { person, moved, link } = await moving();
    await useByKeyboard(link, "Confirm new email address", "Email address changed", look);
    await visitor.leave();
    await logIn(service.origin, moved);
    await refusesLogin(person);

    const undo = await mailedLink(person.email, "undo-email-change", 2);
    const page = await useByKeyboard(undo, "Undo change", "Change undone", look);
    await refusesLogin(moved);
    await refusesLogin(person);
    await page.goto(await mailedLink(person.email, "reset-password"));
    await page.fill("#new_password", "another fine password");
    await page.keyboard.press("Enter");
    await visitor.sees("Password changed");
    await logIn(service.origin, { ...person, password: "another fine password" });
  });

  it("say what undoing a change of address entails, before and after", async () => {
    const { person } = await moving();
    const link = await mailedLink(person.email, "undo-email-change");
    const page = await open(link);
    for (const consequence of [
      /keeps its old email address, or gets it back/,
      /logged out everywhere/,
      /password stops working/,
      /link to set a new password/,
    ]) {
      expect(await page.textContent("#points")).toMatch(consequence);
    }
    // The second use says the same, and sends the email again as long as the user has set no new password.
    for (let time = 0; time < 2; time++) {
      await page.goto(link);
      await page.click("#act-button");
      await visitor.sees("Change undone");
      expect(await page.textContent("#text")).toMatch(/check your email for a link to set a new password/);
    }
    await page.click("#again");
    expect(await heading(page)).toBe("Get a new link");
    await page.fill("#email", person.email);
    await page.keyboard.press("Enter");
    await visitor.sees("Check your email");
    await mailedLink(person.email, "reset-password", 3);
  });

  it("say so when another user has taken the address", async () => {
    const { person, moved, link } = await moving();
    const owner = await register(service.origin, { ...newPerson(), email: moved.email });
    const page = await open(link);
    await page.click("#act-button");
    await visitor.sees("This email address is taken");
    expect(await page.locator("button:visible").count()).toBe(0);

    // After that account is deleted, the same link works again, as the page says.
    await deleteAccount(owner);
    await page.goto(link);
    await page.click("#act-button");
    await visitor.sees("Email address changed");

    const undo = await mailedLink(person.email, "undo-email-change", 2);
    await register(service.origin, { ...newPerson(), email: person.email });
    await page.goto(undo);
    await page.click("#act-button");
    await visitor.sees("Your old email address is taken");
  });

  it("offer another link where one is not good, and send it", async () => {
    const { person, link } = await unverified();
    const page = await open(`${link.slice(0, -6)}AAAAAA`);
    await page.click("#act-button");
    await visitor.sees("This link isn't valid");
    await visitor.submit("resend", { email: "not an address" });
    expect(await page.textContent("#email-error")).toMatch(/address/);
    await visitor.submit("resend", { email: person.email });
    await visitor.sees("Check your email");
    await page.goto(await mailedLink(person.email, "verify-email", 2));
    await page.click("#act-button");
    await visitor.sees("Email address verified");
  });

  it("lose nothing when the network drops the answer, or when the service asks to wait", async () => {
    const { link } = await unverified();
    const page = await open(link);
    const alert = page.locator("#act-error");
    const refuse = (status: number, headers: Record<string, string>) => (route: Route) =>
      route.fulfill({ status, headers });
    const answers = [
      // The service uses the link up, but the answer never arrives.
      (route: Route) => route.fetch().then(() => route.abort()),
      refuse(429, { "Retry-After": "150" }),
      refuse(503, { "Retry-After": "5", "X-Request-Id": "the-request" }),
    ];
    await page.route("**/api/v1/auth/verify-email", (route) => answers.shift()?.(route) ?? route.continue());

    await page.click("#act-button");
    await alert.filter({ hasText: "We couldn't reach the server. Check your connection." }).waitFor();
    await expect
      .poll(() => focused(page), { message: "the focus is where it can be tried again" })
      .toBe("Verify email address");
    await page.keyboard.press("Enter");
    await alert
      .filter({ hasText: /Too many attempts. Please try again in 3 minutes \(after .*\). Your link still works/ })
      .waitFor();
    await page.keyboard.press("Enter");
    await alert.filter({ hasText: /went wrong on our side. Please try again in 5 seconds. .*the-request/ }).waitFor();
    await visitor.keepPicture("unavailable-desktop-light");

    await page.keyboard.press("Enter");
    await visitor.sees("Email address verified");
    expect(await alert.isVisible()).toBe(false);
  });

  it.each([
    ["verify-email", "Open the link in your email"],
    ["reset-password", "Forgot your password?"],
    ["confirm-email", "Open the link in your email"],
    ["undo-email-change", "Open the link in your email"],
    ["accept-invitation", "Open the link in your email"],
  ])("say on /%s what is wrong with a link: missing, mangled, expired", async (path, missing) => {
    const page = await open(`/${path}/`);
    expect(await heading(page)).toBe(missing);
    await visitor.keepPicture(`${path}-missing-desktop-light`);

    const use = async () => {
      const email = path === "accept-invitation" ? "&email=ada%40example.com" : "";
      await page.goto(`${service.origin}/${path}#token=${"A".repeat(116)}${email}`);
      if (email !== "") await page.fill("#username", "ada");
      if (/reset|invitation/.test(path)) await page.fill("#new_password", "another fine password");
      await page.click("#act-button");
    };
    await use();
    await visitor.sees("This link isn't valid");
    await visitor.keepPicture(`${path}-invalid-desktop-light`);
    // No link expires during a test, so this gives the answer for an expired link.
    await page.route(`**/api/v1/auth/${path}`, refusal(400, "expired_token"));
    await use();
    await visitor.sees("This link has expired");
    await visitor.keepPicture(`${path}-expired-desktop-light`);
  });

  it("say that they need JavaScript where it is off", async () => {
    const plain = await open("/verify-email#token=x", LOOKS[0], { javaScriptEnabled: false });
    expect(await plain.locator("noscript").count()).toBe(1);
    expect(await plain.textContent("body")).toContain("JavaScript is required");
  });

  it.each(ENGLISH)("choose a new password behind a reset link, on $name", async (look) => {
    const person = await register(service.origin);
    const page = await open("/reset-password", look);
    expect(await heading(page)).toBe("Forgot your password?");
    await visitor.submit("resend", { email: person.email });
    await visitor.sees("Check your email");

    await page.goto(await mailedLink(person.email, "reset-password"));
    await page.locator("#new_password").waitFor();
    expect(page.url(), "the token leaves the address bar").toBe(`${service.origin}/reset-password`);
    await visitor.submit("act", { new_password: "too short" });
    await page.locator("#new_password-error", { hasText: "at least 15 characters" }).waitFor();
    await visitor.keepPicture(`reset-password-${look.name}`);
    const password = "another fine password";
    await page.fill("#new_password", password);
    await page.keyboard.press("Enter");
    await visitor.sees("Password changed");
    await logIn(service.origin, { ...person, password });
  });

  it.each(ENGLISH)("open an account behind an invitation by the keyboard alone, on $name", async (look) => {
    const { person, link } = await invited();
    const taken = await register(service.origin);
    const page = await open(link, look);
    expect(await heading(page)).toBe("Accept your invitation");
    expect(page.url(), "the token leaves the address bar").toBe(`${service.origin}/accept-invitation`);
    expect(await page.inputValue("#account_email")).toBe(person.email);
    expect(await page.isEditable("#account_email")).toBe(false);
    await visitor.keepPicture(`accept-invitation-${look.name}`);

    const label = () => page.evaluate<string>("document.activeElement.labels?.[0]?.textContent ?? ''");
    const type = async (text: string) => {
      await page.keyboard.press("ControlOrMeta+A");
      await page.keyboard.type(text);
    };
    for (const name of ["Email address", "Username"]) {
      await page.keyboard.press("Tab");
      expect(await label()).toBe(name);
    }
    await page.keyboard.press("Enter");
    expect(await page.textContent("#username-error")).toBe("Choose a username.");
    expect(await page.textContent("#new_password-error")).toBe("Choose a password.");
    expect(await label(), "the first that needs mending has the focus").toBe("Username");
    expect(posts()).toEqual([]);

    await type(taken.username);
    await page.keyboard.press("Tab");
    expect(await label()).toBe("Password");
    await type("too short");
    await page.keyboard.press("Enter");
    await page.locator("#new_password-error", { hasText: "at least 15 characters" }).waitFor();
    expect(await label()).toBe("Password");
    await type(person.password);
    await page.keyboard.press("Enter");
    await page.locator("#username-error", { hasText: "This username is taken." }).waitFor();
    expect(await label()).toBe("Username");
    await visitor.keepPicture(`accept-invitation-taken-${look.name}`);
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    await type(person.username);
    await page.keyboard.press("Enter");
    await visitor.sees("Your account is ready");
    await expect.poll(() => focused(page)).toBe("Your account is ready");
    await visitor.keepPicture(`accept-invitation-done-${look.name}`);
    await logIn(service.origin, person);

    await page.goto(link);
    await page.fill("#username", "another-name");
    await page.fill("#new_password", "another fine password");
    await page.keyboard.press("Enter");
    await visitor.sees("You already have an account");
  });

  it("show nothing of an invitation but its address, and say so when registration is closed", async () => {
    const page = await open("/accept-invitation#token=x&email=Call%20now:%20555-0100");
    expect(await heading(page)).toBe("Open the link in your email");
    expect(await page.locator("input:visible").count()).toBe(0);
    await page.route("**/api/v1/auth/accept-invitation", refusal(403, "registration_closed"));
    await page.goto(`${service.origin}/accept-invitation#token=x&email=ada%40example.com`);
    // Pasting an incomplete link after a good one changes nothing.
    for (const mangled of ["#token=y&email=Call%20now", "#token=&email=eve%40example.com"]) {
      await page.evaluate(`location.hash = ${JSON.stringify(mangled)}`);
      await expect.poll(() => page.evaluate("location.hash")).toBe("");
      expect(await page.inputValue("#account_email")).toBe("ada@example.com");
    }
    await page.fill("#username", "ada");
    await page.fill("#new_password", "another fine password");
    await page.keyboard.press("Enter");
    await visitor.sees("Registration is closed");
  });

  it("say where to ask for a link when the service wants a challenge that they cannot show", async () => {
    const page = await open("/reset-password");
    await page.route("**/api/v1/auth/forgot-password", refusal(403, "challenge_failed"));
    await page.fill("#email", "ada@example.com");
    await page.keyboard.press("Enter");
    await page.locator("#resend-error", { hasText: "Request the link from the log-in page instead." }).waitFor();
  });
});
