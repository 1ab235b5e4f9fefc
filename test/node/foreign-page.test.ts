import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { CHROMIUM, LAUNCH } from "./live-browser.ts";
import { register } from "./live-person.ts";
import { type Service, useClone } from "./live-service.ts";
import { freePort } from "./loopback.ts";

const COOKIE = "__Secure-postern_refresh";

/** A request that a page of another site can make in its visitor's browser. Returns what the page could read. */
const TRY = `async (url, init) => {
  try {
    const answer = await fetch(url, init);
    return { type: answer.type, status: answer.status, text: await answer.text() };
  } catch (error) { return { type: "error", status: 0, text: "" }; }
}`;

describe.skipIf(!existsSync(CHROMIUM))("a page of another site, in the browser of a logged-in user", () => {
  const clone = useClone();
  let service: Service;
  let context: BrowserContext;
  let foreign: Server;
  let evil: string;
  let listed: string;

  beforeAll(async () => {
    const port = await freePort();
    // The same machine under another name is another site for a browser.
    evil = `http://127.0.0.1:${port}`;
    listed = `http://127.0.0.1:${await freePort()}`;
    foreign = createServer((_request, response) => {
      response.setHeader("Content-Type", "text/html").end("<!doctype html><title>Elsewhere</title><h1>Elsewhere</h1>");
    });
    await new Promise<void>((done) => foreign.listen(port, "127.0.0.1", done));
    // With SameSite=None, the browser itself withholds no cookie, so everything depends on the service.
    const values = ["RATE_LIMITING:off", "COOKIE_SAME_SITE:none", `ALLOWED_ORIGINS:${listed}`];
    service = await clone.serve(values.flatMap((value) => ["--var", value]));
  });

  afterEach(() => context?.close());

  afterAll(() => foreign?.close());

  const attempt = (page: Page, path: string, init: object) =>
    page.evaluate<{ type: string; status: number; text: string }>(
      `(${TRY})(${JSON.stringify(`${service.origin}${path}`)}, ${JSON.stringify(init)})`,
    );

  /** A person who is logged in by cookie on a page of the service, and has a page of another site open. */
  async function visited() {
    const { email, password } = await register(service.origin);
    // Private profiles block third-party cookies. This test needs a profile that allows them.
    const profile = mkdtempSync(join(tmpdir(), "postern-profile-"));
    mkdirSync(join(profile, "Default"));
    const preferences = { profile: { cookie_controls_mode: 0, block_third_party_cookies: false } };
    writeFileSync(join(profile, "Default", "Preferences"), JSON.stringify(preferences));
    onTestFinished(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
    context = await chromium.launchPersistentContext(profile, LAUNCH);
    const own = await context.newPage();
    await own.goto(`${service.origin}/verify-email`);
    const json = { method: "POST", headers: { "Content-Type": "application/json" } };
    const login = JSON.stringify({ email, password, cookie: true });
    expect((await attempt(own, "/api/v1/auth/login", { ...json, body: login })).status).toBe(200);
    const page = await context.newPage();
    await page.goto(evil);
    const sent: { path: string; method: string; status: Promise<number>; cookie: Promise<boolean> }[] = [];
    context.on("request", (request) => {
      const { origin, pathname } = new URL(request.url());
      if (origin !== service.origin) return;
      const status = request.response().then((answer) => answer?.status() ?? 0);
      const cookie = request.allHeaders().then((headers) => (headers.cookie ?? "").includes(COOKIE));
      sent.push({ path: pathname, method: request.method(), status, cookie });
    });
    const livesOn = async () =>
      expect((await attempt(own, "/api/v1/auth/refresh", { ...json, body: "{}" })).status).toBe(200);
    return { own, page, json, login, sent, livesOn };
  }

  it("posts forms with the cookie in vain: no refresh, no logout, no login as another user", async () => {
    const { page, sent, livesOn } = await visited();
    for (const route of ["refresh", "logout", "login"]) {
      for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
        await page.goto(evil);
        await page.evaluate(`(() => {
          const form = document.createElement("form");
          Object.assign(form, { method: "post", enctype: "${type}", action: "${service.origin}/api/v1/auth/${route}" });
          document.body.append(form);
          form.submit();
        })()`);
        await page.waitForURL(`${service.origin}/**`);
      }
    }
    expect(sent).toHaveLength(6);
    for (const { path, status, cookie } of sent) {
      expect(await cookie, `${path} came with the cookie, or this proves nothing`).toBe(true);
      expect(await status, path).toBe(403);
    }
    await livesOn();
  });

  it("fetches with the cookie in vain, whether or not it wants to read the answer", async () => {
    const { page, json, login, sent, livesOn } = await visited();
    // If the page may not read the answer, only the developer tools show what the request carried.
    const tools = await context.newCDPSession(page);
    const carried: string[] = [];
    tools.on("Network.requestWillBeSentExtraInfo", ({ headers }) => {
      const cookie = Object.entries(headers).find(([name]) => name.toLowerCase() === "cookie");
      if (cookie?.[1].includes(COOKIE)) carried.push(COOKIE);
    });
    await tools.send("Network.enable");
    for (const [route, body] of [
      ["refresh", "{}"],
      ["logout", '{"all":true}'],
      ["login", login],
    ]) {
      const path = `/api/v1/auth/${route}`;
      const blind = { method: "POST", mode: "no-cors", credentials: "include", body };
      expect(await attempt(page, path, blind)).toEqual({ type: "error", status: 0, text: "" });
      expect(await attempt(page, path, { ...json, credentials: "include", body })).toMatchObject({ type: "error" });
    }
    const posts = sent.filter(({ method }) => method === "POST");
    expect(posts.length).toBeGreaterThanOrEqual(3);
    expect(carried.length, "the blind ones came with the cookie, or this proves nothing").toBe(3);
    for (const { status } of posts) expect([0, 403]).toContain(await status);
    await livesOn();
  });

  it("reads nothing, embeds nothing, not even the development outbox", async () => {
    const { page, sent } = await visited();
    for (const path of ["/dev/outbox", "/api/v1/users/me", "/health", "/docs"]) {
      for (const mode of ["cors", "no-cors"])
        expect((await attempt(page, path, { mode, credentials: "include" })).text, `${mode} ${path}`).toBe("");
    }
    for (const path of ["/verify-email", "/docs", "/dev/outbox", "/static/logo.svg"]) {
      await page.evaluate(`new Promise((done) => {
        const frame = Object.assign(document.createElement("iframe"), { src: "${service.origin}${path}", onload: done });
        document.body.append(frame);
      })`);
      await expect.poll(() => page.frames().at(-1)?.url(), { message: path }).toContain("chrome-error://");
    }
    const loads = await page.evaluate<string>(`new Promise((done) => {
      const image = Object.assign(new Image(), { onload: () => done("loaded"), onerror: () => done("refused") });
      image.src = "${service.origin}/static/logo.svg";
    })`);
    expect(loads).toBe("refused");
    for (const { path, status } of sent) if (/^\/(dev|api)/.test(path)) expect([0, 403]).toContain(await status);
  });

  it("is no better off with a window that it opened", async () => {
    const { page } = await visited();
    const [popup] = await Promise.all([
      context.waitForEvent("page"),
      page.evaluate(`void (window.theirs = window.open("${service.origin}/verify-email"))`),
    ]);
    await popup.waitForLoadState();
    expect(await page.evaluate("window.theirs.closed"), "it has lost sight of it").toBe(true);
    expect(await popup.evaluate("window.opener")).toBeNull();
  });

  it("may do all of it where its origin is listed, and a person may follow its links", async () => {
    const { own, page, json, login } = await visited();
    await new Promise<void>((done) => {
      const second = createServer((_request, response) => {
        response.setHeader("Content-Type", "text/html").end("<!doctype html><title>App</title>");
      }).listen(Number(new URL(listed).port), "127.0.0.1", done);
      foreign.once("close", () => second.close());
      context.once("close", () => second.close());
    });
    await page.goto(listed);
    const credentials = { ...json, credentials: "include" };
    const answers = [
      await attempt(page, "/api/v1/auth/login", { ...credentials, body: login }),
      await attempt(page, "/api/v1/auth/refresh", { ...credentials, body: "{}" }),
      await attempt(page, "/api/v1/auth/logout", { ...credentials, body: "{}" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 204]);

    await page.goto(evil);
    for (const path of ["/verify-email", "/docs", "/dev/outbox", "/health"]) {
      await page.goto(evil);
      await page.evaluate(`location.href = "${service.origin}${path}"`);
      await page.waitForURL(`${service.origin}${path}`);
      expect(await page.textContent("body")).not.toContain("origin_not_allowed");
    }
    expect(own.isClosed()).toBe(false);
  });
});
