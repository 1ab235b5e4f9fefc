/**
 * The pages in a Chromium without the features that the oldest supported Safari lacks, and in one that keeps no cookie.
 */
import { existsSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { lackingMembers } from "./compatibility/browsers.ts";
import { CHROMIUM, mailedLink, useVisitor } from "./live-browser.ts";
import { countSessions, logIn, newPerson, register } from "./live-person.ts";
import { useSharedService } from "./live-service.ts";

/** Runs before the scripts of each page: removes these members from the browser, and counts those that were there. */
const REMOVE = `((members) => {
  let removed = 0;
  for (const { owner, name, kind } of members) {
    const holder = owner === "" ? globalThis : globalThis[owner];
    const places = [kind !== "instance" && holder, kind !== "static" && holder?.prototype, owner === "Window" && globalThis];
    for (const place of places) {
      if (place && Object.hasOwn(place, name) && Reflect.deleteProperty(place, name)) removed += 1;
    }
  }
  // A name that no browser has.
  globalThis.removedMembers = removed;
})`;

describe.skipIf(!existsSync(CHROMIUM))("the pages in a browser that is as old as Safari 15.4", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);
  const members = lackingMembers({ safari: "15.4" });

  const arrive = async (path: string): Promise<Page> => {
    const page = await visitor.arrive();
    await page.context().addInitScript(`${REMOVE}(${JSON.stringify(members)})`);
    await visitor.open(path);
    return page;
  };

  it("lack what is newer: hundreds of functions are gone", async () => {
    const page = await arrive("/login");
    expect(await page.evaluate("globalThis.removedMembers")).toBeGreaterThan(300);
    const kinds = `[URL.canParse, URL.parse, AbortSignal.timeout, AbortSignal.any, [].toReversed, [].toSorted, Promise.withResolvers,
      Object.groupBy, globalThis.requestIdleCallback, document.startViewTransition].map((one) => typeof one)`;
    expect(new Set(await page.evaluate<string[]>(kinds))).toEqual(new Set(["undefined"]));
    const kept =
      "[structuredClone, [].at, Object.hasOwn, navigator.locks.request, HTMLDialogElement.prototype.showModal]";
    expect(new Set(await page.evaluate<string[]>(`${kept}.map((one) => typeof one)`))).toEqual(new Set(["function"]));
  });

  it("lead from registering to a log-in, to where the user wanted to go, and through the account", async () => {
    const person = newPerson();
    const page = await arrive("/register");
    await page.click("#register-button");
    await expect.poll(() => page.evaluate("document.activeElement.id"), { message: "the first to mend" }).toBe("email");
    await page.fill("#email", person.email);
    await page.fill("#username", person.username);
    await page.fill("#password", "short");
    await page.click("#register-button");
    await visitor.reads("#password-error", "at least 15 characters");
    await page.fill("#password", person.password);
    await visitor.reads("#password-hint", "Good password.");
    await page.click("#register-button");
    await visitor.sees("Check your email");
    await visitor.open(await mailedLink(service.origin, person.email, "verify-email"));
    await page.click("#act-button");
    await visitor.sees("Email address verified");

    await visitor.open(`/login?return_to=${encodeURIComponent("/account?from=link")}`);
    await page.fill("#name", person.username);
    await page.fill("#password", person.password);
    await page.click("#login-button");
    await visitor.sees("Your account");
    expect(new URL(page.url()).searchParams.get("from")).toBe("link");

    await page.fill("#first_name", "Ada");
    await page.click("#profile-button");
    await visitor.reads("#profile-notice", "Saved.");
    await logIn(service.origin, person);
    await page.fill("#current_password", person.password);
    await page.fill("#new_password", "another fine password");
    await page.click("#change-button");
    await visitor.reads("#change-notice", "Password changed.");
    const renewed = { ...person, password: "another fine password" };
    await logIn(service.origin, renewed);
    await page.reload();
    await page.click("#others-open");
    await page.click("#others-button");
    await expect.poll(() => page.locator(".device").count(), { timeout: 20_000 }).toBe(1);
    await page.fill("#new_email", `new-${person.email}`);
    await page.fill("#address-password", renewed.password);
    await page.click("#address-button");
    await visitor.reads("#address-notice", `new-${person.email}`);
    const download = page.waitForEvent("download");
    await page.click("#export-button");
    expect((await download).suggestedFilename()).toMatch(/^account-.*\.json$/);
    await page.click("#logout-button");
    await visitor.sees("Log in");
  });

  it.each(["//evil.example/", "https://evil.example/", "/\\evil.example", "//[", "\\", "", "account", "javascript:1"])(
    "do not follow return_to=%s to another host, nor stay on the form",
    async (wish) => {
      const person = await register(service.origin);
      const page = await arrive(`/login?return_to=${encodeURIComponent(wish)}`);
      await page.fill("#name", person.username);
      await page.fill("#password", person.password);
      await page.click("#login-button");
      await visitor.sees("Your account");
    },
  );

  it("request and use a link for a new password", async () => {
    const person = await register(service.origin);
    const page = await arrive("/reset-password");
    await page.fill("#email", person.email);
    await page.click("#resend-button");
    await visitor.sees("Check your email");
    await visitor.open(await mailedLink(service.origin, person.email, "reset-password"));
    await page.fill("#new_password", "another fine password");
    await page.click("#act-button");
    await visitor.sees("Password changed");
  });
});

describe.skipIf(!existsSync(CHROMIUM))("the log-in page in a browser that does not keep the cookie", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);

  it.each([
    ["en", "Allow cookies for this site"],
    ["de", "Erlauben Sie Cookies für diese Website"],
  ])("says so at each try, and leaves no session behind: %s", async (language, words) => {
    const person = await register(service.origin);
    const page = await visitor.arrive(`/login?lang=${language}`);
    await page.route("**/api/v1/auth/login", async (route) => {
      const response = await route.fetch();
      await page.context().clearCookies();
      const { "set-cookie": _, ...headers } = response.headers();
      await route.fulfill({ response, headers });
    });
    for (let turn = 0; turn < 2; turn++) {
      await page.fill("#name", person.email);
      await page.fill("#password", person.password);
      await page.click("#login-button");
      await visitor.reads("#login-error", words);
      expect(new URL(page.url()).pathname).toBe("/login");
      await page.reload();
      await page.locator("#login-button:enabled").waitFor();
    }
    expect(await countSessions(service.origin, person)).toBe(0);
  });
});
