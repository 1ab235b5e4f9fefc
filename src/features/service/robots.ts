import { endpoint } from "../../endpoint/endpoint.ts";

/** No page is meant for search engines, which would only list old links. */
const RULES = "User-agent: *\nDisallow: /\n";

export const readRobots = endpoint(
  {
    id: "readRobots",
    method: "get",
    path: "/robots.txt",
    tag: "Service",
    summary: "Rules for crawlers",
    description: "RFC 9309: no page is to be crawled.",
    success: { status: 200, description: "The rules.", contentType: "text/plain" },
  },
  async () => new Response(RULES, { headers: { "Content-Type": "text/plain; charset=UTF-8" } }),
);
