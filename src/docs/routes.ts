/**
 * The pages and documents that were built ahead: the API reference, its OpenAPI document, and the page
 * behind a mailed link. They are static assets; the Worker only adds the headers.
 */
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { type App, addOperation, defineOperation } from "../http/operation.ts";

const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** The reference's library sets style attributes, and nothing else that a strict policy forbids. */
const REFERENCE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const openApiOperation = defineOperation({
  id: "readOpenApi",
  method: "get",
  path: "/openapi.json",
  tag: "Service",
  summary: "This document",
  success: { status: 200, description: "OpenAPI 3.1.", contentType: "application/json" },
  refusals: [],
});

const referenceOperation = defineOperation({
  id: "readReference",
  method: "get",
  path: "/docs",
  tag: "Service",
  summary: "The interactive reference",
  success: { status: 200, description: "A page that loads nothing from another host.", contentType: "text/html" },
  refusals: [],
});

const verifyEmailPageOperation = defineOperation({
  id: "readVerifyEmailPage",
  method: "get",
  path: "/verify-email",
  tag: "Pages",
  summary: "The page behind a verification link",
  description: "Reads the token from the URL's fragment and spends it when a person asks for it.",
  success: { status: 200, description: "A page.", contentType: "text/html" },
  refusals: [],
});

const resetPasswordPageOperation = defineOperation({
  id: "readResetPasswordPage",
  method: "get",
  path: "/reset-password",
  tag: "Pages",
  summary: "The page behind a reset link",
  description: "Reads the token from the URL's fragment, and asks for the new password.",
  success: { status: 200, description: "A page.", contentType: "text/html" },
  refusals: [],
});

export function addDocumentRoutes(app: App): void {
  addOperation(app, openApiOperation, (c) => asset(c, "/openapi.json", {}));
  addOperation(app, referenceOperation, (c) =>
    asset(c, "/pages/docs.html", { "Content-Security-Policy": REFERENCE_POLICY }),
  );
  addOperation(app, resetPasswordPageOperation, (c) =>
    asset(c, "/pages/reset-password.html", { "Content-Security-Policy": PAGE_POLICY }),
  );
  addOperation(app, verifyEmailPageOperation, (c) =>
    asset(c, "/pages/verify-email.html", { "Content-Security-Policy": PAGE_POLICY }),
  );
}

async function asset(c: Context<AppEnv>, path: string, headers: Record<string, string>): Promise<Response> {
  // The conditional headers are the asset server's to answer.
  const found = await c.env.ASSETS.fetch(new Request(new URL(path, c.req.url), { headers: c.req.raw.headers }));
  const response = new Response(found.body, found);
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}
