/**
 * The API reference, its OpenAPI document, and the brand page of development. The build makes all of them as static
 * assets: the Worker only adds the headers.
 */
import { endpoint } from "../../endpoint/endpoint.ts";
import type { Exchange } from "../../http/exchange.ts";

/**
 * The policy of the reference page. Its library sets style attributes, so the policy allows these. The library needs no
 * other exception.
 */
const REFERENCE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

export const readOpenApi = endpoint(
  {
    id: "readOpenApi",
    method: "get",
    path: "/openapi.json",
    tag: "Service",
    summary: "This document",
    success: { status: 200, description: "OpenAPI 3.1.", contentType: "application/json" },
  },
  (_, { exchange }) => asset(exchange, "/openapi.json", {}),
);

export const readReference = endpoint(
  {
    id: "readReference",
    method: "get",
    path: "/docs",
    tag: "Service",
    summary: "The interactive reference",
    success: { status: 200, description: "A page that loads nothing from another host.", contentType: "text/html" },
  },
  (_, { exchange }) => asset(exchange, "/pages/docs.html", { "Content-Security-Policy": REFERENCE_POLICY }),
);

/**
 * The policy of the brand page. Like emails, the page has style attributes. It shows images that the developer chooses.
 * Its frames inherit this policy.
 */
const BRAND_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' blob: https:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** Exists only in development mode, which answers only on a loopback address. */
export const readBrandPage = endpoint(
  {
    id: "readBrandPage",
    method: "get",
    path: "/dev/brand",
    tag: "Development",
    summary: "Try out a brand",
    description:
      "Shows the hosted pages and the emails while a developer changes the name, the logo and the colors, and prints the configuration for them. Exists only in development.",
    success: { status: 200, description: "A page.", contentType: "text/html" },
  },
  (_, { exchange }) => asset(exchange, "/pages/brand.html", { "Content-Security-Policy": BRAND_POLICY }),
);

async function asset(exchange: Exchange, path: string, headers: Record<string, string>): Promise<Response> {
  // The asset server handles conditional headers, such as `If-None-Match`.
  const found = await exchange.fetchAsset(path, exchange.headers);
  const response = new Response(found.body, found);
  response.headers.set("Cache-Control", "public, max-age=0, must-revalidate");
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}
