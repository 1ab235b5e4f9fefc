import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { logIn, newPerson, post, readMe, refresh, register, verifyAsStranger } from "./live-person.ts";
import { type Service, useClone } from "./live-service.ts";

const clone = useClone();
let service: Service;

beforeAll(async () => {
  service = await clone.start();
});

describe("npm run dev on a fresh clone", () => {
  it("makes .dev.vars with a random secret, and says where everything is", () => {
    const file = join(clone.folder, ".dev.vars");
    expect(readFileSync(file, "utf8")).toMatch(/^ENVIRONMENT=development\nAUTH_SECRET=[\w-]{64}\n$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const path of ["/api/v1", "/docs", "/dev/outbox", "/health"])
      expect(service.output()).toContain(`${service.origin}${path}`);
  });

  it("walks from registration to logout over the network", async () => {
    const { origin } = service;
    const person = await register(origin, newPerson());
    const first = await logIn(origin, person);

    const me = await readMe(origin, first.access_token);
    expect(me.status).toBe(200);
    expect(await me.json()).toMatchObject({ email: person.email, username: person.username, is_verified: true });

    const second = await refresh(origin, first.refresh_token);
    expect(second.session_id).toBe(first.session_id);
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect((await readMe(origin, second.access_token)).status).toBe(200);

    const out = await post(origin, "/api/v1/auth/logout", {}, second.access_token);
    expect(out.status).toBe(204);
    for (const token of [first.access_token, second.access_token])
      expect((await readMe(origin, token)).status).toBe(401);
    for (const token of [first.refresh_token, second.refresh_token]) {
      expect((await post(origin, "/api/v1/auth/refresh", { refresh_token: token })).status).toBe(401);
    }
  });

  it("issues tokens that jose verifies with nothing but the served JWKS", async () => {
    const { origin } = service;
    const tokens = await logIn(origin, await register(origin));
    const { payload, protectedHeader } = await verifyAsStranger(origin, tokens.access_token);
    expect(payload).toMatchObject({ sid: tokens.session_id, role: "user", email_verified: true });
    expect(protectedHeader).toMatchObject({ alg: "ES256", typ: "at+jwt" });
    const [head, , signature] = tokens.access_token.split(".");
    const forged = [
      head,
      Buffer.from(JSON.stringify({ ...payload, role: "admin" })).toString("base64url"),
      signature,
    ].join(".");
    await expect(verifyAsStranger(origin, forged)).rejects.toMatchObject({
      code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
    });
    expect((await readMe(origin, forged)).status).toBe(401);
  });

  it.each(["/docs", "/verify-email"])(
    "serves the page %s under a strict policy, with every file that it names",
    async (path) => {
      const { origin } = service;
      const page = await fetch(`${origin}${path}`);
      expect(page.status).toBe(200);
      expect(page.headers.get("Content-Type")).toContain("text/html");
      const policy = page.headers.get("Content-Security-Policy");
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");

      const html = await page.text();
      const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(
        ([, link]) => new URL(link ?? "", `${origin}${path}`),
      );
      expect(named.filter((link) => link.origin !== origin)).toEqual([]);
      const files = named.filter(({ pathname }) => pathname.startsWith("/static/"));
      expect(files.length).toBeGreaterThan(2);
      for (const file of files) {
        const answer = await fetch(file);
        expect([file.pathname, answer.status]).toEqual([file.pathname, 200]);
        expect(Object.fromEntries(answer.headers), file.pathname).toMatchObject({
          "x-content-type-options": "nosniff",
          "referrer-policy": "no-referrer",
          "x-frame-options": "DENY",
          "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
          "cross-origin-resource-policy": "same-origin",
          "strict-transport-security": "max-age=63072000; includeSubDomains",
          "cache-control": expect.stringMatching(/^public, max-age=(0, must-revalidate|86400)$/),
        });
        expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(0);
      }
      for (const link of named) expect([link.pathname, (await fetch(link)).status]).toEqual([link.pathname, 200]);
    },
  );

  it("runs a second instance beside it with a port, an issuer and state of its own, which it finds again after a stop", async () => {
    const other = await clone.start(["--var", "RATE_LIMITING:off"], await clone.migratedState());
    expect(readFileSync(join(clone.folder, ".dev.vars"), "utf8").match(/AUTH_SECRET/g)).toHaveLength(1);
    const here = await register(service.origin);
    const there = await register(other.origin, here);
    expect((await logIn(other.origin, there)).session_id).toBeDefined();

    const tokens = await logIn(service.origin, here);
    expect((await readMe(service.origin, tokens.access_token)).status).toBe(200);
    expect((await readMe(other.origin, tokens.access_token)).status).toBe(401);
    await expect(verifyAsStranger(other.origin, tokens.access_token)).rejects.toThrow();

    const login = { email: here.email, password: "a wrong password, this is" };
    const limited = await post(service.origin, "/api/v1/auth/login", login);
    expect([limited.status, limited.headers.has("RateLimit")]).toEqual([401, true]);
    const unlimited = await post(other.origin, "/api/v1/auth/login", login);
    expect([unlimited.status, unlimited.headers.has("RateLimit")]).toEqual([401, false]);

    // Only npm gets the signal. No process that it started may remain, and no data may be lost.
    await other.stop();
    await expect(fetch(`${other.origin}/health`)).rejects.toThrow();
    expect((await readMe(service.origin, tokens.access_token)).status).toBe(200);
    const again = await clone.serve([], other.state);
    expect((await logIn(again.origin, there)).session_id).toBeDefined();
  }, 240_000);

  it("ends on a configuration that can't be, and says which variable it is", async () => {
    const subjects = 'MAIL_SUBJECTS:{"verify_email":"Hello: {product}","welcome":"Hello"}';
    const { code, output } = await clone.run("dev", "--persist-to", await clone.migratedState(), "--var", subjects);
    expect(output).toContain("MAIL_SUBJECTS has an unknown kind of email: welcome. It takes verify_email,");
    expect(code).toBeGreaterThan(0);
    expect(output).not.toContain("Ctrl-C stops it");
  });
});
