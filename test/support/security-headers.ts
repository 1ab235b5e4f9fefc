import { expect } from "vitest";

/** The exact headers of every response. */
const EVERYWHERE = {
  "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "X-Frame-Options": "DENY",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
};

/** Responses without tokens or personal data, which caches may store. New routes are not in this list by default. */
const PUBLIC = new Set([
  "/.well-known/jwks.json",
  "/.well-known/oauth-authorization-server",
  "/.well-known/webauthn",
  "/openapi.json",
]);
const PAGES = new Set([
  "/docs",
  "/verify-email",
  "/reset-password",
  "/confirm-email",
  "/undo-email-change",
  "/accept-invitation",
  "/email-login",
  "/login",
  "/logout",
  "/register",
  "/account",
  "/admin",
]);

/** Checks the headers of a response. `call` does this for every response in the tests. */
export function expectSecurityHeaders(method: string, path: string, { status, headers }: Response): void {
  const where = `${method} ${path} ${status}`;
  expect(headers.get("X-Request-Id"), where).toMatch(/^[\w-]{8,64}$/);
  for (const [name, value] of Object.entries(EVERYWHERE)) expect(headers.get(name), `${where} ${name}`).toBe(value);

  const policy = headers.get("Content-Security-Policy") ?? "";
  const isPage = /^text\/html/.test(headers.get("Content-Type") ?? "");
  if (!isPage && status !== 304) expect(policy, where).toBe("default-src 'none'; frame-ancestors 'none'");
  expect(policy, where).toMatch(/^default-src 'none'; (.*; )?frame-ancestors 'none'$/);
  expect(policy, where).not.toMatch(/unsafe-eval|(script-src|style-src|style-src-elem|default-src) [^;]*unsafe/);

  // The page of the outbox has a nonce, so caches must not store it.
  const isPublic = PUBLIC.has(path) || PAGES.has(path) || (isPage && path !== "/dev/outbox");
  const mayBeKept = isPublic && (status === 200 || status === 304);
  if (mayBeKept) expect(headers.get("Cache-Control"), where).toMatch(/^public, max-age=\d+(, must-revalidate)?$/);
  else expect(headers.get("Cache-Control"), where).toBe("no-store");

  const isOpen = headers.get("Access-Control-Allow-Origin") === "*";
  if (isOpen) {
    expect(path, where).toMatch(/^\/(\.well-known\/|openapi\.json$)/);
    expect(headers.has("Access-Control-Allow-Credentials"), where).toBe(false);
  } else expect(headers.get("Vary") ?? "", where).toContain("Origin");
}
