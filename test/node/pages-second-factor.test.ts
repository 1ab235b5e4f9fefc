import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { codeOf } from "../support/totp-code.ts";
import { addAuthenticator, CHROMIUM, refusal, useVisitor } from "./live-browser.ts";
import { logIn, outboxSchema, type Person, post, register } from "./live-person.ts";
import { useSharedService } from "./live-service.ts";

const FACTORS = "/api/v1/users/me/factors";
const totpSchema = z.object({ secret: z.string() });
const codesSchema = z.object({ recovery_codes: z.array(z.string()) });

describe.skipIf(!existsSync(CHROMIUM))("the log-in page, for a user with a second factor", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);

  /** A person with an authenticator app. */
  async function withApp() {
    const person = await register(service.origin);
    const { access_token: bearer } = await logIn(service.origin, person);
    const { secret } = totpSchema.parse(await (await post(service.origin, `${FACTORS}/totp`, {}, bearer)).json());
    // The login then uses the code of the next time step. Both codes are valid for at least half a minute.
    const code = await codeOf(secret);
    const confirmed = await post(service.origin, `${FACTORS}/totp/confirm`, { code }, bearer);
    const { recovery_codes: recoveryCodes } = codesSchema.parse(await confirmed.json());
    return { person, bearer, secret, recoveryCodes };
  }

  async function mailedCode(email: string): Promise<string> {
    for (;;) {
      const { items } = outboxSchema.parse(await (await fetch(`${service.origin}/dev/outbox`)).json());
      const texts = items.filter(({ to }) => to === email).map(({ text }) => /^Code: (\d{8})$/m.exec(text)?.[1]);
      const code = texts.find((found) => found !== undefined);
      if (code !== undefined) return code;
      await pause(200);
    }
  }

  async function givePassword({ email, password }: Person, path = "/login"): Promise<Page> {
    const page = await visitor.arrive(path);
    await visitor.submit("login", { name: email, password });
    return page;
  }

  const isAtHome = () => visitor.page.locator("#view-account").waitFor();

  it("asks for a code, by the keyboard alone, and says what is wrong with one", async () => {
    const { person, secret } = await withApp();
    const page = await givePassword(person, "/login?return_to=/account");
    await visitor.sees("Enter your code");
    await expect
      .poll(() => page.evaluate("document.activeElement.tagName"), { message: "the heading is announced" })
      .toBe("H1");
    expect(await page.inputValue("#password")).toBe("");
    expect(await page.locator('[data-way="passkey"]:visible').count(), "not a way of this user").toBe(0);
    await page.keyboard.press("Tab");
    await page.keyboard.type("12345");
    await page.keyboard.press("Enter");
    await visitor.reads("#totp-code-error", "Enter the six digits");
    await visitor.typeInto("#totp-code", "000 000");
    await page.keyboard.press("Enter");
    await visitor.reads("#totp-code-error", "Wrong code.");
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("totp-code");
    await page.keyboard.type(await codeOf(secret, 1));
    await page.keyboard.press("Enter");
    await isAtHome();
  });

  it("takes a recovery code instead, and only once", async () => {
    const { person, recoveryCodes } = await withApp();
    const [first = "", second = ""] = recoveryCodes;
    const spend = async (code: string) => {
      await visitor.page.click('[data-way="recovery_code"]:visible');
      await visitor.sees("Enter a recovery code");
      await visitor.submit("recovery_code", { "recovery-code": code });
    };
    await givePassword(person);
    await spend(first.toUpperCase());
    await isAtHome();
    const page = await givePassword(person);
    await spend(first);
    await visitor.reads("#recovery-code-error", "was used before");
    await page.fill("#recovery-code", second);
    await page.click("#recovery_code-button");
    await isAtHome();
  });

  it("emails a code to a user who has chosen that on the account page, until there is a stronger factor", async () => {
    const person = await register(service.origin);
    const page = await givePassword(person, "/login?return_to=/account");
    await isAtHome();
    await page.click("#email-codes-open");
    await page.click("#codes-done");
    await visitor.reads("#security-notice", "you'll also need a code from an email");
    expect(await page.isVisible("#email-codes"), "offered once").toBe(false);
    await page.context().clearCookies();

    await visitor.open("/login?return_to=/account");
    await visitor.submit("login", { name: person.email, password: person.password });
    await visitor.sees("Get a code by email");
    expect(await page.isVisible("#emailed-code"), "before it is sent").toBe(false);
    await page.click("#send-code-button");
    await visitor.reads("#send-code-notice", "We've sent you an email.");
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("emailed-code");
    expect(await page.getAttribute("#emailed-code", "autocomplete")).toBe("one-time-code");
    expect(await page.textContent("#send-code-button")).toBe("Send again");
    await visitor.submit("email-code", { "emailed-code": "1234" });
    await visitor.reads("#emailed-code-error", "Enter the eight digits");
    const code = await mailedCode(person.email);
    await visitor.submit("email-code", { "emailed-code": code === "00000000" ? "00000001" : "00000000" });
    await visitor.reads("#emailed-code-error", "Wrong code.");
    await visitor.submit("email-code", { "emailed-code": `${code.slice(0, 4)} ${code.slice(4)}` });
    await isAtHome();

    await page.click("#app-open");
    const secret = (await page.locator("#secret:not(:empty)").textContent()) ?? "";
    await visitor.submit("app", { "app-code": await codeOf(secret.replaceAll(/\s/g, "")) });
    await page.click("#codes-done");
    await page.getByText("has been added").waitFor();
    expect(await page.locator("#factors li").count(), "the app alone").toBe(1);
  });

  it("trusts the device if the user wants that, and then asks for the password alone", async () => {
    const { person, bearer, secret } = await withApp();
    const page = await givePassword(person);
    await visitor.sees("Enter your code");
    await visitor.page.getByText("Trust this device for 30 days").filter({ visible: true }).click();
    await visitor.submit("totp", { "totp-code": await codeOf(secret, 1) });
    await isAtHome();
    const path = `${service.origin}/api/v1/users/me/trusted-devices`;
    const devices = await (await fetch(path, { headers: { Authorization: `Bearer ${bearer}` } })).json();
    expect(devices).toMatchObject({ items: [{ current: false }] });
    const cookies = await page.context().cookies();
    await page.context().clearCookies();
    await page.context().addCookies(cookies.filter(({ name }) => name.includes("trusted_device")));
    await visitor.open("/login");
    await visitor.submit("login", { name: person.email, password: person.password });
    await isAtHome();
  });

  it("says how long to wait, and asks for the password again once the login has expired", async () => {
    const { person } = await withApp();
    const page = await givePassword(person);
    await visitor.sees("Enter your code");
    const path = "**/api/v1/auth/second-factor";
    await page.route(path, refusal(429, "rate_limited", { "Retry-After": "40" }), { times: 1 });
    await visitor.submit("totp", { "totp-code": "000000" });
    await visitor.reads("#totp-error", "Too many attempts. Please try again in 40 seconds.");
    await page.route(path, refusal(401, "invalid_pending_token"), { times: 1 });
    await page.click("#totp-button");
    await visitor.sees("Log in");
    await visitor.reads("#login-error", "Enter your password again.");
    expect(await page.inputValue("#name")).toBe(person.email);
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("password");
  });

  it("logs in with a passkey, alone or after the password", async () => {
    const person = await register(service.origin);
    const { access_token: bearer } = await logIn(service.origin, person);
    const page = await visitor.arrive();
    // Another test covers suggestions in the name field.
    await page.addInitScript("delete PublicKeyCredential.isConditionalMediationAvailable");
    await visitor.open("/login");
    const authenticator = await addAuthenticator(page);
    const options = await (await post(service.origin, `${FACTORS}/passkeys/options`, undefined, bearer)).json();
    const made = `PublicKeyCredential.parseCreationOptionsFromJSON(${JSON.stringify(options)})`;
    const credential = await page.evaluate(
      `navigator.credentials.create({ publicKey: ${made} }).then((made) => made.toJSON())`,
    );
    expect((await post(service.origin, `${FACTORS}/passkeys`, { credential }, bearer)).status).toBe(201);

    await page.click("#passkey-login-button");
    await isAtHome();
    await page.context().clearCookies();
    await visitor.open("/login");
    await visitor.submit("login", { name: person.email, password: person.password });
    await visitor.sees("Use your passkey");
    expect(await page.locator('[data-way="recovery_code"]:visible').count()).toBe(1);
    await page.click("#passkey-button");
    await isAtHome();

    await page.context().clearCookies();
    await visitor.open("/login");
    await authenticator.clear();
    await page.click("#passkey-login-button");
    await visitor.reads("#passkey-login-error", "No passkey was used.");
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("passkey-login-button");
  });

  it("offers no passkey in a browser that has none", async () => {
    const { person } = await withApp();
    const page = await visitor.arrive();
    await page.addInitScript("delete window.PublicKeyCredential");
    await visitor.open("/login");
    expect(await page.isVisible("#passkey-login")).toBe(false);
    const factors = ["passkey", "recovery_code"];
    const json = { code: "second_factor_required", pending_token: "ppt_x", factors };
    await page.route("**/api/v1/auth/login", (route) =>
      route.fulfill({ status: 403, contentType: "application/problem+json", json }),
    );
    await visitor.submit("login", { name: person.email, password: person.password });
    await visitor.sees("Enter a recovery code");
    expect(await page.locator("[data-way]:visible").count()).toBe(0);
  });
});
