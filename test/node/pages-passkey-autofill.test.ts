import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { addAuthenticator, CHROMIUM, hold, refusal, useVisitor } from "./live-browser.ts";
import { useSharedService } from "./live-service.ts";

const OPTIONS = "/api/v1/auth/passkey/options";
const MINUTE = 60_000;

describe.skipIf(!existsSync(CHROMIUM))("passkeys among the suggestions of the name field", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);

  const isAtHome = () => visitor.page.locator("#view-account").waitFor();
  const asked = () => visitor.requests.filter(({ url }) => url.endsWith(OPTIONS)).length;
  const hasAsked = (times: number) => expect.poll(asked, { timeout: 20_000 }).toBe(times);

  /** A person who has added a passkey and logged out. The browser suggests the passkey, but they don't choose it. */
  async function withPasskey() {
    const person = await visitor.arriveAtHome();
    const { page } = visitor;
    const authenticator = await addAuthenticator(page);
    await page.click("#passkey-open");
    await page.click("#codes-done");
    await page.locator("#security-notice:not(:empty)").waitFor();
    await authenticator.setPresence(false);
    await page.context().clearCookies();
    return { person, page, authenticator };
  }

  async function openLogin() {
    visitor.requests.length = 0;
    await visitor.open("/login");
    await hasAsked(1);
  }

  it("log in when the user chooses one, without a password or a button", async () => {
    const { page, authenticator } = await withPasskey();
    await openLogin();
    expect(await page.getAttribute("#name", "autocomplete")).toBe("username webauthn");
    await authenticator.setPresence(true);
    await page.reload();
    await isAtHome();
  });

  it("give way to the password, and to the passkey of its second step", async () => {
    const { person, page, authenticator } = await withPasskey();
    await openLogin();
    await visitor.submit("login", { name: person.email, password: "not my password at all" });
    await visitor.reads("#login-error", "Wrong email, username or password.");
    await hasAsked(2);
    await visitor.submit("login", { password: person.password });
    await visitor.sees("Use your passkey");
    expect(asked(), "not for the second step, which has a button").toBe(2);
    await authenticator.setPresence(true);
    await page.click("#passkey-button");
    await isAtHome();
  });

  it("give way to the button, and come back after a refusal", async () => {
    const { page, authenticator } = await withPasskey();
    await openLogin();
    await page.route("**/api/v1/auth/passkey", refusal(401, "invalid_passkey"), { times: 1 });
    await authenticator.setVerified(false);
    // Chromium's authenticator checks once per passkey request whether a user is present. So the user must appear after
    // the page has ended the name field's request, and before the page begins the button's request.
    const asking = await hold(page, "request", `**${OPTIONS}`);
    await page.click("#passkey-login-button");
    await asking.arrived;
    await authenticator.setPresence(true);
    asking.release();
    await visitor.reads("#passkey-login-error", "No passkey was used.");
    await hasAsked(3);
    // Leave this page first: its request for a passkey may still be open, and would block that of the next page.
    await page.goto("about:blank");
    await authenticator.setVerified(true);
    await visitor.open("/login");
    // The service refuses the first choice, and accepts the next one.
    await isAtHome();
    expect(visitor.requests.filter(({ url }) => url.endsWith("/auth/passkey"))).toHaveLength(2);
  });

  it("are forgotten by the device if the service does not have them", async () => {
    const { page, authenticator } = await withPasskey();
    const body = JSON.stringify({ code: "invalid_passkey", reason: "unknown_credential" });
    const unknown = { status: 401, contentType: "application/problem+json", body };
    await page.route("**/api/v1/auth/passkey", (route) => route.fulfill(unknown), { times: 1 });
    await authenticator.setPresence(true);
    await visitor.open("/login");
    await visitor.reads("#passkey-login-error", "This passkey wasn't accepted.");
    await expect.poll(authenticator.passkeys).toEqual([]);
  });

  it("get a new challenge before the old one expires", async () => {
    const { page, authenticator } = await withPasskey();
    await page.clock.install();
    let answers = 0;
    page.on("response", (response) => {
      if (response.url().endsWith(OPTIONS)) answers += 1;
    });
    await openLogin();
    // The clock moves in small steps, because the page counts the time from the answer and not from the request.
    const askedAfterMinutes = async () => {
      await expect.poll(() => answers).toBe(asked());
      const [from, before] = [await page.evaluate<number>("Date.now()"), asked()];
      for (let step = 0; asked() === before && step < 40; step++) {
        await page.clock.fastForward(MINUTE / 4);
        // Gives the page time for a new request, because it ends its previous request first.
        await pause(50);
      }
      return ((await page.evaluate<number>("Date.now()")) - from) / MINUTE;
    };
    expect(await askedAfterMinutes()).toBeLessThan(5);
    await expect.poll(() => answers).toBe(asked());
    await page.route(`**${OPTIONS}`, refusal(503, "unavailable"), { times: 1 });
    expect(await askedAfterMinutes()).toBeLessThan(5);
    // If the page gets no challenge, the password still works.
    await authenticator.setPresence(true);
    await page.click("#passkey-login-button");
    await isAtHome();
  });

  it("are not asked for in a browser that can't suggest them", async () => {
    const person = await visitor.arriveAtHome();
    const { page } = visitor;
    await page.context().clearCookies();
    await page.addInitScript("PublicKeyCredential.isConditionalMediationAvailable = async () => false");
    visitor.requests.length = 0;
    await visitor.logIn(person);
    expect(asked()).toBe(0);
  });
});
