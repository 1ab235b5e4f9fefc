/** The API reference and the OpenAPI document. The build writes them as assets; the Worker adds the headers. */
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { type App, addOperation, defineOperation } from "../http/operation.ts";

/** Swagger UI sets style attributes; everything else works with a strict policy. */
const REFERENCE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** They contain no user data. Revalidation shows a new version at once. */
const REVALIDATED = { "Cache-Control": "public, max-age=0, must-revalidate" };

const openApiOperation = defineOperation({
  id: "readOpenApi",
  method: "get",
  path: "/openapi.json",
  tag: "Service",
  summary: "OpenAPI document",
  success: { status: 200, description: "OpenAPI 3.1.", contentType: "application/json" },
  refusals: [],
});

const referenceOperation = defineOperation({
  id: "readReference",
  method: "get",
  path: "/docs",
  tag: "Service",
  summary: "Interactive API reference",
  success: { status: 200, description: "A page that loads nothing from other hosts.", contentType: "text/html" },
  refusals: [],
});

export function addDocumentRoutes(app: App): void {
  addOperation(app, openApiOperation, (c) => asset(c, "/openapi.json", {}));
  addOperation(app, referenceOperation, (c) =>
    asset(c, "/pages/docs.html", { "Content-Security-Policy": REFERENCE_POLICY }),
  );
}

async function asset(c: Context<AppEnv>, path: string, headers: Record<string, string>): Promise<Response> {
  // The asset server handles the conditional headers.
  const found = await c.env.ASSETS.fetch(new Request(new URL(path, c.req.url), { headers: c.req.raw.headers }));
  const response = new Response(found.body, found);
  for (const [name, value] of Object.entries({ ...REVALIDATED, ...headers })) response.headers.set(name, value);
  return response;
}
