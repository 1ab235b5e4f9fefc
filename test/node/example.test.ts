/** Starts the example with `npm run example`, as a developer does, and uses the app in a real browser. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { eventually } from "../support/eventually.ts";
import { until } from "./engines/tab.ts";
import { HAS_WEBKIT, openWebKit } from "./engines/webkit.ts";
import {
  addAuthenticator,
  CHROMIUM,
  collectComplaints,
  DESKTOP,
  keepPicture,
  launchBrowser,
  mailedLink,
  overflowOf,
  PHONE,
} from "./live-browser.ts";
import { logIn, newPerson, type Person, post } from "./live-person.ts";
import { type Example, useClone } from "./live-service.ts";
import { plainEnvironment } from "./run-program.ts";

const sessionsSchema = z.object({ items: z.array(z.object({ id: z.string(), device_name: z.string().nullable() })) });
const notesSchema = z.object({ items: z.array(z.object({ text: z.string() })) });

const clone = useClone();
let example: Example;

beforeAll(async () => {
  example = await clone.startExample();
  // Postern and the API start one after another, so this takes long.
}, 240_000);

describe("npm run example", () => {
  it("says where the app, the API, Postern and the outbox are", () => {
    const { app, api, postern } = example;
    for (const url of [app, `${api}/notes`, postern, `${postern}/dev/outbox`]) expect(example.output()).toContain(url);
  });

  it("serves a page that may load nothing from elsewhere", async () => {
    const page = await fetch(example.app);
    expect(page.headers.get("Content-Security-Policy")).toContain("script-src 'self'; style-src 'self'");
  });
});

describe("the example's pages to read", () => {
  const READMES = ["examples/README.md", "examples/app/README.md"];
  const readmes = READMES.map((path) => ({ path, text: readFileSync(path, "utf8") }));
  const commands = readmes.flatMap(({ text }) =>
    [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, block = ""]) => block.trim()),
  );

  it("start the example with the command and the flags that exist", () => {
    expect(commands[0]).toBe("npm run example");
    const flags = commands[1]?.match(/--[a-z][a-z-]+/g);
    expect(flags).toEqual(["--port", "--api-port", "--app-port", "--persist-to"]);
    for (const flag of flags ?? []) expect(example.command).toContain(flag);
  });

  it("build the app with the addresses that are given", () => {
    execFileSync("sh", ["-ec", commands[2] ?? "exit 1"], { cwd: clone.folder, env: plainEnvironment(), stdio: "pipe" });
    const folder = join(clone.folder, "dist/example-app");
    const script = /src="(\/assets\/[^"]+)"/.exec(readFileSync(join(folder, "index.html"), "utf8"))?.[1] ?? "";
    const code = readFileSync(join(folder, script), "utf8");
    expect(code).toContain("https://notes.example.com");
    expect(code, "nothing of the development").not.toContain("/dev/outbox");
  });

  it.each(readmes)("name only files that are there: $path", ({ path, text }) => {
    const named = text.match(/`[\w./-]+\.(ts|tsx|toml)`/g) ?? [];
    expect(named.length).toBeGreaterThan(3);
    for (const name of named) expect(existsSync(join(dirname(path), name.replaceAll("`", ""))), name).toBe(true);
  });
});

// This needs Debian's package of Chromium. Without it, the tests are reported as skipped.
describe.skipIf(!existsSync(CHROMIUM))("the example's browser app", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let person: Person;
  /** The errors and warnings of the pages. */
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
    context = await browser.newContext({ viewport: DESKTOP });
    collectComplaints(context, complaints);
    page = await context.newPage();
    person = newPerson();
  });

  afterAll(() => browser?.close());

  // Each test continues where the previous one ended.
  const heading = (text: string, on = page) => on.locator("h1", { hasText: text }).waitFor();
  const press = (name: string, on = page) => on.getByRole("button", { name, exact: true }).click();
  const focused = () => page.evaluate<string>("document.activeElement.textContent.trim()");

  /** Checks in light and dark, on a desktop and on a phone, that the page is not wider than the screen. */
  async function show(name: string): Promise<void> {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const [device, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        expect(await overflowOf(page), name).toBe(0);
        await keepPicture(page, `example-${name}-${device}-${colorScheme}`);
      }
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(DESKTOP);
  }

  /** Logs in on the log-in page, and expects to be back where the person was. */
  async function logInHere(where: string): Promise<void> {
    await heading("Log in");
    await page.getByLabel("Email address or username").fill(person.username);
    await page.getByLabel("Password").fill(person.password);
    await page.keyboard.press("Enter");
    await heading(where);
  }

  it("says by field what Postern refuses, and registers", async () => {
    await page.goto(example.app);
    await heading("Log in");
    await show("login");
    await page.getByRole("link", { name: "Create one" }).click();
    await heading("Create an account");
    await expect.poll(focused, { message: "a change of the page is read out" }).toBe("Create an account");

    await page.getByLabel("Email address").fill(person.email);
    await page.getByLabel("Username").fill(person.username);
    await page.getByLabel("Password").fill("too short");
    await press("Create account");
    await page.locator("#password-error", { hasText: "15" }).waitFor();
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("password");
    await show("register-refused");
    await page.getByLabel("Password").fill(person.password);
    await press("Create account");
    await heading("Check your email");
    await show("mailed");
    await page.evaluate("document.querySelector('main strong').textContent = 'a'.repeat(254)");
    expect(await overflowOf(page), "room for it").toBe(0);
  });

  it("verifies the address on its own page, by a click", async () => {
    const link = await mailedLink(example.postern, person.email, "verify-email");
    expect(link).toMatch(new RegExp(`^${example.app}/verify-email#token=`));
    await page.goto(link);
    await heading("Verify your email address");
    expect(page.url(), "the token leaves the address bar").toBe(`${example.app}/verify-email`);
    await show("verify-email");
    const { email, password } = person;
    const early = await post(example.postern, "/api/v1/auth/login", { email, password });
    expect(await early.json(), "nothing is spent yet").toMatchObject({ code: "email_not_verified" });
    await press("Verify email address");
    await heading("Email address verified");
    await show("verified");
    await page.getByRole("link", { name: "Go to your notes" }).click();
  });

  it("logs in, and says what is wrong with a wrong password", async () => {
    await heading("Log in");
    await press("Log in");
    await page.locator("#name-error", { hasText: "Enter your email address or username." }).waitFor();
    await page.getByLabel("Email address or username").fill(person.email);
    await page.getByLabel("Password").fill("not the password at all");
    await press("Log in");
    await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
    await show("login-refused");
    await logInHere("Notes");
  });

  it("keeps notes in the other Worker", async () => {
    await page.locator(".empty").waitFor();
    await show("notes-none");
    await page.getByLabel("New note").fill("Buy a lamp for the side gate");
    await press("Add");
    await page.getByRole("status").filter({ hasText: "Note saved." }).waitFor();
    await page.getByRole("listitem").filter({ hasText: "Buy a lamp" }).waitFor();
    await show("notes");
    await page.getByRole("link", { name: "Sessions" }).click();
    await heading("Sessions");
    expect(await page.locator(".told").textContent(), "said of the page before").toBe("");
    await page.getByRole("link", { name: "Notes" }).click();
    await heading("Notes");
  });

  it("stays signed in over a reload, and keeps no token where scripts find it", async () => {
    await page.reload();
    await page.getByRole("listitem").filter({ hasText: "Buy a lamp" }).waitFor();
    expect(await page.evaluate("document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })")).toBe("{}");
  });

  it("leads a signed-in user from the pages for signed-out users to the notes", async () => {
    for (const path of ["/login", "/register", "/nowhere"]) {
      await page.goto(`${example.app}${path}`);
      await heading("Notes");
      await expect.poll(() => page.url(), { message: path, timeout: 10_000 }).toBe(`${example.app}/`);
    }
  });

  it("shows the sessions, and ends one that was begun elsewhere", async () => {
    const elsewhere = await logIn(example.postern, person);
    await page.getByRole("link", { name: "Sessions" }).click();
    await heading("Sessions");
    await page.getByText("This device").waitFor();
    await expect.poll(() => page.getByRole("listitem").count()).toBe(2);
    await show("sessions");
    await page
      .getByRole("listitem")
      .getByRole("button", { name: /^Log out / })
      .first()
      .click();
    await page.getByRole("status").filter({ hasText: "The device has been logged out." }).waitFor();
    await expect.poll(() => page.getByRole("listitem").count()).toBe(1);
    const { refresh_token } = elsewhere;
    expect((await post(example.postern, "/api/v1/auth/refresh", { refresh_token })).status).toBe(401);
  });

  it("signs out in every tab when one logs out", async () => {
    const other = await context.newPage();
    await other.goto(example.app);
    await heading("Notes", other);
    await press("Log out", other);
    await heading("Log in", other);
    await heading("Log in");
    await page.getByText("You've been logged out.").waitFor();
    expect(await page.getByRole("status").textContent(), "what was said before is gone").toBe("");
    await show("logged-out");
    await other.close();
    await page.reload();
    await heading("Log in");
  });

  it("deletes nothing for a session that was ended elsewhere a moment ago", async () => {
    await logInHere("Sessions");
    await page.getByRole("link", { name: "Notes" }).click();
    await press("Delete all");
    await expect.poll(focused, { message: "the harmless one" }).toBe("Cancel");
    await show("delete-all");

    const { access_token } = await logIn(example.postern, person);
    const headers = { Authorization: `Bearer ${access_token}` };
    const sessions = `${example.postern}/api/v1/users/me/sessions`;
    const { items } = sessionsSchema.parse(await (await fetch(sessions, { headers })).json());
    const here = items.find(({ device_name }) => device_name === "Chrome on Linux");
    expect((await fetch(`${sessions}/${here?.id}`, { method: "DELETE", headers })).status).toBe(204);

    await press("Delete");
    await heading("Log in");
    await page.getByText("Your session has ended.").waitFor();
    const notes = notesSchema.parse(await (await fetch(`${example.api}/notes`, { headers })).json());
    expect(notes.items.map(({ text }) => text)).toEqual(["Buy a lamp for the side gate"]);
  });

  it("deletes all notes for a session that lives, and logs out everywhere", async () => {
    const elsewhere = await logIn(example.postern, person);
    await logInHere("Notes");
    await press("Delete all");
    await press("Delete");
    await page.getByRole("status").filter({ hasText: "All notes deleted." }).waitFor();
    await page.getByRole("link", { name: "Sessions" }).click();
    await press("Log out everywhere");
    await heading("Log in");
    const { refresh_token } = elsewhere;
    await eventually(async () =>
      expect((await post(example.postern, "/api/v1/auth/refresh", { refresh_token })).status).toBe(401),
    );
  });

  it("says how long to wait when the service asks for it, and when it does not answer", async () => {
    const answer = { status: 429, contentType: "application/problem+json", body: '{"code":"rate_limited"}' };
    const headers = {
      "Retry-After": "300",
      "Access-Control-Allow-Origin": example.app,
      "Access-Control-Allow-Credentials": "true",
      "Access-Control-Expose-Headers": "Retry-After",
    };
    await page.route("**/api/v1/auth/login", (route) => route.fulfill({ ...answer, headers }));
    await page.getByLabel("Email address or username").fill(person.email);
    await page.getByLabel("Password").fill(person.password);
    await press("Log in");
    await page.getByRole("alert").filter({ hasText: "Try again in 5 minutes." }).waitFor();
    await page.route("**/api/v1/auth/*", (route) => route.abort());
    await page.reload();
    await heading("Something went wrong");
    await show("unreachable");
    await page.unroute("**/api/v1/auth/*");
    await page.unroute("**/api/v1/auth/login");
    await press("Try again");
    await heading("Log in");
  });

  it("logs in with a passkey that was added on Postern's page", async () => {
    const authenticator = await addAuthenticator(page);
    await page.goto(example.app);
    await press("Log in with a passkey");
    await page.getByRole("alert").filter({ hasText: "No passkey was used." }).waitFor();
    await logInHere("Notes");
    await page.goto(`${example.postern}/account`);
    await press("Add passkey");
    await press("I've saved them");
    await page.getByText(/^The passkey .* has been added\.$/).waitFor();
    expect(await authenticator.passkeys()).toHaveLength(1);
    await page.goto(example.app);
    await press("Log out");
    await heading("Log in");
    await press("Log in with a passkey");
    await heading("Notes");
  });

  it("does all of this without an error in the console or a breach of its policy", () => {
    expect(complaints).toEqual([]);
  });
});

describe.skipIf(!HAS_WEBKIT)("the example's app in WebKit (needs Debian's webkit2gtk-driver and xvfb)", () => {
  it("stays logged in over a reload, although everything is on http://localhost", async () => {
    const { app, postern } = example;
    const person = newPerson();
    expect((await post(postern, "/api/v1/auth/register", person)).status).toBe(202);
    const token = new URL(await mailedLink(postern, person.email, "verify-email")).hash.replace("#token=", "");
    expect((await post(postern, "/api/v1/auth/verify-email", { token })).status).toBe(200);
    const tab = await openWebKit();
    try {
      await tab.open(app);
      await tab.type("#name", person.username);
      await tab.type("#password", person.password);
      await tab.click("button[type=submit]");
      const isNotes = `document.querySelector("h1")?.textContent === "Notes"`;
      await until(tab, isNotes);
      await tab.open(app);
      await until(tab, isNotes);
    } finally {
      await tab.close();
    }
  });
});

describe("npm run example, interrupted by Ctrl-C", () => {
  it("ends all three, leaves no process behind, and does not count as a failure", async () => {
    const { app, api, postern, interrupt } = example;
    const { code, output } = await interrupt();
    // Some versions of npm end by the signal and so have no exit code, which is right for an interrupted program.
    expect(code ?? 0, output).toBe(0);
    expect(output).not.toContain("npm error");
    for (const origin of [app, api, postern]) await expect(fetch(origin), origin).rejects.toThrow();
  });
});
