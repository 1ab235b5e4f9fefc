import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { codeOf } from "../support/totp-code.ts";
import { addAuthenticator, CHROMIUM, mailedLink, overflowOf, PHONE, refusal, useVisitor } from "./live-browser.ts";
import { logIn, newPerson, type Person, post, register } from "./live-person.ts";
import { changeDatabase, useSharedService } from "./live-service.ts";

const CONFIRM = "**/api/v1/auth/email-login/confirm";
const totpSchema = z.object({ secret: z.string() });

describe.skipIf(!existsSync(CHROMIUM))("logging in by email, on the hosted pages,", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);

  const isAtHome = () => visitor.page.locator("#view-account").waitFor();

  /** Asks for a link on the log-in page. Returns the link, and the code that the page shows. */
  async function ask({ email }: Person, count = 1, path = "/login") {
    const { page } = visitor;
    await visitor.open(path);
    await page.fill("#name", email);
    await page.click("#by-email");
    await visitor.sees("Log in by email");
    expect(await page.inputValue("#link-email"), "what was typed already").toBe(email);
    await page.click("#email-link-button");
    await visitor.sees("Check your email");
    const code = (await page.textContent("#login-code")) ?? "";
    expect(code).toMatch(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/);
    return { code, link: await mailedLink(service.origin, email, "email-login", count) };
  }

  it("takes a click in the browser that asked, and works by the keyboard alone", async () => {
    const person = await register(service.origin);
    const page = await visitor.arrive("/login");
    await visitor.tabTo("#by-email");
    await page.keyboard.press("Enter");
    await visitor.sees("Log in by email");
    await expect
      .poll(() => page.evaluate("document.activeElement.tagName"), { message: "the heading is announced" })
      .toBe("H1");
    await page.keyboard.press("Tab");
    await page.keyboard.type("ada");
    await page.keyboard.press("Enter");
    await visitor.reads("#link-email-error", "Enter a full email address");
    await visitor.typeInto("#link-email", person.email);
    await page.keyboard.press("Enter");
    await visitor.sees("Check your email");
    await visitor.open(await mailedLink(service.origin, person.email, "email-login"));
    await visitor.sees("Log in");
    expect(page.url(), "the token stays in no address").not.toContain("token");
    await visitor.tabTo("#ready-button");
    await page.keyboard.press("Enter");
    await isAtHome();
  });

  it("asks for the code in another browser, in its language, and says what is wrong with one", async () => {
    const person = await register(service.origin);
    await visitor.arrive();
    const { code, link } = await ask(person, 1, `/login?return_to=${encodeURIComponent("/account?from=email")}`);
    const page = await visitor.arrive(link, { viewport: PHONE });
    await page.click("a.language[lang=de]");
    await page.click("#ready-button");
    await visitor.sees("Geben Sie den Code ein");
    await page.click("a.language[lang=en]");
    await page.click("#ready-button");
    await visitor.sees("Enter the code");
    await visitor.submit("code", { "login-code": "WDJB" });
    await visitor.reads("#login-code-error", "Enter the eight letters of the code.");
    await visitor.submit("code", { "login-code": "BBBB-BBBB" });
    await visitor.reads("#login-code-error", "Wrong code.");
    await visitor.submit("code", { "login-code": code.toLowerCase().replace("-", " ") });
    await isAtHome();
    expect(new URL(page.url()).search, "where they wanted to go").toBe("?from=email&lang=en");
    // The link was already used.
    await page.context().clearCookies();
    await visitor.open(link);
    await page.click("#ready-button");
    await visitor.submit("code", { "login-code": code });
    await visitor.sees("This link isn't valid");
    await page.click("#view-invalid a");
    await visitor.sees("Log in");
  });

  it("asks for the second factor, too", async () => {
    const person = await register(service.origin);
    const { access_token: bearer } = await logIn(service.origin, person);
    const factors = "/api/v1/users/me/factors/totp";
    const { secret } = totpSchema.parse(await (await post(service.origin, factors, {}, bearer)).json());
    const code = await codeOf(secret);
    expect((await post(service.origin, `${factors}/confirm`, { code }, bearer)).status).toBe(200);
    const page = await visitor.arrive();
    const { link } = await ask(person);
    await visitor.open(link);
    await page.click("#ready-button");
    await visitor.sees("Enter your code");
    await visitor.submit("totp", { "totp-code": await codeOf(secret, 1) });
    await isAtHome();
  });

  it("leads to where the user wanted to go, and never to another site", async () => {
    const person = await register(service.origin);
    const page = await visitor.arrive();
    const wished = `/login?return_to=${encodeURIComponent("/reset-password?again=1")}`;
    const { link } = await ask(person, 1, wished);
    // The language link also keeps the page to return to.
    await visitor.open(link);
    await page.click("a.language[lang=de]");
    await page.click("#ready-button");
    await page.waitForURL("**/reset-password?again=1&lang=de");

    await page.context().clearCookies();
    const { link: second } = await ask(person, 2, "/login?return_to=https://evil.example/");
    await visitor.open(second);
    await page.click("#ready-button");
    await isAtHome();
    // The next request for a link names no page to return to.
    await page.context().clearCookies();
    const { link: third } = await ask(person, 3);
    await visitor.open(third);
    await page.click("#ready-button");
    await isAtHome();
    expect(new URL(page.url()).pathname).toBe("/account");
  });

  it("opens an account without a password, which logs in by email and leads to its first passkey", async () => {
    const { email, username } = newPerson();
    const page = await visitor.arrive("/register");
    await page.fill("#email", email);
    await page.fill("#username", username);
    await page.getByText("Register without a password").click();
    expect(await page.isVisible("#password")).toBe(false);
    await page.click("#register-button");
    await visitor.sees("Check your email");

    await visitor.open(await mailedLink(service.origin, email, "verify-email"));
    await page.click("#act-button");
    await visitor.reads("#text", "We'll email you a link to log in.");
    await page.click("#login");
    await visitor.sees("Log in by email");
    await visitor.submit("email-link", { "link-email": email });
    await visitor.sees("Check your email");
    await visitor.open(await mailedLink(service.origin, email, "email-login"));
    await page.click("#ready-button");
    await isAtHome();
    await expect
      .poll(() => page.evaluate("document.activeElement.id"), { message: "the part to go on with" })
      .toBe("security-title");
    await visitor.reads("#passkey-advice", "Your account has no password.");
    await addAuthenticator(page);
    await page.click("#passkey-open");
    await page.click("#codes-done");
    await visitor.reads("#security-notice", "has been added.");
    expect(await page.isVisible("#passkey-advice")).toBe(false);

    await page.context().clearCookies();
    await visitor.open("/login");
    await isAtHome();
  });

  it("lets an invited user choose no password, on a phone in the dark, by the keyboard alone", async () => {
    const operator = await register(service.origin);
    changeDatabase(service, `UPDATE users SET role = 'admin' WHERE username = '${operator.username}'`);
    const { access_token } = await logIn(service.origin, operator);
    const { email, username } = newPerson();
    expect((await post(service.origin, "/api/v1/invitations", { email }, access_token)).status).toBe(202);
    const link = await mailedLink(service.origin, email, "accept-invitation");

    const page = await visitor.arrive(link, { viewport: PHONE, colorScheme: "dark" });
    await visitor.typeInto("#new_password", "too short");
    await visitor.tabTo("#without-password");
    await page.keyboard.press("Space");
    expect(await page.isVisible("#new_password")).toBe(false);
    await visitor.reads("#without-note", "you'll get a link by email");
    // A user who changes their mind starts with an empty password field.
    await page.keyboard.press("Space");
    expect(await page.inputValue("#new_password")).toBe("");
    await page.keyboard.press("Enter");
    await visitor.reads("#new_password-error", "Choose a password.");
    await visitor.tabTo("#without-password");
    await page.keyboard.press("Space");
    await page.keyboard.press("Tab");
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("act-button");
    await page.keyboard.press("Enter");
    await visitor.reads("#username-error", "Choose a username.");
    await page.keyboard.type(username);
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    await page.keyboard.press("Enter");
    await visitor.sees("Your account is ready");
    await visitor.reads("#text", "We'll email you a link to log in.");

    await visitor.tabTo("#login");
    await page.keyboard.press("Enter");
    await visitor.sees("Log in by email");
    await visitor.typeInto("#link-email", email);
    await page.keyboard.press("Enter");
    await visitor.sees("Check your email");
    await visitor.open(await mailedLink(service.origin, email, "email-login"));
    await visitor.tabTo("#ready-button");
    await page.keyboard.press("Enter");
    await isAtHome();
    await visitor.reads("#passkey-advice", "Your account has no password.");
  });

  it("says why a link is not used", async () => {
    const page = await visitor.arrive("/email-login");
    await visitor.sees("Open the link in your email");
    await visitor.open("/email-login?again#token=x");
    await page.route(CONFIRM, refusal(400, "expired_token"), { times: 1 });
    await page.click("#ready-button");
    await visitor.sees("This link has expired");
    for (const [code, words] of [
      ["account_disabled", "This account has been disabled."],
      ["second_factor_lost", "We can't check the second factor"],
    ] as const) {
      await visitor.open(`/email-login?${code}#token=x`);
      await page.route(CONFIRM, refusal(403, code), { times: 1 });
      await page.click("#ready-button");
      await visitor.reads("#ready-error", words);
    }
    await page.route(CONFIRM, refusal(429, "rate_limited", { "Retry-After": "40" }), { times: 1 });
    await page.click("#ready-button");
    await visitor.reads("#ready-error", "Please try again in 40 seconds.");
    // The user pastes another link into the same tab.
    await page.evaluate("location.hash = '#token=y'");
    await page.locator("#ready-error:empty").waitFor({ state: "attached" });
    await page.locator("#ready-button:enabled").waitFor();
  });
});
