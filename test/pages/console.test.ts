import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { endpointsOf } from "../../src/endpoints.ts";
import { appWith, get, ORIGIN, type Send } from "../support/client.ts";

const BROWSER = { headers: { Accept: "text/html" } };

/** Does not use `get`, which checks responses against the OpenAPI document: the document has only the default path. */
const statusAtDefault = async (send: Send) => (await send(new Request(`${ORIGIN}/admin`))).status;

describe("the page of the console", () => {
  it.each(["en", "de"])("is as strict as the hosted pages, and loads what is there, in %s", async (language) => {
    const page = await get(`/admin?lang=${language}`);
    const hosted = await get(`/account?lang=${language}`);
    expect(page.status).toBe(200);
    expect(page.headers.get("Content-Language")).toBe(language);
    const policy = page.headers.get("Content-Security-Policy");
    expect(policy).toBe(hosted.headers.get("Content-Security-Policy"));
    expect(policy).toContain("require-trusted-types-for 'script'; trusted-types 'none'");
    expect(page.text).not.toMatch(/<script(?![^>]*src=)|<style|style="|onclick|\{\{|undefined/);
    const urls = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = ""]) => url);
    expect(urls).toContain(`/static/console/${language}.js`);
    for (const url of urls) {
      expect(url).toMatch(/^\/static\//);
      expect((await env.ASSETS.fetch(`http://localhost${url}`)).status, url).toBe(200);
    }
  });

  it("is at another path if the operator chooses one, and the hosted pages link to it there", async () => {
    const send = appWith({ ADMIN_PATH: "/back-office" });
    expect((await get("/back-office", {}, send)).text).toContain('data-console="/back-office"');
    expect(await statusAtDefault(send)).toBe(404);
    for (const path of ["/", "/account"]) {
      expect((await get(path, BROWSER, send)).text).toContain('href="/back-office?lang=en"');
    }
  });

  it("is nowhere if the operator turns it off, and the style sheet hides the links to it", async () => {
    const send = appWith({ ADMIN_PATH: "off" });
    expect(await statusAtDefault(send)).toBe(404);
    expect((await get("/account", {}, send)).text).toContain('data-console=""');
    const styles = await (await env.ASSETS.fetch("http://localhost/static/postern.css")).text();
    expect(styles).toContain('[data-console=""] .if-console');
  });

  it("is linked for operators alone: on the account page when its script knows the role, at home in development", async () => {
    expect((await get("/account")).text).toMatch(/<p class="if-console" id="to-console" hidden>/);
    expect((await get("/", BROWSER)).text).toContain(
      '<p class="ways if-development if-console"><a href="/admin?lang=en">',
    );
  });

  it("takes no path that Postern uses for something else", async () => {
    const config = parseConfig(env);
    const others = endpointsOf(config)
      .map(({ path }) => `/${path.split("/")[1]}`)
      .filter((path) => path !== "/admin" && /^\/[a-z][a-z-]*$/.test(path));
    expect(others.length).toBeGreaterThan(10);
    for (const path of [...new Set([...others, "/static", "/pages", "/metrics", "/dev"])]) {
      expect(() => parseConfig({ ...env, ADMIN_PATH: path }), path).toThrow("ADMIN_PATH is a path that Postern uses");
    }
    for (const path of ["admin", "/", "/admin/", "/a/b", "/Admin", "//evil.example"]) {
      expect(() => parseConfig({ ...env, ADMIN_PATH: path }), path).toThrow("ADMIN_PATH takes a path like /admin");
    }
  });
});
