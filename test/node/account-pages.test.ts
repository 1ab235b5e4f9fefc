import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CHROMIUM, mailedLink, refusal, useVisitor } from "./live-browser.ts";
import { logIn, newPerson, post, readMe, register } from "./live-person.ts";
import { useSharedService } from "./live-service.ts";

describe.skipIf(!existsSync(CHROMIUM))("the pages for people who have no app yet", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);

  const text = (selector: string) => visitor.page.textContent(selector);
  const says = (selector: string, words: string | RegExp) => visitor.reads(selector, words);
  const pathOf = () => new URL(visitor.page.url()).pathname;

  it("lead from registering to a log-in and an account, by the keyboard alone", async () => {
    const person = newPerson();
    const page = await visitor.arrive("/register");
    await visitor.tabTo("#register-button");
    await page.keyboard.press("Enter");
    expect(await text("#email-error")).toBe("Enter your email address.");
    expect(await text("#username-error")).toBe("Choose a username.");
    expect(await text("#password-error")).toBe("Choose a password.");
    await expect.poll(() => page.evaluate("document.activeElement.id"), { message: "the first to mend" }).toBe("email");
    await page.keyboard.type(person.email);
    await visitor.typeInto("#username", person.username);
    await visitor.typeInto("#password", "short");
    await page.keyboard.press("Enter");
    await says("#password-error", "at least 15 characters");
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type(person.password);
    await says("#password-hint", "Good password.");
    await page.keyboard.press("Enter");
    await visitor.sees("Check your email");
    expect(await text("#sent-to")).toBe(person.email);
    await visitor.tabTo("#resend-button");
    await page.keyboard.press("Enter");
    await says("#resend-notice", "Email sent.");

    await visitor.open(await mailedLink(service.origin, person.email, "verify-email", 2));
    await visitor.tabTo("#act-button");
    await page.keyboard.press("Enter");
    await visitor.sees("Email address verified");
    await visitor.tabTo("#login");
    await page.keyboard.press("Enter");
    await visitor.sees("Log in");
    // Enter does nothing before the page's script has loaded.
    await page.locator("#login-button:enabled").waitFor();
    await visitor.typeInto("#name", person.username);
    await visitor.typeInto("#password", person.password);
    await page.keyboard.press("Enter");
    await visitor.sees("Your account");
    expect(pathOf()).toBe("/account");
    await says("#me", person.username);

    // The refresh token is in a cookie that scripts can't read, and a reload continues the session with it.
    expect(await page.evaluate("JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])")).toBe(
      '["",{},{}]',
    );
    await page.reload();
    await page.locator("#view-account").waitFor();

    await visitor.typeInto("#first_name", "Ada");
    await visitor.typeInto("#phone", "+44 1234 567890");
    await page.keyboard.press("Enter");
    await says("#profile-notice", "Saved.");
    const { access_token } = await logIn(service.origin, person);
    expect(await (await readMe(service.origin, access_token)).json()).toMatchObject({
      first_name: "Ada",
      last_name: null,
      phone: "+441234567890",
    });
    await visitor.tabTo("#logout-button");
    await page.keyboard.press("Enter");
    await visitor.sees("Log in");
    await visitor.open("/account");
    await visitor.sees("Log in");
    expect(new URL(page.url()).searchParams.get("return_to")).toBe("/account");
  });

  it("change the password, and end the sessions that the user does not recognize", async () => {
    const person = await visitor.arriveAtHome();
    const page = visitor.page;
    await Promise.all([logIn(service.origin, person), logIn(service.origin, person)]);
    await page.reload();
    await page.locator(".device").nth(2).waitFor();
    expect(await page.locator(".device").first().textContent()).toMatch(/Chrome on Linux\s+This device/);
    expect(await page.locator(".device").first().locator("button").count()).toBe(0);
    await page.locator(".device button").first().click();
    await says("#devices-notice", / has been logged out\.$/);
    await expect.poll(() => page.locator(".device").count()).toBe(2);
    await expect
      .poll(() => page.evaluate("document.activeElement.id"), { message: "the focus is not lost" })
      .toBe("devices-title");

    await page.fill("#current_password", "not my password at all");
    await page.fill("#new_password", person.username.padEnd(20, "!"));
    const reveal = page.locator("#new_password-reveal");
    for (const [type, name] of [
      ["text", "Hide password"],
      ["password", "Show password"],
    ] as const) {
      await reveal.click();
      expect(await page.getAttribute("#new_password", "type")).toBe(type);
      expect(await reveal.getAttribute("aria-label")).toBe(name);
    }
    await page.locator('#new_password-hint[data-verdict="poor"]').waitFor();
    await visitor.submit("change", { new_password: "another fine password" });
    await says("#current_password-error", "That's not your current password.");
    await page.fill("#current_password", person.password);
    await page.keyboard.press("Enter");
    await says("#change-notice", "Password changed.");
    expect(await page.inputValue("#current_password")).toBe("");
    await expect.poll(() => page.locator(".device").count(), { timeout: 20_000 }).toBe(1);
    expect(await page.isVisible("#others-open"), "there is no other device to log out").toBe(false);

    const other = await logIn(service.origin, { ...person, password: "another fine password" });
    await page.reload();
    await page.click("#others-open");
    await page.keyboard.press("Escape");
    expect(await page.isVisible("#others-dialog")).toBe(false);
    await expect
      .poll(() => page.evaluate("document.activeElement.id"), { message: "the focus returns" })
      .toBe("others-open");
    await page.keyboard.press("Enter");
    await page.click("#others-button");
    await says("#devices-notice", "All other devices have been logged out.");
    expect((await readMe(service.origin, other.access_token)).status).toBe(401);
  });

  it("change the address, hand out the data, and delete the account", async () => {
    const person = await visitor.arriveAtHome();
    const page = visitor.page;
    const { email } = newPerson();
    await visitor.submit("address", { new_email: email, "address-password": "not my password at all" });
    await says("#address-password-error", "That's not your current password.");
    await page.fill("#address-password", person.password);
    await page.keyboard.press("Enter");
    await says("#address-notice", `We've sent an email to ${email}.`);
    await visitor.open(await mailedLink(service.origin, email, "confirm-email"));
    await page.click("#act-button");
    await visitor.sees("Email address changed");
    await page.click("#account");
    await says("#my-email", email);

    const download = page.waitForEvent("download");
    await page.click("#export-button");
    expect((await download).suggestedFilename()).toMatch(/^account-\d{4}-\d\d-\d\d\.json$/);
    await says("#export-notice", "Your data has been downloaded.");

    await page.click("#delete-open");
    await page.fill("#delete-password", "not my password at all");
    await page.keyboard.press("Enter");
    await says("#delete-password-error", "That's not your current password.");
    await page.click("#delete-cancel");
    await expect
      .poll(() => page.evaluate("document.activeElement.id"), { message: "the focus returns" })
      .toBe("delete-open");
    await page.click("#delete-open");
    expect(await page.inputValue("#delete-password"), "nothing typed stays behind").toBe("");
    await page.fill("#delete-password", person.password);
    await page.keyboard.press("Enter");
    await visitor.sees("Account deleted");
    expect((await post(service.origin, "/api/v1/auth/login", { email, password: person.password })).status).toBe(401);
  });

  // Which addresses the server allows is tested in test/pages/return-to.test.ts.
  it.each([
    ["/verify-email?a=b", "/verify-email?a=b&lang=en"],
    ["https://evil.example/", "/account?lang=en"],
  ])("go after the log-in to a page of this service, and nowhere else: with %s to %s", async (wish, expected) => {
    const person = await register(service.origin);
    const page = await visitor.arrive(`/login?return_to=${encodeURIComponent(wish)}`);
    await visitor.submit("login", { name: person.username, password: person.password });
    await page.waitForURL((url) => url.pathname !== "/login");
    expect(page.url()).toBe(`${service.origin}${expected}`);
  });

  it("show no form while registration is closed, and stop at a refusal that comes later", async () => {
    const page = await visitor.arrive("/register");
    for (const [policy, heading] of [
      ["invitation", "Registration is by invitation only"],
      ["closed", "Registration is closed"],
    ]) {
      await page.evaluate(`document.documentElement.dataset.registration = "${policy}"`);
      expect(await page.locator("h1:visible").allTextContents()).toEqual([heading]);
      expect(await page.locator("form.action:visible").count()).toBe(0);
    }
    await page.reload();
    await page.route("**/api/v1/auth/register", refusal(403, "registration_closed"));
    const { email, username, password } = newPerson();
    await visitor.submit("register", { email, username, password });
    await says("#register-error", "New accounts aren't being accepted right now.");
  });

  it("speak German if the browser does, and keep a link from an email when the user changes the language", async () => {
    const person = newPerson();
    expect((await post(service.origin, "/api/v1/auth/register", person)).status).toBe(202);
    const link = await mailedLink(service.origin, person.email, "verify-email");
    const page = await visitor.arrive(link, { locale: "de-DE" });
    await visitor.sees("Bestätigen Sie Ihre E\u2011Mail-Adresse");
    expect(await page.getAttribute("html", "lang")).toBe("de");
    await page.click("a.language[lang=en]");
    await visitor.sees("Verify your email address");
    expect(page.url(), "the token leaves the address bar").toBe(`${service.origin}/verify-email?lang=en`);
    await page.click("a.language[lang=de]");
    await visitor.sees("Bestätigen Sie Ihre E\u2011Mail-Adresse");
    await page.click("#act-button");
    await visitor.sees("E\u2011Mail-Adresse bestätigt");
    await page.click("#login");
    await page.waitForLoadState();
    await visitor.submit("login", { name: person.username, password: "nicht mein Passwort" });
    await says("#login-error", "E\u2011Mail-Adresse, Benutzername oder Passwort falsch.");
    await visitor.submit("login", { password: person.password });
    await visitor.sees("Ihr Konto");
    await visitor.submit("profile", { phone: "1234" });
    await says("#phone-error", "Geben Sie die Nummer mit Ländervorwahl ein");
  });

  it("keep the language and the user's destination, in either order", async () => {
    // A link to which the page's script has added `return_to`.
    const LED = '[href*="return_to"]';
    const person = await register(service.origin);
    const page = await visitor.arrive("/account");
    await visitor.sees("Log in");
    const parameters = () => Object.fromEntries(new URL(page.url()).searchParams);
    expect(parameters()).toEqual({ lang: "en", return_to: "/account" });
    await visitor.open(`/login?return_to=${encodeURIComponent("/account?a=b&c")}`);
    await page.click(`a.language[lang=de]${LED}`);
    await visitor.sees("Anmelden");
    await page.click(`a[href*="/register"]${LED}`);
    await visitor.sees("Konto erstellen");
    await page.click(`a.language[lang=en]${LED}`);
    await visitor.sees("Create an account");
    await page.click(`a[href*="/login"]${LED}:visible`);
    await visitor.sees("Log in");
    await page.click('a[href*="/reset-password"]');
    await visitor.sees("Forgot your password?");
    await page.click("a.language[lang=de]");
    await visitor.sees("Passwort vergessen?");
    await page.goBack();
    await page.goBack();
    await visitor.sees("Log in");
    await page.click(`a.language[lang=de]${LED}`);
    await visitor.sees("Anmelden");
    expect(parameters()).toEqual({ lang: "de", return_to: "/account?a=b&c" });
    await visitor.submit("login", { name: person.username, password: person.password });
    await visitor.sees("Ihr Konto");
    expect(parameters(), "the language goes along").toEqual({ a: "b", c: "", lang: "de" });
  });

  it.each(["login", "register"])(
    "lead a user on from /%s who is logged in, or who logs in in another window",
    async (path) => {
      const person = await register(service.origin);
      const page = await visitor.arrive(`/${path}?return_to=${encodeURIComponent("/account?a=b")}`);
      await page.locator("form.action:visible").waitFor();
      const other = await visitor.openWindow("/login");
      await visitor.submit("login", { name: person.username, password: person.password }, other);
      for (const window of [other, page]) await window.locator("#me", { hasText: person.username }).waitFor();
      expect(new URL(page.url()).searchParams.get("a")).toBe("b");
      await visitor.open(`/${path}?return_to=${encodeURIComponent("/account?c=d")}`);
      await page.waitForURL("**/account?c=d&lang=en");
      await visitor.open(`/${path}`);
      await page.waitForURL("**/account?lang=en");
    },
  );
});
