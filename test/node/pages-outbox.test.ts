import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CHROMIUM, expectGoodLooks, expectRoom, PHONE, useVisitor, WALKS } from "./live-browser.ts";
import { mailedToken, newPerson, post, register } from "./live-person.ts";
import { changeDatabase, useService } from "./live-service.ts";

const PATH = "/dev/outbox";

// Not the shared service: the tests delete all emails.
const service = useService(["RATE_LIMITING:off", "EMAIL_LOGIN:off"]);

describe.skipIf(!existsSync(CHROMIUM))("the outbox in a browser", () => {
  const visitor = useVisitor(service);

  /**
   * Opens the outbox, whose timers fire only when the test fires them. Playwright's clock can't do this: its script
   * also runs in the frame of an email, and the frame's sandbox reports the script.
   */
  async function arriveWithPauses() {
    const page = await visitor.arrive(PATH);
    await page.evaluate(`(() => {
      const clear = clearTimeout;
      globalThis.pauses = new Map();
      globalThis.setTimeout = (run) => {
        const id = 1e9 + pauses.size;
        pauses.set(id, run);
        return id;
      };
      globalThis.clearTimeout = (id) => pauses.delete(id) || clear(id);
      document.dispatchEvent(new Event("visibilitychange"));
    })()`);
    const isPausing = () => expect.poll(() => page.evaluate("pauses.size")).toBe(1);
    const endPause = async () => {
      await isPausing();
      await page.evaluate("(() => { const [run] = pauses.values(); pauses.clear(); run(); })()");
    };
    return { page, isPausing, endPause };
  }

  it("shows an email as it arrives, as HTML beside its text, and opens its link with a button", async () => {
    const { page, endPause } = await arriveWithPauses();
    const failures: string[] = [];
    page.on("console", (message) => message.type() === "error" && failures.push(message.text()));
    await page.locator("#empty").waitFor();
    const person = newPerson();
    await post(service.origin, "/api/v1/auth/register", person);
    await mailedToken(service.origin, person.email);
    await endPause();
    await visitor.reads("#email-title", "Verify your email address");
    await visitor.reads("#email-facts", person.email);
    const html = page.frameLocator("#email-html");
    await html.locator("body", { hasText: person.username }).waitFor();
    expect(await page.inputValue("#email-text")).toContain("#token=");
    expect(await page.textContent("#links a")).toBe("Open /verify-email");
    await expectRoom(page, "outbox");
    await visitor.keepPicture("outbox-desktop-light");

    const opened = page.context().waitForEvent("page");
    await page.click("#links a");
    const verification = await opened;
    await verification.click("#act-button");
    await verification.locator("h1:visible", { hasText: "Email address verified" }).waitFor();
    expect(failures).toEqual([]);
  });

  it("opens links of the HTML in a tab of their own, and runs no script of an email", async () => {
    const attack = `<style>a { color: rgb(1, 2, 3) }</style><script>parent.document.title="x"</script><img src="data:," onerror="document.title='x'">
      <form action="/"><button id="b">Send</button></form><a href="/register">Register</a>`;
    changeDatabase(
      service,
      `INSERT INTO outbox (id, recipient, subject, text, html, sent_at) VALUES ('hostile', 'eve@example.com',
       '<b>Hostile</b>', 'javascript:alert(1) https://evil.example/"><b>', '${attack.replaceAll("'", "''")}', ${Date.now() + 60_000})`,
    );
    const page = await visitor.arrive(`${PATH}#hostile`);
    await visitor.reads("#email-title", "<b>Hostile</b>");
    expect(await page.evaluate("[...document.querySelectorAll('#links a')].map(({ href }) => href)")).toEqual([
      "https://evil.example/",
    ]);
    const html = page.frameLocator("#email-html");
    // The page shows the title before the email's document has replaced an empty one in the frame.
    await html.locator("a").waitFor();
    const frame = page.frames().find((one) => one !== page.mainFrame());
    expect(await frame?.evaluate("getComputedStyle(document.querySelector('a')).color")).toBe("rgb(1, 2, 3)");
    const opened = page.context().waitForEvent("page");
    await html.locator("#b").click();
    await html.locator("a").click();
    await (await opened).locator("#register-button").waitFor();
    expect(await page.title()).toBe("Outbox · Postern");
    // The browser reports that it has blocked the script.
    expect(visitor.complaints.splice(0).join()).toContain("sandboxed");
    await page.click("#clear");
    await page.locator("#empty").waitFor();
  });

  it("finds emails by their recipients and words, and forgets all of them when it is cleared", async () => {
    const people = [await register(service.origin), await register(service.origin)];
    const page = await visitor.arrive(PATH);
    await visitor.reads("#count", "2 emails");
    await page.fill("#search", ` ${people[0]?.email.toUpperCase()}`);
    await visitor.reads("#count", "1 of 2 emails");
    await visitor.reads("#emails", people[0]?.email ?? "?");
    await page.fill("#search", "");
    await page.click("#clear");
    await page.locator("#empty").waitFor();
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("title");
    expect(await (await fetch(`${service.origin}${PATH}`)).json()).toEqual({ items: [] });
  });

  it("asks for nothing while it is hidden, and says when the service doesn't answer", async () => {
    const { page, isPausing, endPause } = await arriveWithPauses();
    await visitor.reads("#count", "0 emails");
    await page.route(`**${PATH}`, (route) => route.abort());
    await endPause();
    await visitor.reads("#failure", "The service doesn't answer.");
    await page.unroute(`**${PATH}`);
    await endPause();
    await page.locator("#failure").waitFor({ state: "hidden" });
    await isPausing();
    /** How often the page has asked for the emails. Waits for a request that comes after all requests of the page. */
    const asked = async () => {
      await page.evaluate("fetch('/health')");
      return visitor.requests.filter(({ url }) => url.endsWith(PATH)).length;
    };
    await page.evaluate("Object.defineProperty(document, 'visibilityState', { configurable: true, value: 'hidden' })");
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    const before = await asked();
    await register(service.origin);
    expect(await page.evaluate("pauses.size"), "no request is planned").toBe(0);
    expect(await asked()).toBe(before);
    await page.evaluate("delete document.visibilityState");
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await visitor.reads("#count", "1 email");
  });

  it("is used on a phone, and by the keyboard alone", async () => {
    const { email } = await register(service.origin);
    const page = await visitor.arrive(PATH, { viewport: PHONE });
    await page.locator("#emails a", { hasText: email }).waitFor();
    expect(await page.isVisible("#email")).toBe(false);
    await visitor.tabTo("#emails a");
    await page.keyboard.press("Enter");
    await page.locator("#email-title", { hasText: "Verify" }).waitFor();
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("email-title");
    expect(await page.isVisible("#emails")).toBe(false);
    await visitor.tabTo("#links a");
    await page.goBack();
    await page.locator("#emails").waitFor();
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("title");
  });

  it.each(WALKS)("has room for all, and nothing that axe objects to, on $name", async ({ looks }) => {
    const [{ viewport, colorScheme }] = looks;
    await register(service.origin);
    const page = await visitor.arrive(PATH, { viewport, colorScheme, bypassCSP: true });
    await page.locator("#emails a").first().waitFor();
    for (const view of ["list", "email"]) {
      await expectGoodLooks(page, looks, ({ name }) => `outbox-${view}-${name}`);
      if (view === "list") await page.locator("#emails a").first().click();
    }
  });
});

// This test uses the service of the outbox tests: starting another service takes longer than the test.
describe.skipIf(!existsSync(CHROMIUM))("the log-in page without EMAIL_LOGIN", () => {
  const visitor = useVisitor(service);

  it("offers no link, and no account without a password", async () => {
    const page = await visitor.arrive("/login?by=email");
    await visitor.sees("Log in");
    expect(await page.isVisible("#by-email")).toBe(false);
    await visitor.open("/register");
    await page.locator("#register-button:enabled").waitFor();
    expect(await page.isVisible("#without-password")).toBe(false);
    await visitor.open("/accept-invitation#token=x&email=ada%40example.com");
    await page.locator("#act-button:enabled").waitFor();
    expect(await page.isVisible("#without-password")).toBe(false);
  });
});
