/** Uses the running service in a real browser, and collects the errors and requests of its pages. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
  type Route,
} from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { eventually } from "../support/eventually.ts";
import { outboxSchema, type Person, register } from "./live-person.ts";
import { askShared, type Prepared } from "./live-service.ts";

/**
 * Debian's `chromium-headless-shell`: the engine of `chromium` without the browser window around each page. These
 * windows would take three quarters of the CPU time.
 */
const SHELL = "/usr/bin/chromium-headless-shell";
/** The shell, or Debian's `chromium` if the shell is not installed. */
export const CHROMIUM = existsSync(SHELL) ? SHELL : "/usr/bin/chromium";
/** The options of every launch of the browser. */
export const LAUNCH = {
  executablePath: CHROMIUM,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};
const PICTURES = "test/.output/screenshots";

/** Whether tests check every view in every look, and keep a picture of it: `npm run test:gallery`. */
export const GALLERY = process.env.GALLERY !== undefined;

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/**
 * Each look has only one language: pages differ between languages only in their words and the words' lengths.
 */
export const LOOKS = [
  { name: "desktop-light", viewport: DESKTOP, colorScheme: "light", language: "en" },
  { name: "desktop-dark", viewport: DESKTOP, colorScheme: "dark", language: "de" },
  { name: "phone-light", viewport: PHONE, colorScheme: "light", language: "de" },
  { name: "phone-dark", viewport: PHONE, colorScheme: "dark", language: "en" },
] as const;
export type Look = (typeof LOOKS)[number];
type WalkLooks = readonly [Look, ...Look[]];

/**
 * The looks of each walk through many views. The gallery has one walk for each look. Other runs have one walk, which
 * shows each view in two looks with different screens and colors. It is in German, because German words are longer.
 */
export const WALKS: readonly { readonly name: string; readonly looks: WalkLooks }[] = GALLERY
  ? LOOKS.map((look) => ({ name: look.name, looks: [look] }))
  : [{ name: "desktop-dark and phone-light", looks: [LOOKS[1], LOOKS[2]] }];

/** The narrowest screen on which every page must fit (WCAG 2.2 §1.4.10). */
const NARROWEST = { width: 320, height: 640 };

export function launchBrowser(): Promise<Browser> {
  return chromium.launch(LAUNCH);
}

/** A browser for the tests of a `describe`. After each test, {@link Visitor.leave} checks what its pages did. */
export function useVisitor(service: { readonly origin: string }, others: readonly string[] = []): Visitor {
  const visitor = new Visitor(service, others);
  beforeAll(() => visitor.launch());
  afterEach(() => visitor.leave());
  afterAll(() => visitor.close());
  return visitor;
}

/**
 * A person's browser: its pages, and the errors in them. Each call of `arrive` starts as another person.
 *
 * The browser gets the files of the pages from the disk, where they were built for the run. A page has about 30 files,
 * and `wrangler dev` takes more CPU time to serve them than the browser takes for the page. In client-browser.test.ts,
 * foreign-page.test.ts and engines.test.ts, the service serves these files.
 */
export class Visitor {
  readonly complaints: string[] = [];
  readonly requests: { method: string; url: string; referer: string | undefined }[] = [];
  readonly #service: { readonly origin: string };
  readonly #others: readonly string[];
  #browser: Browser | undefined;
  #assets = "";
  #page: Page | undefined;

  constructor(service: { readonly origin: string }, others: readonly string[]) {
    this.#service = service;
    this.#others = others;
  }

  async launch(): Promise<void> {
    const [browser, { assets }] = await Promise.all([launchBrowser(), askShared<Prepared>("prepared")]);
    this.#browser = browser;
    this.#assets = assets;
  }

  async close(): Promise<void> {
    await this.#browser?.close();
  }

  get page(): Page {
    if (this.#page === undefined) throw new Error("The visitor has not arrived.");
    return this.#page;
  }

  get origin(): string {
    return this.#service.origin;
  }

  /** Opens the path, if one is given, without the cookies and storage of the previous person. */
  async arrive(path?: string, options: BrowserContextOptions = {}): Promise<Page> {
    if (this.#browser === undefined) throw new Error("The browser is not launched.");
    const context = await this.#browser.newContext({ viewport: DESKTOP, locale: "en-US", ...options });
    this.complaints.length = 0;
    this.requests.length = 0;
    // Listens to the whole context, because the person may open more windows.
    collectComplaints(context, this.complaints);
    context.on("request", (request) => {
      this.requests.push({ method: request.method(), url: request.url(), referer: request.headers().referer });
    });
    await context.route(`${this.origin}/static/**`, (route) => {
      const path = join(this.#assets, new URL(route.request().url()).pathname);
      return existsSync(path) ? route.fulfill({ path }) : route.continue();
    });
    this.#page = await context.newPage();
    if (path !== undefined) await this.open(path);
    return this.#page;
  }

  /** Registers a user, logs in, and opens the account page. */
  async arriveAtHome(options: BrowserContextOptions = {}): Promise<Person> {
    const person = await register(this.origin);
    const page = await this.arrive(undefined, options);
    await this.logInAtOnce(person);
    await this.open("/account");
    await page.locator("#view-account").waitFor();
    return person;
  }

  /** Logs in with a cookie, as the log-in page does, but opens no page. */
  async logInAtOnce({ email, password }: Person): Promise<void> {
    const login = { data: { email, password, cookie: true }, headers: { Origin: this.origin } };
    expect((await this.page.request.post(`${this.origin}/api/v1/auth/login`, login)).status()).toBe(200);
  }

  /** Leaves, and expects that no page logged an error, sent a request to another host, or put a token into a URL. */
  async leave(): Promise<void> {
    await this.#page?.context().close();
    this.#page = undefined;
    expect(this.complaints).toEqual([]);
    const known = [this.origin, ...this.#others];
    for (const { url, referer } of this.requests) {
      expect(url.startsWith("blob:") || known.includes(new URL(url).origin), url).toBe(true);
      expect(url, "no token in any address that is asked for").not.toContain("token=");
      expect(referer ?? "").not.toContain("token=");
    }
  }

  async open(path: string): Promise<void> {
    await this.page.goto(path.startsWith("http") ? path : `${this.origin}${path}`);
  }

  /** Logs in on the log-in page, and waits for the account page. */
  async logIn({ email, password }: Person): Promise<void> {
    await this.open("/login");
    await this.submit("login", { name: email, password });
    await this.page.locator("#view-account").waitFor();
  }

  /** Fills in these fields of a form, by their ids, and clicks its button. */
  async submit(form: string, fields: Record<string, string>, page = this.page): Promise<void> {
    for (const [field, text] of Object.entries(fields)) await page.fill(`#${field}`, text);
    await page.click(`#${form}-button`);
  }

  /** Opens another window of the same browser. */
  async openWindow(path: string): Promise<Page> {
    const other = await this.page.context().newPage();
    await other.goto(`${this.origin}${path}`);
    return other;
  }

  /** Waits until an element contains this text. */
  async reads(selector: string, words: string | RegExp): Promise<void> {
    await this.page.locator(selector, { hasText: words }).waitFor();
  }

  /** Waits for the view with this heading. */
  async sees(heading: string): Promise<void> {
    await this.page.locator("h1:visible", { hasText: heading }).waitFor();
  }

  /** Presses Tab until an element has the focus, like a user without a mouse. */
  async tabTo(selector: string): Promise<void> {
    for (let presses = 0; presses < 40; presses++) {
      await this.page.keyboard.press("Tab");
      if (await this.page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) return;
    }
    throw new Error(`The Tab key does not lead to ${selector}.`);
  }

  /** Fills in a field with the keyboard only. */
  async typeInto(selector: string, text: string): Promise<void> {
    await this.tabTo(selector);
    await this.page.keyboard.press("ControlOrMeta+A");
    await this.page.keyboard.type(text);
  }

  keepPicture(name: string): Promise<void> {
    return keepPicture(this.page, name);
  }
}

/** Collects the errors and warnings of all pages. */
export function collectComplaints(context: BrowserContext, complaints: string[]): void {
  context.on("weberror", (error) => complaints.push(String(error.error())));
  context.on("console", (message) => {
    // Chromium logs every response with a status of 400 or more. Some tests cause such responses on purpose.
    if (/error|warning/.test(message.type()) && !/Failed to load resource/.test(message.text())) {
      complaints.push(message.text());
    }
  });
}

/** Gives the browser of a page a virtual authenticator for passkeys, which confirms every request. */
export async function addAuthenticator(page: Page) {
  const devTools = await page.context().newCDPSession(page);
  await devTools.send("WebAuthn.enable");
  const { authenticatorId } = await devTools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      ctap2Version: "ctap2_1",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    },
  });
  return {
    /** The passkeys that the device has. */
    async passkeys() {
      return (await devTools.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
    },
    /** Forgets every passkey. */
    clear: () => devTools.send("WebAuthn.clearCredentials", { authenticatorId }),
    /** Sets whether the authenticator verifies its user. */
    setVerified: (isUserVerified: boolean) =>
      devTools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
    /** Sets whether the user confirms at once or never. */
    setPresence: (enabled: boolean) =>
      devTools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled }),
  };
}

/** By how many pixels a page is wider than its window. */
export const overflowOf = (page: Page) => page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");

/** Keeps a picture of the page for the gallery, which only people look at. No test compares pictures. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  if (!GALLERY) return;
  mkdirSync(PICTURES, { recursive: true });
  // An open dialog is in the middle of the window, not of the page.
  const fullPage = (await page.locator("dialog[open]").count()) === 0;
  await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage });
}

/** Answers a request with a refusal instead of sending it to the service. */
export function refusal(status: number, code: string, headers: Record<string, string> = {}) {
  const body = JSON.stringify({ code, errors: [] });
  return (route: Route) => route.fulfill({ status, headers, contentType: "application/problem+json", body });
}

/** Holds back one request, or the response to it. `arrived` resolves once it is held. `release` lets it continue. */
export async function hold(where: Page | BrowserContext, what: "request" | "response", url: string) {
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const holdBack = async (route: Route) => {
    const response = what === "response" ? await route.fetch() : undefined;
    arrived.resolve();
    await released.promise;
    await (response === undefined ? route.continue() : route.fulfill({ response }));
  };
  await where.route(url, holdBack, { times: 1 });
  return { arrived: arrived.promise, release: released.resolve };
}

/** Expects that a page has one heading, and fits on the narrowest screen. */
export async function expectRoom(page: Page, where: string): Promise<void> {
  expect(await page.locator("h1:visible").count(), `${where}: one heading`).toBe(1);
  const usual = page.viewportSize() ?? DESKTOP;
  await page.setViewportSize(NARROWEST);
  expect(await overflowOf(page), `${where}: no scrolling sideways`).toBeLessThanOrEqual(0);
  await page.setViewportSize(usual);
}

/**
 * Runs axe in the page. Returns only what the tests use: copying the whole result takes longer than making it.
 * Without `preload`, axe does not read the style sheets again, which none of its default rules needs.
 */
const AXE_RUN = `axe.run(document, { resultTypes: ["violations"], iframes: false, preload: false })
  .then(({ violations, passes }) => ({
    violations: violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) => ({ id, html, any }))),
    passed: passes.length,
  }))`;

/** Expects that axe finds no violation. Ignores frames, because their contents belong to other sites. */
export async function expectAccessible(page: Page, where: string): Promise<void> {
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axe.source);
  const { violations, passed } = await page.evaluate<{ violations: object[]; passed: number }>(AXE_RUN);
  expect(violations, where).toEqual([]);
  expect(passed, `${where}: it was looked at`).toBeGreaterThan(10);
}

/** Runs `expectRoom` in the first look, which the page has already, and axe in every look. Ends in the first look. */
export async function expectGoodLooks(page: Page, looks: WalkLooks, nameIn: (look: Look) => string): Promise<void> {
  const [first, ...others] = looks;
  await expectRoom(page, nameIn(first));
  for (const look of [...others, first]) {
    const { viewport, colorScheme } = look;
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page, nameIn(look));
    await keepPicture(page, nameIn(look));
  }
}

/** Waits until this many links to a page were emailed to an address. Returns the newest. */
export function mailedLink(origin: string, email: string, page: string, count = 1): Promise<string> {
  return eventually(async () => {
    const { items } = outboxSchema.parse(await (await fetch(`${origin}/dev/outbox`)).json());
    const pattern = new RegExp(`http\\S+/${page}#token=[^\\s>]+`);
    const links = items.flatMap(({ to, text }) => (to === email ? (pattern.exec(text)?.[0] ?? []) : []));
    expect(links.length).toBe(count);
    return links[0] ?? "";
  });
}
