import { describe, expect, it } from "vitest";
import { appWith, call, deployedAt, expectProblem, get } from "../support/client.ts";

/** The header that a browser sends when a user opens an address. */
const BROWSER = { Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const inBrowser = (path: string, more: Record<string, string> = {}) => get(path, { headers: { ...BROWSER, ...more } });

describe("the address of the service", () => {
  it("shows a person where to log in, and a program what there is", async () => {
    const page = await inBrowser("/");
    expect(page.headers.get("Content-Type")).toMatch(/^text\/html/);
    expect(page.headers.get("Content-Security-Policy")).toContain("script-src 'self'; style-src 'self';");
    for (const path of ["/login?lang=en", "/register?lang=en", "/docs", "/dev/outbox", "/dev/brand"])
      expect(page.text).toContain(`href="${path}"`);
    expect(page.text).not.toMatch(/\{\{|undefined/);
    // The page is complete without its script, which only shows other links to a user who is logged in.
    expect(page.text).not.toContain("<noscript>");
    expect(page.text).toContain('<div id="user" hidden>');
    for (const Accept of ["*/*", "application/json", "text/htmlx"]) {
      const { json, headers } = await get("/", { headers: { Accept } });
      expect(json.links.docs).toMatch(/\/docs$/);
      expect(headers.get("Vary")).toContain("Accept");
    }
    expect(page.headers.get("Vary")).toContain("Accept, Accept-Language");
  });

  it("speaks the language of the browser, and of the link to another one", async () => {
    expect((await inBrowser("/", { "Accept-Language": "de" })).text).toContain("<h1>Ihr Konto</h1>");
    expect((await inBrowser("/?lang=en", { "Accept-Language": "de" })).text).toContain("<h1>Your account</h1>");
  });

  it("knows what the operator allows, so that the style sheet can hide the rest", async () => {
    const { text } = await get("/", { headers: BROWSER }, appWith({ REGISTRATION: "closed" }));
    expect(text).toContain('data-environment="development" data-registration="closed"');
    expect(text).toContain('class="button button-quiet second if-open" href="/register');
    expect(text).toContain('class="ways if-development"><a href="/dev/outbox"');
  });
});

describe("the page of a brand", () => {
  it("exists in development alone, and takes scripts of this service only", async () => {
    const page = await inBrowser("/dev/brand");
    expect(page.headers.get("Content-Type")).toMatch(/^text\/html/);
    expect(page.headers.get("Content-Security-Policy")).toContain("script-src 'self'; style-src 'self';");
    expect(page.text.match(/<iframe [^>]*sandbox="allow-same-origin"/g)).toHaveLength(2);
    // Without `get`, which compares responses with the OpenAPI document of development.
    const production = deployedAt("https://auth.example.com");
    expect((await production(new Request("https://auth.example.com/dev/brand"))).status).toBe(404);
  });
});

describe("a path that does not exist", () => {
  it("is a page for a person, with the status 404 and in their language", async () => {
    const page = await inBrowser("/wp-login.php", { "Accept-Language": "de" });
    expect(page.status).toBe(404);
    expect(page.headers.get("Content-Type")).toBe("text/html; charset=UTF-8");
    expect(page.headers.get("X-Request-Id")).not.toBeNull();
    expect(page.text).toContain("<h1>Seite nicht gefunden</h1>");
    expect(page.text).toContain('href="?lang=en"');
    expect(page.text).not.toMatch(/<script|\{\{|undefined/);
  });

  it("is a problem document for a program, and everywhere below /api/", async () => {
    expectProblem(await get("/wp-login.php", { headers: { Accept: "*/*" } }), 404, "not_found");
    expectProblem(await inBrowser("/api/v1/nothing"), 404, "not_found");
    const wrong = await call("DELETE", "/login", { headers: BROWSER });
    expectProblem(wrong, 405, "method_not_allowed");
  });
});

describe("an address that people and programs try", () => {
  it.each([
    ["/forgot-password", "/reset-password"],
    ["/.well-known/change-password", "/account#change-title"],
    ["/favicon.ico", "/static/logo.svg"],
  ])("GET %s leads to %s", async (path, location) => {
    const { status, headers } = await get(path);
    expect([status, headers.get("Location")]).toEqual([302, location]);
  });

  it("GET /robots.txt keeps crawlers out (RFC 9309)", async () => {
    const { text, headers } = await get("/robots.txt");
    expect(headers.get("Content-Type")).toBe("text/plain; charset=UTF-8");
    expect(text).toBe("User-agent: *\nDisallow: /\n");
  });

  it("GET /.well-known/security.txt names the contact, if there is one (RFC 9116)", async () => {
    const path = "/.well-known/security.txt";
    expectProblem(await get(path), 404, "not_found");
    const { text, headers } = await get(path, {}, appWith({ SECURITY_CONTACT: "mailto:security@example.com" }));
    expect(headers.get("Content-Type")).toBe("text/plain; charset=UTF-8");
    expect(text).toContain("Contact: mailto:security@example.com\n");
    const expires = Date.parse(/^Expires: (\S+)$/m.exec(text)?.[1] ?? "");
    expect(expires).toBeGreaterThan(Date.now());
    expect(expires).toBeLessThan(Date.now() + 365 * 86_400_000);
  });

  it.each(["http://example.com/security", "security@example.com", "mailto:a b@example.com"])(
    "does not take %s for a contact",
    async (contact) => {
      await expect(async () => appWith({ SECURITY_CONTACT: contact })).rejects.toThrow(/SECURITY_CONTACT takes/);
    },
  );
});
