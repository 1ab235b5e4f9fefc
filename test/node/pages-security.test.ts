import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { codeOf } from "../support/totp-code.ts";
import { addAuthenticator, CHROMIUM, refusal, useVisitor } from "./live-browser.ts";
import { logIn, type Person, post, readMe } from "./live-person.ts";
import { useSharedService } from "./live-service.ts";

const FACTORS = "/api/v1/users/me/factors";
const APP = `**${FACTORS}/totp`;
const totpSchema = z.object({ secret: z.string() });
const refusedSchema = z.object({ code: z.string(), factors: z.array(z.string()).optional() });

describe.skipIf(!existsSync(CHROMIUM))("the security of an account, on its page,", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);

  const text = (selector: string) => visitor.page.textContent(selector);
  const says = (selector: string, words: string | RegExp) => visitor.reads(selector, words);
  const focused = () => visitor.page.evaluate("document.activeElement.id");

  const isOpen = (dialog: string) => visitor.page.locator(`#${dialog}-dialog[open]`).waitFor();
  const rows = () => visitor.page.locator("#factors .device-name strong").allTextContents();
  const rowButton = (label: string) => visitor.page.locator(`#factors button[aria-label="${label}"]`);

  /** Waits until an event has passed through the queue and is in the list of a newly opened page. */
  async function happened(event: string): Promise<void> {
    await expect
      .poll(
        async () => {
          await visitor.page.reload();
          await visitor.page.locator("#view-account").waitFor();
          return text("#events");
        },
        { timeout: 20_000 },
      )
      .toContain(event);
  }

  /** Sends a login with the right password. Returns the refusal that asks for a second factor. */
  async function refusedLogin({ email, password }: Person) {
    const answer = await post(service.origin, "/api/v1/auth/login", { email, password });
    return refusedSchema.parse(await answer.json());
  }

  /** Adds an app with the API, as from another device. Returns its secret. */
  async function addApp(bearer: string) {
    const { secret } = totpSchema.parse(await (await post(service.origin, `${FACTORS}/totp`, {}, bearer)).json());
    const code = await codeOf(secret);
    expect((await post(service.origin, `${FACTORS}/totp/confirm`, { code }, bearer)).status).toBe(200);
    return secret;
  }

  /** Adds an app on the page, up to the recovery codes. Returns its secret. */
  async function addAppHere(): Promise<string> {
    await visitor.page.click("#app-open");
    await isOpen("app");
    const secret = ((await text("#secret")) ?? "").replaceAll(" ", "");
    await visitor.submit("app", { "app-code": await codeOf(secret) });
    await isOpen("codes");
    return secret;
  }

  it("asks a user without a password for none, and sets the first one", async () => {
    await visitor.arriveAtHome();
    const { page } = visitor;
    const factors = { items: [], recovery_codes_left: 0, has_password: false, required_from: null };
    await page.route(`**${FACTORS}`, (route) => route.fulfill({ json: factors }));
    const sent: unknown[] = [];
    for (const path of ["change-password", "me/email", "me"]) {
      await page.route(`**/api/v1/users/${path}`, async (route) => {
        const request = route.request();
        if (request.method() === "GET") return route.fallback();
        sent.push(request.postDataJSON());
        const isDeletion = request.method() === "DELETE";
        return isDeletion ? refusal(403, "reauthentication_required")(route) : route.fulfill({ status: 204 });
      });
    }
    await page.reload();
    await says("#change-text", "Your account has no password.");
    for (const field of ["current_password", "address-password"]) expect(await page.isVisible(`#${field}`)).toBe(false);

    await visitor.submit("address", { new_email: "ada@example.org" });
    await says("#address-notice", "We've sent an email");
    // The user has no second factor either, and so can't confirm the request on this page.
    await page.click("#delete-open");
    expect(await page.isVisible("#delete-password")).toBe(false);
    await page.click("#delete-button");
    await isOpen("confirm");
    await says("#confirm-text", "Log out, then log in again.");
    expect(await page.isVisible("#confirm-current")).toBe(false);
    await expect.poll(focused).toBe("confirm-cancel");
    await page.keyboard.press("Enter");
    await page.click("#delete-cancel");

    await visitor.submit("change", { new_password: "another fine password" });
    await says("#change-notice", "Password set.");
    expect(sent).toEqual([{ email: "ada@example.org" }, {}, { new_password: "another fine password" }]);
    await page.locator("#current_password:visible").waitFor();
    expect(await text("#change-button")).toBe("Change password");
  });

  it("adds an authenticator app by the keyboard alone, shows the recovery codes once, and lets both log in", async () => {
    const person = await visitor.arriveAtHome({ permissions: ["clipboard-read", "clipboard-write"] });
    const { page } = visitor;
    const elsewhere = await logIn(service.origin, person);
    await says("#no-factors", "You have no second factor yet.");
    expect(await page.isVisible("#recovery")).toBe(false);

    await visitor.tabTo("#app-open");
    await page.keyboard.press("Enter");
    await isOpen("app");
    await expect.poll(focused, { message: "the dialog is read from its heading" }).toBe("app-heading");
    const shownSecret = (await text("#secret")) ?? "";
    expect(shownSecret).toMatch(/^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/);
    expect(await page.locator("#qr path").getAttribute("d")).toMatch(/^M\d+,\d+h/);
    await visitor.tabTo("#secret-copy");
    await page.keyboard.press("Enter");
    await says("#secret-notice", "Key copied.");
    const secret = await page.evaluate<string>("navigator.clipboard.readText()");
    expect(secret).toBe(shownSecret.replaceAll(" ", ""));
    await visitor.typeInto("#app-code", "12 34");
    await page.keyboard.press("Enter");
    await says("#app-code-error", "Enter the six digits");
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type("000000");
    await page.keyboard.press("Enter");
    await says("#app-code-error", "Wrong code.");
    await visitor.typeInto("#app-name", "Ada's phone");
    await visitor.tabTo("#app-cancel");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await expect.poll(focused).toBe("app-code");
    await page.keyboard.type(await codeOf(secret));
    await page.keyboard.press("Enter");

    await isOpen("codes");
    await expect.poll(focused).toBe("codes-heading");
    expect(await text("#secret"), "the secret has left the page").toBe("");
    expect(await page.locator("#qr *").count()).toBe(0);
    const codes = await page.locator("#codes-list code").allTextContents();
    expect(codes).toHaveLength(10);
    await page.keyboard.press("Escape");
    expect(await page.isVisible("#codes-list"), "Escape does not lose them").toBe(true);
    await page.click("#codes-copy");
    await says("#codes-notice", "Codes copied.");
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe(codes.join("\n"));
    const download = page.waitForEvent("download");
    await page.click("#codes-download");
    const file = await download;
    expect(file.suggestedFilename()).toBe("recovery-codes.txt");
    const [title, note, , ...kept] = readFileSync(await file.path(), "utf8")
      .trim()
      .split("\n");
    expect(title).toMatch(new RegExp(`recovery codes of ${person.email}$`));
    expect(note).toContain("Each code works once.");
    expect(kept).toEqual(codes);
    // Checks how the page looks when it is printed.
    await page.evaluate("window.print = () => {}");
    await page.click("#codes-print");
    await page.emulateMedia({ media: "print" });
    expect(await page.locator(".sheet code").allTextContents()).toEqual(codes);
    expect(await page.isVisible("#view-account"), "nothing else is printed").toBe(false);
    await page.emulateMedia({ media: "screen" });
    await page.evaluate("dispatchEvent(new Event('afterprint'))");
    expect(await page.locator(".sheet").count()).toBe(0);
    await visitor.tabTo("#codes-done");
    await page.keyboard.press("Enter");

    await says("#security-notice", "“Ada's phone” has been added.");
    await expect.poll(focused, { message: "the focus is not lost" }).toBe("security-title");
    expect(await page.content()).not.toContain(codes[0]);
    await expect.poll(rows).toEqual(["Ada's phone"]);
    await says("#factors .quiet", /^Added .* · Last used /);
    await says("#recovery-left", "Codes left: 10");
    // The page offers to log out all other devices, because another person may be logged in on one.
    await page.click("#offer-button");
    await page.click("#others-button");
    await says("#devices-notice", "All other devices have been logged out.");
    expect(await page.isVisible("#offer")).toBe(false);
    expect((await readMe(service.origin, elsewhere.access_token)).status).toBe(401);

    await happened("Authenticator app added");
    for (const code of codes) expect(await page.content()).not.toContain(code);
    await page.context().clearCookies();
    await visitor.open("/login");
    await visitor.submit("login", { name: person.email, password: person.password });
    await visitor.submit("totp", { "totp-code": await codeOf(secret, 1) });
    await page.locator("#view-account").waitFor();
  });

  it("adds a passkey, names it anew, does not add it twice, and removes it", async () => {
    const person = await visitor.arriveAtHome();
    const { page } = visitor;
    const authenticator = await addAuthenticator(page);
    await page.click("#passkey-open");
    await isOpen("codes");
    await page.click("#codes-done");
    await says("#security-notice", /^The passkey “.+” has been added\.$/);
    expect(await page.isVisible("#offer"), "there is no other device").toBe(false);
    await expect.poll(rows).toHaveLength(1);
    const [name = ""] = await rows();
    const [passkey] = await authenticator.passkeys();
    expect(passkey).toMatchObject({ isResidentCredential: true, userName: person.email });

    await page.click("#passkey-open");
    // The session began without a factor, so the page asks for one.
    await page.click("#confirm-passkey-button");
    await says("#security-error", "This device already has a passkey for your account.");
    await expect.poll(focused).toBe("passkey-open");

    await rowButton(`Rename ${name}`).click();
    await isOpen("rename");
    expect(await page.inputValue("#factor-name")).toBe(name);
    await page.fill("#factor-name", "  ");
    await page.keyboard.press("Enter");
    await says("#factor-name-error", "Enter a name.");
    await page.keyboard.press("Escape");
    await expect
      .poll(() => page.evaluate("document.activeElement.textContent"), { message: "the focus returns" })
      .toBe("Rename");
    await page.keyboard.press("Enter");
    await visitor.submit("rename", { "factor-name": "Laptop" });
    await says("#security-notice", "The new name is “Laptop”.");
    await expect.poll(rows).toEqual(["Laptop"]);
    await says("#factors .badge", "Passkey");

    await page.context().clearCookies();
    // The virtual authenticator confirms the suggestion at once.
    await visitor.open("/login");
    await page.locator("#view-account").waitFor();
    await visitor.submit("profile", { username: `${person.username}-b` });
    await expect
      .poll(authenticator.passkeys, { message: "the device shows the new name" })
      .toEqual([expect.objectContaining({ userName: person.email, userDisplayName: `${person.username}-b` })]);
    await rowButton("Remove Laptop").click();
    await isOpen("remove");
    await says("#remove-heading", "Remove “Laptop”?");
    await says("#remove-text", "This is your only second factor.");
    await page.click("#remove-cancel");
    await rowButton("Remove Laptop").click();
    await page.click("#remove-button");
    await says("#security-notice", "“Laptop” has been removed.");
    await expect.poll(focused).toBe("security-title");
    await says("#no-factors", "You have no second factor yet.");
    await expect.poll(authenticator.passkeys, { message: "the device has forgotten it too" }).toEqual([]);
    await happened("Passkey removed");
    expect((await logIn(service.origin, person)).access_token, "the password is enough again").not.toBe("");
  });

  it("says what is in the way of a passkey: the user, the device, the browser, the service", async () => {
    await visitor.arriveAtHome();
    const { page } = visitor;
    const authenticator = await addAuthenticator(page);
    await authenticator.setVerified(false);
    await page.click("#passkey-open");
    await says("#security-error", "No passkey was created.");
    const failWith = (name: string) =>
      page.evaluate(
        `CredentialsContainer.prototype.create = async () => { throw new DOMException("", ${JSON.stringify(name)}) }`,
      );
    await failWith("NotSupportedError");
    await page.click("#passkey-open");
    await says("#security-error", "This device can't create a passkey for this site.");
    for (const [status, code, words] of [
      [403, "invalid_passkey", "The passkey wasn't accepted."],
      [409, "too_many_factors", "You've reached the limit of 20 second factors."],
      [429, "rate_limited", "Too many attempts."],
    ] as const) {
      await page.route(`**${FACTORS}/passkeys/options`, refusal(status, code), { times: 1 });
      await page.click("#passkey-open");
      await says("#security-error", words);
    }
    await page.addInitScript("delete window.PublicKeyCredential");
    await page.reload();
    await page.locator("#view-account").waitFor();
    await page.click("#passkey-open");
    await says("#security-error", "This browser doesn't support passkeys.");
    expect(await authenticator.passkeys()).toEqual([]);
  });

  it("removes the password, where the user can log in without it, and keeps the last passkey then", async () => {
    const person = await visitor.arriveAtHome();
    const { page } = visitor;
    await addAuthenticator(page);
    await page.click("#passkey-open");
    await page.click("#codes-done");
    await says("#security-notice", "has been added.");
    await expect.poll(rows).toHaveLength(1);
    const [name = ""] = await rows();
    await page.click("#unset-open");
    await says("#unset", "You'll be logged out on all other devices.");
    await page.click("#unset-button");
    await says("#unset-password-error", "Enter your password.");
    await visitor.submit("unset", { "unset-password": "not my password at all" });
    // The session began without a factor, so the page asks for one.
    await page.click("#confirm-passkey-button");
    await says("#unset-password-error", "That's not your current password.");
    await page.click("#unset-cancel");
    await page.click("#unset-open");
    expect(await page.inputValue("#unset-password"), "nothing typed stays behind").toBe("");
    await page.route("**/api/v1/users/me/password", refusal(409, "last_login_method"), { times: 1 });
    await visitor.submit("unset", { "unset-password": person.password });
    await says("#unset-error", "Your password is your only way to log in.");
    await page.click("#unset-button");
    await says("#security-notice", "Your password has been removed.");
    expect(await page.inputValue("#unset-password")).toBe("");
    await expect.poll(focused).toBe("security-title");
    expect(await page.isVisible("#unset-open")).toBe(false);
    expect(await page.isVisible("#current_password")).toBe(false);
    expect((await post(service.origin, "/api/v1/auth/login", person)).status).not.toBe(200);

    await page.route(`**${FACTORS}/*`, refusal(409, "last_login_method"), { times: 1 });
    await rowButton(`Remove ${name}`).click();
    await says("#remove-text", "a link that we email you is enough to log in");
    await page.click("#remove-button");
    await says("#remove-error", "This passkey is your only way to log in.");
    await page.click("#remove-cancel");

    await visitor.submit("change", { new_password: "another fine password" });
    await says("#change-notice", "Password set.");
    await page.locator("#unset-open:visible").waitFor();
    await happened("Password removed");
  });

  it("creates new recovery codes, and warns when few are left", async () => {
    await visitor.arriveAtHome();
    const { page } = visitor;
    const secret = await addAppHere();
    const first = await page.locator("#codes-list code").allTextContents();
    await page.click("#codes-done");
    await says("#security-notice", "has been added.");
    expect(await page.isVisible("#recovery-low")).toBe(false);
    let left = 4;
    await page.route(`**${FACTORS}`, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), recovery_codes_left: left } });
    });
    for (const isLow of [false, true]) {
      await page.reload();
      await says("#recovery-left", `Codes left: ${left}`);
      expect(await page.isVisible("#recovery-low"), String(left)).toBe(isLow);
      left -= 1;
    }
    await page.unroute(`**${FACTORS}`);
    await page.click("#renew-open");
    await says("#renew", "The codes that you have now stop working at once.");
    await page.click("#renew-button");
    await visitor.submit("confirm-totp", { "confirm-code": await codeOf(secret, 1) });
    await isOpen("codes");
    const second = await page.locator("#codes-list code").allTextContents();
    expect(second.filter((code) => first.includes(code))).toEqual([]);
    await page.click("#codes-done");
    await says("#security-notice", "New recovery codes have been created.");
    await says("#recovery-left", "Codes left: 10");
  });

  it("asks for the password again where the service demands it, then does what was asked for", async () => {
    const person = await visitor.arriveAtHome();
    const { page } = visitor;
    const demand = refusal(403, "reauthentication_required");
    await page.route(APP, demand, { times: 1 });
    await page.click("#app-open");
    await isOpen("confirm");
    await expect.poll(focused).toBe("confirm-current");
    await page.keyboard.press("Enter");
    await says("#confirm-current-error", "Enter your password.");
    await page.keyboard.type("not my password at all");
    await page.keyboard.press("Enter");
    await says("#confirm-current-error", "That's not your current password.");
    await page.keyboard.press("Escape");
    await says("#security-error", "This wasn't done, because you didn't confirm that it's you.");
    await expect.poll(focused).toBe("app-open");

    await page.route(APP, demand, { times: 1 });
    await page.click("#app-open");
    expect(await page.inputValue("#confirm-current"), "nothing typed stays behind").toBe("");
    await visitor.submit("confirm-password", { "confirm-current": person.password });
    await isOpen("app");
    expect(await page.isVisible("#confirm-dialog")).toBe(false);
  });

  it("asks for the second factor instead if there is one: a code, or a passkey", async () => {
    const person = await visitor.arriveAtHome();
    const { page } = visitor;
    const authenticator = await addAuthenticator(page);
    const { access_token } = await logIn(service.origin, person);
    // This session began before the user had a factor, so the page asks for the factor.
    const secret = await addApp(access_token);
    await page.click("#passkey-open");
    await isOpen("confirm");
    await says("#confirm-text", "Use your second factor to continue.");
    expect(await page.isVisible("#confirm-password"), "the password is not enough").toBe(false);
    await expect.poll(focused).toBe("confirm-code");
    await page.keyboard.type("1");
    await page.keyboard.press("Enter");
    await says("#confirm-code-error", "Enter the six digits");
    await page.fill("#confirm-code", "000000");
    await page.keyboard.press("Enter");
    await says("#confirm-code-error", "Wrong code.");
    await page.fill("#confirm-code", await codeOf(secret, 1));
    await page.keyboard.press("Enter");
    await says("#security-notice", /^The passkey “.+” has been added\.$/);

    await page.route("**/api/v1/users/me/recovery-codes", refusal(403, "reauthentication_required"), { times: 1 });
    await page.click("#renew-open");
    await page.click("#renew-button");
    await isOpen("confirm");
    await authenticator.setVerified(false);
    await page.click("#confirm-passkey-button");
    await says("#confirm-passkey-error", "No passkey was used.");
    await authenticator.setVerified(true);
    await page.click("#confirm-passkey-button");
    await isOpen("codes");
    await page.click("#codes-done");
    await says("#security-notice", "New recovery codes have been created.");
    expect((await refusedLogin(person)).factors).toEqual(expect.arrayContaining(["totp", "passkey"]));
  });

  it("asks for the factor that was added since it asked for the password", async () => {
    const person = await visitor.arriveAtHome();
    const { page } = visitor;
    await page.route(APP, refusal(403, "reauthentication_required"), { times: 1 });
    await page.route(`**${FACTORS}`, refusal(503, "unavailable"), { times: 1 });
    await addApp((await logIn(service.origin, person)).access_token);
    await page.click("#app-open");
    await isOpen("confirm");
    await visitor.submit("confirm-password", { "confirm-current": person.password });
    await page.locator("#confirm-totp:visible").waitFor();
    await expect.poll(focused).toBe("confirm-code");
    expect(await page.isVisible("#confirm-password")).toBe(false);
  });

  it("names the day from which a second factor is required, and counts the days", async () => {
    await visitor.arriveAtHome();
    const { page } = visitor;
    let requiredFrom: string | null = null;
    await page.route(`**${FACTORS}`, (route) =>
      route.fulfill({ json: { items: [], recovery_codes_left: 0, required_from: requiredFrom } }),
    );
    const shown = async (from: string | null) => {
      requiredFrom = from;
      await page.reload();
      await page.locator("#view-account").waitFor();
      return (await page.isVisible("#factors-required")) ? text("#factors-required") : "";
    };
    const DAY = 86_400_000;
    expect(await shown(null)).toBe("");
    expect(await shown(new Date(Date.now() + 5 * DAY - 60_000).toISOString())).toContain("You have 5 days left");
    expect(await shown(new Date(Date.now() - DAY).toISOString())).toContain("Add one now.");
  });

  it("says what fails in a dialog, and takes what is gone for removed", async () => {
    const person = await visitor.arriveAtHome();
    const { page } = visitor;
    await addAppHere();
    await page.click("#codes-done");
    const id = `**${FACTORS}/*`;
    const busy = refusal(503, "unavailable", { "Retry-After": "5" });
    const gone = refusal(404, "not_found");
    await rowButton("Rename Authenticator app").click();
    for (const [answer, words] of [
      [busy, "Something went wrong on our side."],
      [gone, "This second factor no longer exists."],
    ] as const) {
      await page.route(id, answer, { times: 1 });
      await visitor.submit("rename", { "factor-name": "Phone" });
      await says("#rename-error", words);
    }
    await page.keyboard.press("Escape");
    await rowButton("Remove Authenticator app").click();
    await page.route(id, busy, { times: 1 });
    await page.click("#remove-button");
    await says("#remove-error", "Something went wrong on our side.");
    await page.route(id, gone, { times: 1 });
    await page.click("#remove-button");
    await says("#security-notice", "“Authenticator app” has been removed.");
    await page.route("**/api/v1/users/me/recovery-codes", busy, { times: 1 });
    await page.click("#renew-open");
    await page.click("#renew-button");
    await says("#renew-error", "Something went wrong on our side.");
    await page.keyboard.press("Escape");
    await page.route(APP, busy, { times: 1 });
    await page.click("#app-open");
    await says("#security-error", "Something went wrong on our side.");
    for (const url of [`**${FACTORS}`, "**/api/v1/users/me/security-events*"]) await page.route(url, busy);
    await page.reload();
    await says("#security-error", "Something went wrong on our side.");
    await says("#events-error", "Something went wrong on our side.");
    expect((await refusedLogin(person)).code).toBe("second_factor_required");
  });

  it("shows older activity on request", async () => {
    const person = await visitor.arriveAtHome();
    const { page } = visitor;
    for (let turn = 0; turn < 6; turn++) await logIn(service.origin, person);
    const count = () => page.locator("#events .event").count();
    await expect
      .poll(
        async () => {
          await page.reload();
          await page.locator("#view-account").waitFor();
          return page.isVisible("#events-more");
        },
        { timeout: 20_000 },
      )
      .toBe(true);
    expect(await count()).toBe(5);
    await page.click("#events-more");
    await expect.poll(count).toBeGreaterThan(5);
    await expect.poll(() => page.evaluate("document.activeElement.id")).toMatch(/^events-(more|title)$/);
    await says("#events .event >> nth=0", /Logged in/);
  });
});
