import { existsSync } from "node:fs";
import type { Page, Route } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM, hold, mailedLink, refusal, useVisitor } from "./live-browser.ts";
import { logIn, newPerson, type Person, post, register } from "./live-person.ts";
import { useSharedService } from "./live-service.ts";

const ME = "**/api/v1/users/me";
const REFRESH = "**/api/v1/auth/refresh";
const MINUTE = 60_000;
const IN_40_SECONDS = "Too many attempts. Please try again in 40 seconds.";
const IN_5_SECONDS = "Something went wrong on our side. Please try again in 5 seconds.";

describe.skipIf(!existsSync(CHROMIUM))("the pages of an account, where something is in the way,", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);

  const logInByClient = (page: Page, { email, password }: Person) =>
    page.evaluate(`import("/static/session.js").then(({ logIn }) => logIn(${JSON.stringify({ email, password })}))`);

  const logOutByClient = (page: Page) => page.evaluate('import("/static/session.js").then(({ logOut }) => logOut())');

  it("say that the user is still logged in if the service gives no answer or answers 503, and log out at the next try", async () => {
    await visitor.arriveAtHome();
    const page = visitor.page;
    for (const [words, answer] of [
      ["We couldn't reach the server.", (route: Route) => route.abort()],
      ["Something went wrong on our side.", refusal(503, "unavailable", { "Retry-After": "2" })],
    ] as const) {
      await page.route("**/api/v1/auth/logout", answer, { times: 1 });
      await page.click("#logout-button");
      await visitor.reads("#logout-error", words);
      expect(new URL(page.url()).pathname).toBe("/account");
    }
    await page.click("#logout-button");
    await visitor.sees("Log in");
    await visitor.open("/account");
    await visitor.sees("Log in");
  });

  it("say at a log-in what is in the way, each in its own words", async () => {
    const person = newPerson();
    expect((await post(service.origin, "/api/v1/auth/register", person)).status).toBe(202);
    const page = await visitor.arrive("/login");
    const tries = async (password = person.password) => {
      await visitor.submit("login", { name: person.email, password });
    };
    await tries("not my password at all");
    await visitor.reads("#login-error", "Wrong email, username or password.");
    const answers = [
      refusal(403, "account_disabled"),
      refusal(429, "rate_limited", { "Retry-After": "40" }),
      refusal(503, "busy", { "Retry-After": "2" }),
      (route: Route) => route.abort(),
    ];
    await page.route("**/api/v1/auth/login", (route) => answers.shift()?.(route) ?? route.continue());
    for (const words of [
      "This account has been disabled.",
      "Too many attempts. Please try again in 40 seconds.",
      "Something went wrong on our side. Please try again in 2 seconds.",
      "We couldn't reach the server. Check your connection.",
    ]) {
      await tries();
      await visitor.reads("#login-error", words);
    }
    await tries();
    await visitor.sees("Verify your email address");
    expect(await page.inputValue("#email")).toBe(person.email);
    await page.click("#resend-button");
    await visitor.sees("Check your email");
    await mailedLink(service.origin, person.email, "verify-email", 2);
  });

  it("tell two windows apart that change one profile", async () => {
    await visitor.arriveAtHome();
    const { page } = visitor;
    const other = await visitor.openWindow("/account");
    await other.locator("#view-account").waitFor();
    await visitor.submit("profile", { last_name: "Lovelace" }, other);
    await other.locator("#profile-notice", { hasText: "Saved." }).waitFor();
    await visitor.submit("profile", { last_name: "Byron" });
    await visitor.reads("#profile-error", "Your profile was changed somewhere else.");
    expect(await page.inputValue("#last_name")).toBe("Lovelace");
    await visitor.submit("profile", { last_name: "Byron" });
    await visitor.reads("#profile-notice", "Saved.");
  });

  it("say why the account or its session does not load, and load it at the next try", async () => {
    await visitor.arriveAtHome();
    const { page } = visitor;
    for (const [words, url, answer] of [
      ["This request was refused.", ME, refusal(403, "origin_not_allowed")],
      [IN_40_SECONDS, ME, refusal(429, "rate_limited", { "Retry-After": "40" })],
      [IN_5_SECONDS, ME, refusal(503, "unavailable", { "Retry-After": "5" })],
      ["We couldn't reach the server. Check your connection.", ME, (route: Route) => route.abort()],
      ["Something went wrong on our side.", ME, (route: Route) => route.fulfill({ body: "<p>Hello" })],
      [IN_40_SECONDS, REFRESH, refusal(429, "rate_limited", { "Retry-After": "40" })],
      [IN_5_SECONDS, REFRESH, refusal(503, "unavailable", { "Retry-After": "5" })],
    ] as const) {
      await page.route(url, answer);
      await page.reload();
      await visitor.sees("We couldn't load your account");
      await visitor.reads("#view-failed", words);
      await page.unroute(url);
      await page.click("#view-failed a");
      await visitor.sees("Your account");
    }
  });

  it("keep a user logged in whose two windows sleep past the expiry, wake together, and lose the response to a refresh", async () => {
    const person = await register(service.origin);
    await visitor.arrive();
    const { page } = visitor;
    const context = page.context();
    await context.clock.install();
    await visitor.logIn(person);
    const other = await visitor.openWindow("/account");
    await other.locator("#view-account").waitFor();

    const asked = () => visitor.requests.filter(({ url }) => url.endsWith("/auth/refresh")).length;
    const before = asked();
    // The service rotates the token, but the answer is lost.
    await context.route(REFRESH, (route) => route.fetch().then(() => route.abort()), { times: 1 });
    await context.clock.fastForward(8 * 60 * MINUTE);
    await page.fill("#first_name", "Ada");
    await Promise.all([page.click("#profile-button"), other.click("#export-button")]);
    await visitor.reads("#profile-notice", "Saved.");
    await other.locator("#export-notice:not(:empty)").waitFor();
    expect(asked() - before, "one of the windows asked, and once more").toBe(2);
    await page.reload();
    await expect.poll(() => page.inputValue("#first_name"), { timeout: 20_000 }).toBe("Ada");
  });

  it("say that the profile is not saved if it changes elsewhere before each try, and keep what the user typed", async () => {
    const { username } = await visitor.arriveAtHome();
    const { page } = visitor;
    await page.route(ME, (route) =>
      route.request().method() === "PUT" ? refusal(412, "precondition_failed")(route) : route.continue(),
    );
    await visitor.submit("profile", { first_name: "Ada" });
    await visitor.reads("#profile-error", "Please try again in a moment.");
    expect(await page.inputValue("#username")).toBe(username);
    expect(await page.inputValue("#first_name")).toBe("Ada");
    expect(await page.textContent("#me")).toBe(username);
  });

  it("save a profile whose validator came through a proxy that compresses", async () => {
    const person = await register(service.origin);
    await visitor.arrive();
    const { page } = visitor;
    // A proxy that changes the bytes makes the ETag weak (RFC 9110 §8.8.3). If-Match does not accept weak ETags.
    await page.route(ME, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), etag: `W/${response.headers().etag}` } });
    });
    await visitor.logIn(person);
    await visitor.submit("profile", { first_name: "Ada" });
    await visitor.reads("#profile-notice", "Saved.");
  });

  it("send a user who was logged out to the log-in page, without an error message", async () => {
    const person = await visitor.arriveAtHome();
    const { page } = visitor;
    const { access_token } = await logIn(service.origin, person);
    const headers = { Authorization: `Bearer ${access_token}` };
    expect((await fetch(`${service.origin}/api/v1/users/me/sessions`, { method: "DELETE", headers })).status).toBe(204);
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    await page.evaluate(`new MutationObserver((changes) => {
      for (const { target } of changes) if (target.textContent) console.log(target.textContent);
    }).observe(document.getElementById("profile-error"), { childList: true })`);
    await page.route(ME, refusal(503, "unavailable", { "Retry-After": "5" }), { times: 1 });
    await page.click("#profile-button");
    await visitor.reads("#profile-error", IN_5_SECONDS);
    await page.click("#profile-button");
    await visitor.sees("Log in");
    expect(said.filter((text) => !text.startsWith("Failed to load resource"))).toEqual([IN_5_SECONDS]);
  });

  it("say in a dialog nothing of what failed at its last opening", async () => {
    await visitor.arriveAtHome();
    const { page } = visitor;
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    await page.route(ME, async (route) => {
      asked.resolve();
      await answered.promise;
      await refusal(503, "unavailable", { "Retry-After": "5" })(route);
    });
    await page.click("#delete-open");
    await page.fill("#delete-password", "any at all");
    await page.keyboard.press("Enter");
    await asked.promise;
    await page.keyboard.press("Escape");
    answered.resolve();
    await page.locator("#delete-button:not(:disabled)").waitFor({ state: "attached" });
    await page.click("#delete-open");
    expect(await page.textContent("#delete-error")).toBe("");
    await page.fill("#delete-password", "any at all");
    await page.keyboard.press("Enter");
    await visitor.reads("#delete-error", IN_5_SECONDS);
  });

  it.each<[string, string, ["request" | "response", string] | undefined]>([
    ["has loaded", "Your account", undefined],
    ["requests its sessions", "Your account", ["request", "**/api/v1/users/me/sessions"]],
    ["waits for its data", "Your account", ["response", ME]],
    ["waits for its data", "Log in", ["response", ME]],
  ])(
    "show nothing of the former user when that user logs out or another user logs in in another window, while this window %s: %s",
    async (_, heading, held) => {
      const first = await visitor.arriveAtHome();
      const { page } = visitor;
      const second = await register(service.origin);
      const other = await visitor.openWindow("/verify-email");
      const loading = held && (await hold(page, ...held));
      if (loading !== undefined) await page.reload();
      await loading?.arrived;
      // Logs out or in like an app on the same origin: with the client that the pages use.
      await (heading === "Log in" ? logOutByClient(other) : logInByClient(other, second));
      loading?.release();
      await visitor.sees(heading);
      if (heading === "Your account") await visitor.reads("#me", second.username);
      expect(await page.locator("body").textContent()).not.toContain(first.username);
    },
  );

  it("reload a page that the browser restores from its cache", async () => {
    await visitor.arriveAtHome();
    const { page } = visitor;
    await page.fill("#first_name", "typed and left");
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
    await expect.poll(() => page.inputValue("#first_name")).toBe("");
    await visitor.sees("Your account");
  });
});
