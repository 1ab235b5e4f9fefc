/**
 * The pages and documents that were built ahead: the API reference, its OpenAPI document, and the page
 * behind the mailed links. They are static assets; the Worker only adds the headers.
 */
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { type App, addOperation, defineOperation } from "../http/operation.ts";

/** Trusted Types too: no text becomes markup or script on the page that holds a mailed token. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors 'none'";

/** The reference's library sets style attributes, and nothing else that a strict policy forbids. */
const REFERENCE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** They hold nothing of anybody; a new version is seen at once. */
const REVALIDATED = { "Cache-Control": "public, max-age=0, must-revalidate" };

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

/** One page serves every mailed link, and knows by its path what to say. Its words: public/static/link-pages.js. */
const LINK_PAGES = [
  {
    id: "readVerifyEmailPage",
    path: "/verify-email",
    summary: "The page behind a verification link",
    description: "Reads the token from the URL's fragment and spends it when a person asks for it.",
  },
  {
    id: "readResetPasswordPage",
    path: "/reset-password",
    summary: "The page behind a reset link",
    description: "Reads the token from the URL's fragment, and asks for the new password.",
  },
  {
    id: "readConfirmEmailPage",
    path: "/confirm-email",
    summary: "The page behind a new address's link",
    description: "Reads the token from the URL's fragment and spends it when a person asks for it.",
  },
  {
    id: "readUndoEmailChangePage",
    path: "/undo-email-change",
    summary: "The page behind an old address's link",
    description:
      "Reads the token from the URL's fragment, says what undoing entails, and spends it when a person asks for it.",
  },
  {
    id: "readAcceptInvitationPage",
    path: "/accept-invitation",
    summary: "The page behind an invitation",
    description: "Reads token and address from the URL's fragment, and asks for a username and a password.",
  },
];

export function addDocumentRoutes(app: App): void {
  addOperation(app, openApiOperation, (c) => asset(c, "/openapi.json", {}));
  addOperation(app, referenceOperation, (c) =>
    asset(c, "/pages/docs.html", { "Content-Security-Policy": REFERENCE_POLICY }),
  );
  for (const page of LINK_PAGES) {
    const operation = defineOperation({
      ...page,
      method: "get",
      tag: "Pages",
      success: { status: 200, description: "A page.", contentType: "text/html" },
      refusals: [],
    });
    addOperation(app, operation, (c) => asset(c, "/pages/link.html", { "Content-Security-Policy": PAGE_POLICY }));
  }
}

async function asset(c: Context<AppEnv>, path: string, headers: Record<string, string>): Promise<Response> {
  // The conditional headers are the asset server's to answer.
  const found = await c.env.ASSETS.fetch(new Request(new URL(path, c.req.url), { headers: c.req.raw.headers }));
  const response = new Response(found.body, found);
  for (const [name, value] of Object.entries({ ...REVALIDATED, ...headers })) response.headers.set(name, value);
  return response;
}
