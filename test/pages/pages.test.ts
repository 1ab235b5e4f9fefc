import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { CONSOLE_PAGE, PAGES } from "../../src/features/pages/hosted-pages.ts";
import { appWith, get } from "../support/client.ts";
import { operations } from "../support/openapi.ts";

const paths = operations.filter(({ tag, id }) => tag === "Pages" && id !== CONSOLE_PAGE.id).map(({ path }) => path);
const LOGIN = "/login";

describe("the pages", () => {
  it("are there for every link that is mailed, and for who has no app yet", () => {
    const { links, publicUrl } = parseConfig(env);
    const urls = Object.values(links).filter((value) => typeof value === "string");
    const others = ["/login", "/logout", "/register", "/account"].map((path) => `${publicUrl}${path}`);
    expect(paths.map((path) => `${publicUrl}${path}`).toSorted()).toEqual([...urls, ...others].toSorted());
    expect(paths).toHaveLength(Object.keys(PAGES).length);
  });

  it.each(paths)("GET %s is a page under a policy without exceptions, and of no other host", async (path) => {
    for (const language of ["en", "de"]) {
      const { text, headers } = await get(path, { headers: { "Accept-Language": language } });
      expect(headers.get("Content-Type")).toMatch(/^text\/html/);
      expect(headers.get("Content-Security-Policy")).toMatch(/script-src 'self'; style-src 'self';/);
      for (const [, url] of text.matchAll(/(?:src|href)="([^"]+)"/g)) expect(url).toMatch(/^\/(?!\/)/);
      // A script element with JSON is allowed, because no browser runs it.
      expect(text).not.toMatch(/<script(?![^>]*(src=|type="application\/json"))|<style|style="|onclick/);
      expect(text, "nothing is left open").not.toMatch(/\{\{|undefined|\[object/);
      const data = /<script type="application\/json" id="words">(.*)<\/script>/.exec(text)?.[1] ?? "";
      expect(JSON.parse(data)).toHaveProperty("forms.failed");
    }
  });

  it.each(paths)("GET %s has what comes later read out: failures at once, everything else in passing", async (path) => {
    const { text } = await get(path);
    const tagsOf = (name: string) => text.match(new RegExp(`<p [^>]*class="${name}"[^>]*>`, "g")) ?? [];
    expect(tagsOf("form-error")).not.toEqual([]);
    for (const tag of tagsOf("form-error")) expect(tag).toContain('role="alert"');
    for (const tag of tagsOf("notice")) expect(tag).toContain('role="status"');
    expect(text).toContain('id="progress" aria-live="polite"');
  });

  it.each(paths)("GET %s loads ahead what its script imports, all of which is there", async (path) => {
    const { text } = await get(path);
    const files = async (first: string) => {
      const seen = new Set([first]);
      for (const file of seen) {
        const found = await env.ASSETS.fetch(`http://localhost${file}`);
        expect(found.status, file).toBe(200);
        // The client is a bundle, which imports nothing.
        const source = file.endsWith("/client.js") ? "" : await found.text();
        for (const [, name] of source.matchAll(/from "\.\/([\w-]+\.js)"|^import "\.\/([\w-]+\.js)"/gm)) {
          seen.add(`/static/${name}`);
        }
      }
      return [...seen].slice(1);
    };
    const script = /<script type="module" src="([^"]+)"/.exec(text)?.[1] ?? "";
    const ahead = [...text.matchAll(/rel="modulepreload" href="([^"]+)"/g)].map(([, url]) => url);
    expect(ahead.toSorted()).toEqual((await files(script)).toSorted());
  });
});

describe("the language of a page", () => {
  it.each([
    [undefined, "", "en", "Log in"],
    ["de-AT,de;q=0.9,en;q=0.8", "", "de", "Anmelden"],
    ["fr", "", "en", "Log in"],
    ["en", "?lang=de", "de", "Anmelden"],
    ["de", "?lang=en", "en", "Log in"],
    ["de", "?lang=xx", "de", "Anmelden"],
  ])("for Accept-Language %s and %s is %s", async (accepted, query, language, heading) => {
    const headers: Record<string, string> = accepted === undefined ? {} : { "Accept-Language": accepted };
    const page = await get(`${LOGIN}${query}`, { headers });
    expect(page.headers.get("Content-Language")).toBe(language);
    expect(page.headers.get("Vary")).toContain("Accept-Language");
    expect(page.text).toContain(`<html lang="${language}"`);
    expect(page.text).toMatch(new RegExp(`<h1[^>]*>${heading}</h1>`));
    // Links keep the language of the page.
    expect(page.text).toContain(`href="/register?lang=${language}"`);
  });
});

describe("what the operator says", () => {
  it("stands in the pages, and never as markup", async () => {
    const name = `Ada & Söhne <b>"x"</b> {{registration}}`;
    const { text } = await get(LOGIN, {}, appWith({ PRODUCT_NAME: name }));
    const escaped = "Ada &amp; Söhne &lt;b&gt;&quot;x&quot;&lt;/b&gt; {{registration}}";
    expect(text).toContain(`<title>Log in · ${escaped}</title>`);
    expect(text).toContain(`<span id="product">${escaped}</span>`);
    expect(text).not.toContain("<b>");
    expect(text).not.toContain("Postern");
  });

  it("of passwords and of registration stands there too", async () => {
    const send = appWith({ PASSWORD_MIN_LENGTH: "20", REGISTRATION: "invitation" });
    const { text } = await get("/register", {}, send);
    expect(text).toContain("At least 20 characters");
    expect(text).toContain('data-registration="invitation"');
  });

  it.each([
    ["1", "en", "Trust this device for 1 day<"],
    ["1", "de", "Diesem Gerät 1 Tag lang vertrauen"],
    ["14", "en", "Trust this device for 14 days"],
    ["14", "de", "Diesem Gerät 14 Tage lang vertrauen"],
  ])("of trusted devices, %s in %s, reads %s", async (days, lang, words) => {
    const { text } = await get(`${LOGIN}?lang=${lang}`, {}, appWith({ TRUSTED_DEVICE_DAYS: days }));
    expect(text).toContain(words);
  });
});

describe("a page that the browser has cached", () => {
  it("is not sent again, until it says something else", async () => {
    const first = await get(LOGIN);
    const etag = first.headers.get("ETag") ?? "";
    expect(etag).toMatch(/^"[\da-f]{40}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await get(LOGIN, { headers: { "If-None-Match": known } });
      expect([again.status, again.text, again.headers.get("ETag")]).toEqual([304, "", etag]);
      expect(again.headers.get("Vary")).toContain("Accept-Language");
    }
    const headers = { "If-None-Match": etag };
    const others = [
      await get(LOGIN, { headers }, appWith({ PRODUCT_NAME: "Another" })),
      await get(LOGIN, { headers: { ...headers, "Accept-Language": "de" } }),
      await get("/register", { headers }),
    ];
    for (const other of others) {
      expect(other.status).toBe(200);
      expect(other.headers.get("ETag")).not.toBe(etag);
    }
  });

  it("is an error in our logs where the build is missing, and no page", async () => {
    const ASSETS = { fetch: async () => new Response(null, { status: 404 }), connect: env.ASSETS.connect };
    const answer = await get(LOGIN, {}, appWith({}, { ASSETS }));
    expect(answer.status).toBe(500);
    expect(answer.json.code).toBe("internal_error");
  });
});

describe("what only the compiler reads", () => {
  it.each(["/tsconfig.json", "/globals.d.ts", "/static/client.d.ts"])("is no asset: %s", async (path) => {
    expect((await env.ASSETS.fetch(`http://localhost${path}`)).status).toBe(404);
    expect((await env.ASSETS.fetch("http://localhost/static/client.js")).status).toBe(200);
  });
});
