import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CHROMIUM, expectAccessible, refusal, useVisitor } from "./live-browser.ts";
import { newPerson } from "./live-person.ts";
import { useService } from "./live-service.ts";

const CLOUDFLARE = "https://challenges.cloudflare.com";
/** Cloudflare's keys for tests. Postern accepts them only in development. */
const KEYS = [
  "TURNSTILE_SITE_KEY:1x00000000000000000000AA",
  "TURNSTILE_SECRET_KEY:1x0000000000000000000000000000000AA",
];

/** Replaces Turnstile's script with a widget that makes a token at once, and another one after each reset. */
const STAND_IN = `
  let made = 0;
  const widgets = [];
  const solve = (id) => setTimeout(() => {
    widgets[id].options.callback("token-" + ++made);
    widgets[id].box.dataset.made = made;
  }, 50);
  window.turnstile = {
    render(container, options) {
      const box = document.createElement("iframe");
      box.title = "Widget of " + options.sitekey + " in " + options.language;
      box.src = "${CLOUDFLARE}/widget";
      container.append(box);
      widgets.push({ options, box });
      solve(widgets.length - 1);
      return String(widgets.length - 1);
    },
    reset: solve,
  };`;

describe.skipIf(!existsSync(CHROMIUM))("the pages where the operator has a challenge", () => {
  const service = useService(["RATE_LIMITING:off", ...KEYS]);
  const visitor = useVisitor(service, [CLOUDFLARE]);

  /** What the forms have sent. The test answers these requests, because the service can't call Cloudflare here. */
  let sent: { path: string; token: string | undefined }[];

  async function arrive(path: string, { loads = Promise.resolve(true), bypassCSP = false } = {}) {
    const page = await visitor.arrive(undefined, { bypassCSP });
    sent = [];
    await page.route(`${CLOUDFLARE}/turnstile/**`, async (route) =>
      (await loads) ? route.fulfill({ contentType: "text/javascript", body: STAND_IN }) : route.abort(),
    );
    await page.route(`${CLOUDFLARE}/widget`, (route) => route.fulfill({ contentType: "text/html", body: "<p>Hello" }));
    await page.route(/\/auth\/(login|register|forgot-password)$/, (route) => {
      const { turnstile_token: token } = route.request().postDataJSON();
      sent.push({ path: new URL(route.request().url()).pathname.replace("/api/v1/auth/", ""), token });
      return refusal(403, "challenge_failed")(route);
    });
    // Don't wait for the whole page: Cloudflare's script may load later.
    await page.goto(`${service.origin}${path}`, { waitUntil: "domcontentloaded" });
    return page;
  }

  it.each([
    ["login", "#login", ["#name", "#password"]],
    ["register", "#register", ["#email", "#username", "#password"]],
    ["reset-password", "#resend", ["#email"]],
  ])("show it on /%s, and send what it made, once", async (path, form, fields) => {
    const page = await arrive(`/${path}`);
    await page.locator(`${form}-challenge iframe`).waitFor();
    expect(await page.getAttribute("iframe", "title")).toBe("Widget of 1x00000000000000000000AA in en");
    const { email } = newPerson();
    for (const field of fields) await page.fill(field, field === "#username" ? "ada" : email);
    const operation = path === "reset-password" ? "forgot-password" : path;
    for (const attempt of [1, 2]) {
      await page.locator(`${form}-challenge iframe[data-made="${attempt}"]`).waitFor();
      await page.click(`${form}-button`);
      await page.locator(`${form}-error`, { hasText: "The security check failed." }).waitFor();
      expect(sent).toHaveLength(attempt);
      // Each attempt uses a token up, so the second attempt has another one.
      expect(sent.at(-1)).toEqual({ path: operation, token: `token-${attempt}` });
    }
  });

  it("say so where it does not load, and send nothing", async () => {
    const page = await arrive("/login?lang=de", { loads: Promise.resolve(false) });
    const alert = page.locator("#login-error", { hasText: "konnte nicht geladen werden" });
    await alert.waitFor();
    await page.fill("#name", "ada");
    await page.fill("#password", "correct horse battery staple");
    // Removes the message, so that the attempt has to show it again.
    await page.evaluate("document.getElementById('login-error').textContent = ''");
    await page.click("#login-button");
    await alert.waitFor();
    expect(sent).toEqual([]);
  });

  it("say that it is loading as long as it is, and no longer", async () => {
    const loads = Promise.withResolvers<boolean>();
    const page = await arrive("/login", { loads: loads.promise });
    await visitor.submit("login", { name: "ada", password: "correct horse battery staple" });
    await page.locator("#login-error", { hasText: "is still loading" }).waitFor();
    loads.resolve(true);
    await page.locator('iframe[data-made="1"]').waitFor();
    expect(await page.textContent("#login-error")).toBe("");
    await page.click("#login-button");
    await page.locator("#login-error", { hasText: "The security check failed." }).waitFor();
    expect(sent).toEqual([{ path: "login", token: "token-1" }]);
  });

  it("load nothing of Cloudflare's beside a mailed link, nor on any other page", async () => {
    const page = await arrive("/reset-password#token=x");
    await page.locator("#new_password").waitFor();
    await visitor.open("/verify-email");
    await page.locator("#resend").waitFor();
    await visitor.open("/account");
    await page.waitForURL(/\/login/);
    await page.locator("#login-challenge iframe").waitFor();
    const asked = visitor.requests.filter(({ url }) => url.startsWith(CLOUDFLARE));
    expect(asked).not.toEqual([]);
    expect(asked.every(({ referer }) => referer === undefined)).toBe(true);
    const before = visitor.requests.findIndex(({ url }) => new URL(url).pathname === "/login");
    expect(visitor.requests.slice(0, before).filter(({ url }) => url.startsWith(CLOUDFLARE))).toEqual([]);
  });

  it("let Cloudflare's script go before they take a mailed link that is pasted beside it", async () => {
    const page = await arrive("/reset-password");
    await page.locator("#resend-challenge iframe").waitFor();
    expect(await page.evaluate("typeof window.turnstile")).toBe("object");
    await page.evaluate("location.hash = 'token=x'");
    await page.locator("#new_password").waitFor();
    expect(await page.evaluate("typeof window.turnstile")).toBe("undefined");
    expect(new URL(page.url()).hash, "and the token leaves the address").toBe("");
  });

  it("stay accessible with it", async () => {
    const page = await arrive("/login", { bypassCSP: true });
    await page.locator("#login-challenge iframe").waitFor();
    await expectAccessible(page, "login with a challenge");
    await visitor.keepPicture("login-challenge-desktop-light");
  });
});
