/**
 * The documents that were built ahead: the API reference and its OpenAPI document. They are static assets; the
 * Worker only adds the headers.
 */
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { type App, addOperation, defineOperation } from "../http/operation.ts";

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

export function addDocumentRoutes(app: App): void {
  addOperation(app, openApiOperation, (c) => asset(c, "/openapi.json", {}));
  addOperation(app, referenceOperation, (c) =>
    asset(c, "/pages/docs.html", { "Content-Security-Policy": REFERENCE_POLICY }),
  );
}

async function asset(c: Context<AppEnv>, path: string, headers: Record<string, string>): Promise<Response> {
  // The conditional headers are the asset server's to answer.
  const found = await c.env.ASSETS.fetch(new Request(new URL(path, c.req.url), { headers: c.req.raw.headers }));
  const response = new Response(found.body, found);
  for (const [name, value] of Object.entries({ ...REVALIDATED, ...headers })) response.headers.set(name, value);
  return response;
}
