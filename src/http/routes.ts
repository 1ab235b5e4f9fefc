/** Paths as OpenAPI writes them, for Hono and for the answer to unknown routes. Every parameter is a UUID. */
const UUID = "[0-9A-Fa-f-]{36}";

/** Matches a path without a trailing slash. */
export function pathPattern(path: string): RegExp {
  const escaped = path.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll(/\{\w+\}/g, UUID);
  return new RegExp(`^${escaped.replace(/(?<=.)\/$/, "")}$`);
}

/** The pattern of the route that answers a request, as OpenAPI writes it. All unknown paths have one name. */
export function routeName(pattern: string): string {
  return pattern.includes("*") ? "unknown" : pattern.replaceAll(`{${UUID}}`, "").replaceAll(/:(\w+)/g, "{$1}");
}

/** The path in Hono's spelling. */
export function honoPath(path: string): string {
  return path.replace(/(?<=.)\/$/, "").replaceAll(/\{(\w+)\}/g, `:$1{${UUID}}`);
}
