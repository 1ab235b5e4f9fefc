import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { codeOf } from "../support/totp-code.ts";
import { addAuthenticator, CHROMIUM, PHONE, refusal, useVisitor } from "./live-browser.ts";
import { type Person, register } from "./live-person.ts";
import { useService } from "./live-service.ts";

describe.skipIf(!existsSync(CHROMIUM))("the log-in page, where everyone must have a second factor", () => {
  const service = useService(["RATE_LIMITING:off", "SECOND_FACTOR:required", "SECOND_FACTOR_GRACE_DAYS:0"]);
  const visitor = useVisitor(service);

  async function givePassword({ email, password }: Person, options = {}) {
    const page = await visitor.arrive("/login", options);
    await visitor.submit("login", { name: email, password });
    await visitor.sees("Set up a second factor");
    return page;
  }

  const focused = () => visitor.page.evaluate("document.activeElement.id || document.activeElement.tagName");
  const shownSecret = async () => ((await visitor.page.textContent("#secret")) ?? "").replaceAll(" ", "");

  it("sets up an app by the keyboard alone, shows the recovery codes, and leads on", async () => {
    const person = await register(service.origin);
    const page = await givePassword(person);
    await expect.poll(focused, { message: "the heading is announced" }).toBe("H1");
    expect(await page.inputValue("#password")).toBe("");
    expect(await page.locator("#qr path").getAttribute("d")).toMatch(/^M\d+,\d+h/);
    const secret = await shownSecret();
    await visitor.typeInto("#app-code", "000000");
    await page.keyboard.press("Enter");
    await visitor.reads("#app-code-error", "Wrong code.");
    await page.keyboard.type(await codeOf(secret));
    await page.keyboard.press("Enter");
    await visitor.sees("Save your recovery codes");
    await expect.poll(focused).toBe("H1");
    expect(await shownSecret(), "the secret has left the page").toBe("");
    const codes = await page.locator("#codes-list code").allTextContents();
    expect(codes).toHaveLength(10);
    const download = page.waitForEvent("download");
    await page.click("#codes-download");
    expect((await download).suggestedFilename()).toBe("recovery-codes.txt");
    await visitor.tabTo("#codes-done");
    await page.keyboard.press("Enter");
    await page.locator("#view-account").waitFor();

    await visitor.arrive("/login");
    await visitor.submit("login", { name: person.email, password: person.password });
    await visitor.sees("Enter your code");
    await visitor.submit("totp", { "totp-code": await codeOf(secret, 1) });
    await visitor.page.locator("#view-account").waitFor();
  });

  it("sets up a passkey on a phone, and says why there is none", async () => {
    const page = await givePassword(await register(service.origin), { viewport: PHONE });
    const authenticator = await addAuthenticator(page);
    await authenticator.setVerified(false);
    await page.click("#new-passkey-button");
    await visitor.reads("#new-passkey-error", "No passkey was created.");
    await expect.poll(focused).toBe("new-passkey-button");
    await authenticator.setVerified(true);
    await page.click("#new-passkey-button");
    await visitor.sees("Save your recovery codes");
    expect(await authenticator.passkeys()).toHaveLength(1);
    await page.click("#codes-done");
    await page.locator("#view-account").waitFor();
  });

  it("asks for the password again once the login has expired, or can't go on", async () => {
    const person = await register(service.origin);
    const page = await givePassword(person);
    await page.route("**/enrolment/totp/confirm", refusal(401, "invalid_enrolment_token"), { times: 1 });
    await visitor.submit("app", { "app-code": "123456" });
    await visitor.sees("Log in");
    await visitor.reads("#login-error", "Enter your password again.");
    await expect.poll(focused).toBe("password");
    await page.route("**/enrolment/totp", refusal(503, "unavailable", { "Retry-After": "40" }), { times: 1 });
    await visitor.submit("login", { password: person.password });
    await visitor.reads("#login-error", "40 seconds");
  });
});
