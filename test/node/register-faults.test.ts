import { existsSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM, useVisitor } from "./live-browser.ts";
import { newPerson } from "./live-person.ts";
import { useSharedService } from "./live-service.ts";

/** How often a text is in the form, and how often a screen reader reads it at the password field. */
async function countOf(page: Page, text: string) {
  const inForm = await page.locator("#register").textContent();
  const described = await page.evaluate(`
    document.querySelector("#password").getAttribute("aria-describedby").split(" ")
      .map((id) => document.getElementById(id).textContent).join(" ")`);
  return [inForm, described].map((whole) => String(whole).split(text).length - 1);
}

describe.skipIf(!existsSync(CHROMIUM))("the registration page", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);

  it.each([
    ["en", "too common", "At least 15 characters"],
    ["de", "zu häufig", "Mindestens 15 Zeichen"],
  ])(
    "says once what is wrong with a password, while it is typed and when it is sent: %s",
    async (lang, fault, hint) => {
      const page = await visitor.arrive();
      const person = newPerson();
      await page.goto(`${service.origin}/register?lang=${lang}`);
      await page.fill("#email", person.email);
      await page.fill("#username", person.username);
      await page.fill("#password", "passwordpassword");
      const judged = page.locator('#password-hint[data-verdict="poor"]');
      await judged.waitFor();
      expect(await countOf(page, fault)).toEqual([1, 1]);

      await page.click("#register-button");
      await page.locator("#password-error", { hasText: fault }).waitFor();
      expect(await countOf(page, fault)).toEqual([1, 1]);
      expect(await page.isVisible("#password-hint")).toBe(false);

      // When the user types again, the hint replaces the error. Then the check of the new password shows the fault.
      await page.fill("#password", "");
      expect(await page.locator("#password-hint").textContent()).toContain(hint);
      expect(await countOf(page, hint)).toEqual([1, 1]);
      await page.fill("#password", "passwordpassword");
      await judged.waitFor();
      expect(await countOf(page, fault)).toEqual([1, 1]);
    },
  );

  it("says it once if the opinion arrives after the form was sent", async () => {
    const page = await visitor.arrive();
    const person = newPerson();
    const held = Promise.withResolvers<void>();
    await page.route("**/auth/password-strength", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.goto(`${service.origin}/register?lang=en`);
    await page.fill("#email", person.email);
    await page.fill("#username", person.username);
    const asked = page.waitForRequest("**/auth/password-strength");
    await page.fill("#password", "passwordpassword");
    await asked;
    await page.click("#register-button");
    await page.locator("#password-error", { hasText: "too common" }).waitFor();
    const answered = page.waitForResponse("**/auth/password-strength");
    held.resolve();
    await answered;
    await page.waitForTimeout(100);
    expect(await countOf(page, "too common")).toEqual([1, 1]);
  });
});
