import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Client } from "../../src/client/index.ts";
import { PAGES } from "../../src/features/pages/hosted-pages.ts";
import { namesOf } from "../../src/platform/records.ts";
import { CHROMIUM, hold, launchBrowser, mailedLink } from "./live-browser.ts";
import { newPerson, type Person, register } from "./live-person.ts";
import { type Service, useClone } from "./live-service.ts";
import { freePort } from "./loopback.ts";

declare global {
  /** The client that a page of these tests keeps between two steps. */
  var client: Client;
}

// This needs Debian's package of Chromium. Without it, the tests are reported as skipped.
describe.skipIf(!existsSync(CHROMIUM))("the client in a real browser", () => {
  const clone = useClone();
  let service: Service;
  let browser: Browser;
  let context: BrowserContext;
  let person: Person;
  let complaints: string[];
  let refreshes: number;
  /** Two more origins: an app's page, and the server to which requests are redirected. */
  let app: Stand;
  let elsewhere: Stand;

  beforeAll(async () => {
    [app, elsewhere] = [await makeStand(), await makeStand()];
    service = await clone.serve(["--var", "RATE_LIMITING:off", "--var", `ALLOWED_ORIGINS:${app.origin}`]);
    person = await register(service.origin);
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    for (const { server } of [app, elsewhere]) server.close();
  });

  beforeEach(async () => {
    complaints = [];
    refreshes = 0;
    context = await browser.newContext();
    context.on("request", (request) => {
      if (request.method() === "POST" && request.url().endsWith("/api/v1/auth/refresh")) refreshes += 1;
    });
  });
  afterEach(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });

  /** Opens a page of the service, or another page, with the client that the service serves. */
  async function open(mode: "cookie" | "memory" = "cookie", url = `${service.origin}/verify-email`): Promise<Page> {
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
    const { origin } = new URL(url);
    const options = JSON.stringify({ baseUrl: service.origin, mode, apis: [origin] });
    // The code is a string, because vitest would rewrite the import in a function.
    await page.evaluate(
      `import("/static/client.js").then((it) => { globalThis.client = it.createClient(${options}); })`,
    );
    return page;
  }

  const logIn = (page: Page) =>
    page.evaluate(({ email, password }) => client.login({ email, password }).then((user) => user.email), {
      email: person.email,
      password: person.password,
    });
  const email = (page: Page) => page.evaluate(async () => (await client.user())?.email ?? null);
  /** Waits until one tab of this browser waits for the lock that another tab holds. */
  const expectOneWaiting = (page: Page) =>
    expect.poll(() => page.evaluate("navigator.locks.query().then(({ pending }) => pending.length)")).toBe(1);

  it("makes one refresh for two tabs that load at once, and keeps no token where it could be read later", async () => {
    await logIn(await open());
    const [one, other] = [await open(), await open()];
    const { arrived, release } = await hold(context, "request", "**/api/v1/auth/refresh");
    const emails = Promise.all([email(one), email(other)]);
    await arrived;
    await expectOneWaiting(one);
    release();
    expect(await emails).toEqual([person.email, person.email]);
    expect(refreshes).toBe(1);
    const kept = "document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)";
    expect(await one.evaluate(kept)).toBe("{}{}");
  });

  it("logs out although the page is left at once", async () => {
    const page = await open();
    await logIn(page);
    expect(await context.cookies()).toHaveLength(1);
    await page.evaluate("void setTimeout(() => { client.logout(); location.href = '/verify-email?left'; })");
    await page.waitForURL("**/*left");
    await expect.poll(() => context.cookies()).toEqual([]);
    expect(await email(await open())).toBeNull();
  });

  it("keeps the cookie of a login in one tab from the late answer to a logout in another one", async () => {
    const [one, other] = [await open(), await open()];
    await logIn(one);
    const { arrived, release } = await hold(context, "response", "**/api/v1/auth/logout");
    const logout = one.evaluate(() => client.logout());
    await arrived;
    const login = logIn(other);
    await expectOneWaiting(other);
    release();
    await Promise.all([logout, login]);
    expect(await context.cookies()).toHaveLength(1);
    expect(await email(await open())).toBe(person.email);
  });

  it("works from another origin in memory mode, and hands no token on to where an API redirects", async () => {
    app.redirectTo = `${elsewhere.origin}/landing`;
    const page = await open("memory", `${app.origin}/`);
    expect(await logIn(page)).toBe(person.email);
    expect(await email(page)).toBe(person.email);
    const read = (url: string) => client.fetch(url).then((answer) => answer.text());
    expect(await page.evaluate(read, `${app.origin}/redirect`)).toContain("An app");
    expect(app.seen("/redirect")).toEqual([expect.stringMatching(/^Bearer ey/)]);
    expect(elsewhere.seen("/landing")).toEqual([undefined]);
  });

  it("logs in and out on the service's pages, which lead back to the app, and leaves no error in the console", async () => {
    const lines: string[] = [];
    context.on("console", (message) => lines.push(message.text()));
    const there = `${app.origin}/notes?a=b#c`;
    const page = await open("cookie", there);
    expect(await email(page), "not logged in").toBeNull();
    const [logInThere, logOutThere] = await page.evaluate(
      (returnTo) => [client.loginUrl({ returnTo }), client.logoutUrl({ returnTo })] as const,
      there,
    );
    const { password, ...newcomer } = newPerson();
    const logInHere = async (secret: string) => {
      await page.fill("#name", newcomer.email);
      await page.fill("#password", secret);
      await page.click("#login-button");
      await page.waitForURL(there);
    };
    const CARRIED = '[href*="return_to"]';

    // The user registers, and uses the link that verifies the address.
    await page.goto(logInThere);
    await page.click(`a[href*="/register"]${CARRIED}`);
    await page.waitForURL("**/register?*");
    await page.fill("#email", newcomer.email);
    await page.fill("#username", newcomer.username);
    await page.fill("#password", password);
    await page.click("#register-button");
    await page.locator("#view-sent").waitFor();
    await page.goto(await mailedLink(service.origin, newcomer.email, "verify-email"));
    await page.click(`a.language[lang=de]${CARRIED}`);
    await page.waitForURL("**/verify-email?lang=de*");
    await page.click("#act-button");
    await page.click(`#login${CARRIED}`);
    await logInHere(password);
    expect(await email(await open("cookie", there))).toBe(newcomer.email);
    await page.goto(logInThere);
    await page.waitForURL(there);

    // Only a click logs out.
    await page.goto(logOutThere);
    await page.locator("#logout-button:enabled").waitFor();
    expect(await email(await open("cookie", there))).toBe(newcomer.email);
    await page.click("#logout-button");
    await page.waitForURL(there);
    expect(await email(await open("cookie", there))).toBeNull();
    await page.goto(logOutThere);
    await page.waitForURL(there);

    // The user has forgotten the password.
    await page.goto(logInThere);
    await page.click(`a[href*="/reset-password"]${CARRIED}`);
    await page.waitForURL("**/reset-password?*");
    await page.fill("#email", newcomer.email);
    await page.click("#resend-button");
    await page.goto(await mailedLink(service.origin, newcomer.email, "reset-password"));
    await page.fill("#new_password", "another fine password");
    await page.click("#act-button");
    await page.click(`#login${CARRIED}`);
    await logInHere("another fine password");
    await page.goto(`${service.origin}/logout`);
    await page.click("#logout-button");
    await page.locator("#view-done").waitFor();

    // If ALLOWED_ORIGINS does not list the origin in `return_to`, the login leads to the account page.
    await page.goto(`${service.origin}/login?return_to=${encodeURIComponent(`${elsewhere.origin}/`)}`);
    await page.fill("#name", newcomer.email);
    await page.fill("#password", "another fine password");
    await page.click("#login-button");
    await page.locator("#me").waitFor();
    await page.click("#logout-button");
    await page.locator("#login-button:enabled").waitFor();

    const paths = ["", ...namesOf(PAGES).filter((name) => name !== "email-login")];
    // A slow machine takes a while to load all pages at once.
    context.setDefaultTimeout(120_000);
    const opened = paths.map(async (path) => {
      const tab = await context.newPage();
      await tab.goto(`${service.origin}/${path}`);
      await tab.waitForLoadState("networkidle");
    });
    await Promise.all(opened);
    expect(lines).toEqual([]);
  });

  interface Stand {
    server: Server;
    origin: string;
    redirectTo?: string;
    /** The `Authorization` of each request for a path. */
    seen(path: string): (string | undefined)[];
  }

  /** A server of another origin, which serves a page, the client's file, and a redirect. */
  async function makeStand(): Promise<Stand> {
    const requests: { path: string; authorization: string | undefined }[] = [];
    const port = await freePort();
    const origin = `http://localhost:${port}`;
    const server = createServer(async ({ url: path = "", method, headers }, response) => {
      response.setHeader("Access-Control-Allow-Origin", "*");
      response.setHeader("Access-Control-Allow-Headers", "Authorization");
      if (method === "OPTIONS") return response.end();
      requests.push({ path, authorization: headers.authorization });
      if (path === "/redirect" && stand.redirectTo !== undefined) {
        return response.writeHead(302, { Location: stand.redirectTo }).end();
      }
      if (path !== "/static/client.js") {
        response.setHeader("Content-Type", "text/html");
        return response.end("<!doctype html><title>An app</title>");
      }
      response.setHeader("Content-Type", "text/javascript");
      return response.end(await (await fetch(`${service.origin}${path}`)).text());
    });
    const stand: Stand = {
      server,
      origin,
      seen: (path) => requests.filter((one) => one.path === path).map(({ authorization }) => authorization),
    };
    await new Promise<void>((done) => server.listen(port, "localhost", done));
    return stand;
  }
});
