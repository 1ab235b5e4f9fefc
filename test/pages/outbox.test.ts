import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { call, expectProblem, get } from "../support/client.ts";
import { loggedIn, registered } from "../support/people.ts";

const PATH = "/dev/outbox";
const asBrowser = { headers: { Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" } };

describe("the outbox", () => {
  beforeEach(async () => {
    await env.DB.exec("DELETE FROM outbox");
  });

  it("is a page in a browser, and the emails as JSON for a program", async () => {
    const { email } = await registered();
    const page = await get(PATH, asBrowser);
    expect(page.headers.get("Content-Type")).toBe("text/html; charset=UTF-8");
    expect(page.text).not.toContain(email);
    const program = await get(PATH, { headers: { Accept: "*/*" } });
    expect(program.headers.get("Content-Type")).toBe("application/json");
    const [verification] = program.json.items;
    expect(Object.keys(verification)).toEqual(["id", "to", "subject", "text", "html", "sent_at"]);
    expect(verification.to).toBe(email);
    for (const { headers } of [page, program]) {
      expect(headers.get("Vary")).toContain("Accept");
      expect(headers.get("Cache-Control")).toBe("no-store");
    }
  });

  it("gives the HTML of an email no scripts, and lets no other page frame it", async () => {
    const { text, headers } = await get(PATH, asBrowser);
    const policy = headers.get("Content-Security-Policy");
    const nonce = /data-style-nonce="([\w-]{22})"/.exec(text)?.[1];
    for (const part of [
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; style-src-attr 'unsafe-inline';`,
      "img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none';",
      "require-trusted-types-for 'script'; trusted-types outbox; frame-ancestors 'none'",
    ])
      expect(policy).toContain(part);
    const [frame = ""] = /<iframe[^>]*>/.exec(text) ?? [];
    expect(frame).toContain('sandbox="allow-popups allow-popups-to-escape-sandbox"');
    expect(text).not.toMatch(/<script(?![^>]*src=)|<style| style="|onclick|\{\{/);
    expect((await get(PATH, asBrowser)).text, "each page has a nonce of its own").not.toContain(nonce);
  });

  it("is not sent or logged again while nothing is new", async () => {
    await registered();
    const first = await get(PATH);
    const log = vi.spyOn(console, "log");
    const tag = first.headers.get("ETag") ?? "";
    const again = await get(PATH, { headers: { "If-None-Match": tag } });
    expect([again.status, again.text]).toEqual([304, ""]);
    expect(log).not.toHaveBeenCalled();
    await registered();
    expect((await get(PATH, { headers: { "If-None-Match": tag } })).json.items).toHaveLength(2);
    expect(log).toHaveBeenCalled();
  });

  it("is cleared by its own page and by programs, and by no page of another origin", async () => {
    await loggedIn();
    const foreign = [
      { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" },
      // Another site's page may link to the outbox, but may not delete the emails by a navigation.
      { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" },
    ];
    for (const headers of foreign) {
      expectProblem(await call("DELETE", PATH, { headers }), 403, "origin_not_allowed");
    }
    // A browser without Fetch Metadata sends a preflight request first, which is refused.
    const preflight = { Origin: "https://evil.example", "Access-Control-Request-Method": "DELETE" };
    const { headers } = await call("OPTIONS", PATH, { headers: preflight });
    expect(headers.get("Access-Control-Allow-Origin")).toBeNull();
    expect((await get(PATH)).json.items).not.toEqual([]);

    expect((await call("DELETE", PATH, { headers: { "Sec-Fetch-Site": "same-origin" } })).status).toBe(204);
    expect((await get(PATH)).json).toEqual({ items: [] });
  });
});
