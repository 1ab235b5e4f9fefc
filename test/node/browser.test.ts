import { existsSync, mkdirSync } from "node:fs";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { logIn, outboxSchema, post, somebody } from "./live-person.ts";
import { makeClone, type Service } from "./live-service.ts";

const CHROMIUM = "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const SCREENSHOTS = "test/.output/screenshots";
const LOOKS = [
  { name: "desktop-light", viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  { name: "phone-dark", viewport: { width: 390, height: 844 }, colorScheme: "dark" },
] as const;

// Debian's package; the tests of the pages are skipped, and said to be, where it is not installed.
describe.skipIf(!existsSync(CHROMIUM))("the pages in a real browser", () => {
  const clone = makeClone();
  let service: Service;
  let browser: Browser;
  let context: BrowserContext;
  /** Whatever the pages complain of, or ask another host for. */
  let complaints: string[];
  let requests: { method: string; url: string; referer: string | undefined }[];

  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    service = await clone.start();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  });

  afterAll(async () => {
    await browser?.close();
    await clone.remove();
  });

  beforeEach(() => {
    complaints = [];
    requests = [];
  });

  afterEach(async () => {
    await context?.close();
    expect(complaints).toEqual([]);
    for (const { url, referer } of requests) {
      expect(new URL(url).origin === service.origin || url.startsWith("data:"), url).toBe(true);
      expect(url, "no token in any address that is asked for").not.toContain("token=");
      expect(referer ?? "").not.toContain("token=");
    }
  });

  async function open(path: string, look: (typeof LOOKS)[number] = LOOKS[0], more = {}): Promise<Page> {
    context = await browser.newContext({ viewport: look.viewport, colorScheme: look.colorScheme, ...more });
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      // Chromium notes every answer of 400 and more; those are what some tests are about.
      if (/error|warning/.test(message.type()) && !/Failed to load resource/.test(message.text())) {
        complaints.push(message.text());
      }
    });
    page.on("request", (request) => {
      requests.push({ method: request.method(), url: request.url(), referer: request.headers().referer });
    });
    await page.goto(path.startsWith("http") ? path : `${service.origin}${path}`);
    return page;
  }

  async function mailedLink(email: string, count = 1): Promise<string> {
    return vi.waitFor(
      async () => {
        const { items } = outboxSchema.parse(await (await fetch(`${service.origin}/dev/outbox`)).json());
        const texts = items.filter(({ to }) => to === email).map(({ text }) => text);
        expect(texts.length).toBe(count);
        return /http\S+#token=\S+/.exec(texts[0] ?? "")?.[0] ?? "";
      },
      { timeout: 20_000, interval: 100 },
    );
  }

  async function unverified() {
    const person = somebody();
    expect((await post(service.origin, "/api/v1/auth/register", person)).status).toBe(202);
    return { person, link: await mailedLink(person.email) };
  }

  const heading = (page: Page) => page.locator("h1:visible").textContent();
  const focused = (page: Page) => page.evaluate<string>("document.activeElement.textContent.trim()");
  const posts = () => requests.filter(({ method }) => method === "POST");

  it.each(LOOKS)("verify an address by the keyboard alone, on $name", async (look) => {
    const { person, link } = await unverified();
    const page = await open(link, look);
    expect(await heading(page)).toBe("Verify your email address");
    expect(page.url(), "the token leaves the address bar").toBe(`${service.origin}/verify-email`);
    await page.screenshot({ path: `${SCREENSHOTS}/verify-email-${look.name}.png` });
    await page.waitForTimeout(300);
    expect(posts(), "nothing is spent without a person's click").toEqual([]);
    expect((await post(service.origin, "/api/v1/auth/login", person)).status).not.toBe(200);

    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Verify my address");
    await page.keyboard.press("Enter");
    await page.locator("h1", { hasText: "Your address is verified" }).waitFor();
    expect(await focused(page)).toBe("Your address is verified");
    await page.screenshot({ path: `${SCREENSHOTS}/verified-${look.name}.png` });
    const overflow = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
    expect(overflow).toBeLessThanOrEqual(0);
    await logIn(service.origin, person);
  });

  it("offer another link where one is not good, and send it", async () => {
    const { person, link } = await unverified();
    const page = await open(`${link.slice(0, -6)}AAAAAA`);
    await page.click("#verify");
    await page.locator("h1", { hasText: "This link does not work" }).waitFor();
    await page.fill("#email", "not an address");
    await page.click("#resend-button");
    expect(await page.textContent("#email-error")).toMatch(/address/);
    await page.fill("#email", person.email);
    await page.click("#resend-button");
    await page.locator("h1", { hasText: "Check your mail" }).waitFor();
    await page.goto(await mailedLink(person.email, 2));
    await page.click("#verify");
    await page.locator("h1", { hasText: "Your address is verified" }).waitFor();
  });

  it("lose nothing when the network drops the answer", async () => {
    const { link } = await unverified();
    const page = await open(link);
    let drops = 1;
    await page.route("**/api/v1/auth/verify-email", async (route) => {
      // The service has spent the link; the answer never arrives.
      if (drops-- > 0) await route.fetch().then(() => route.abort());
      else await route.continue();
    });
    await page.click("#verify");
    await page.locator("h1", { hasText: "That did not go through" }).waitFor();
    await page.click("#verify");
    await page.locator("h1", { hasText: "Your address is verified" }).waitFor();
  });

  it("say what is missing without a token, and without JavaScript", async () => {
    const page = await open("/verify-email");
    expect(await heading(page)).toBe("Open the link from your mail");
    await context.close();
    const plain = await open("/verify-email#token=x", LOOKS[0], { javaScriptEnabled: false });
    expect(await plain.locator("noscript").count()).toBe(1);
    expect(await plain.textContent("body")).toContain("This page needs JavaScript");
  });

  it.each(LOOKS)("choose a new password behind a reset link, on $name", async (look) => {
    const { person, link } = await unverified();
    await post(service.origin, "/api/v1/auth/verify-email", { token: /#token=(.*)/.exec(link)?.[1] });
    const page = await open("/reset-password", look);
    expect(await heading(page)).toBe("Forgot your password?");
    await page.fill("#email", person.email);
    await page.click("#resend-button");
    await page.locator("h1", { hasText: "Check your mail" }).waitFor();

    await page.goto(await mailedLink(person.email, 2));
    await page.locator("#new_password").waitFor();
    expect(page.url(), "the token leaves the address bar").toBe(`${service.origin}/reset-password`);
    await page.fill("#new_password", "too short");
    await page.click("#choose-button");
    await page.locator("#new_password-error", { hasText: "at least 15 characters" }).waitFor();
    await page.screenshot({ path: `${SCREENSHOTS}/reset-password-${look.name}.png` });
    const password = "another fine password";
    await page.fill("#new_password", password);
    await page.keyboard.press("Enter");
    await page.locator("h1", { hasText: "Your password is set" }).waitFor();
    await logIn(service.origin, { ...person, password });
  });

  it("show the reference, which calls the API with the token of its own login", async () => {
    const { person, link } = await unverified();
    const token = /#token=(.*)/.exec(link)?.[1];
    await post(service.origin, "/api/v1/auth/verify-email", { token });
    const page = await open("/docs");
    await page.locator(".opblock").first().waitFor();
    await page.screenshot({ path: `${SCREENSHOTS}/docs-desktop-light.png`, fullPage: true });

    const login = page.locator("#operations-Authentication-login");
    await login.locator(".opblock-summary-control").click();
    await login.locator("textarea").fill(JSON.stringify({ email: person.email, password: person.password }));
    await login.locator("button.execute").click();
    await login.locator(".live-responses-table tbody .response-col_status", { hasText: "200" }).waitFor();
    const me = page.locator("#operations-Users-readMe");
    await me.locator(".opblock-summary-control").click();
    await me.locator("button.execute").click();
    await me.locator(".live-responses-table tbody .response-col_status", { hasText: "200" }).waitFor();
    expect(await me.locator(".live-responses-table").textContent()).toContain(person.email);
  });

  it("keep the refresh token in a cookie that scripts cannot read, and refresh from it", async () => {
    const { person, link } = await unverified();
    await post(service.origin, "/api/v1/auth/verify-email", { token: /#token=(.*)/.exec(link)?.[1] });
    const page = await open("/verify-email");
    const outcome = await page.evaluate(
      async ({ email, password }) => {
        const send = (path: string, body: object) =>
          fetch(`/api/v1/auth/${path}`, {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify(body),
          });
        const login = await send("login", { email, password, cookie: true });
        const text = await login.text();
        const [left, right] = await Promise.all([send("refresh", {}), send("refresh", {})]);
        const out = await send("logout", {});
        const after = await send("refresh", {});
        return {
          hasToken: text.includes("prt_"),
          statuses: [login.status, left.status, right.status, out.status, after.status],
        };
      },
      { email: person.email, password: person.password },
    );
    expect(await page.evaluate("document.cookie")).toBe("");
    expect(outcome).toEqual({ hasToken: false, statuses: [200, 200, 200, 204, 401] });
  });
});
