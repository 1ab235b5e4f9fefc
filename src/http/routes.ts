/** Converts paths in OpenAPI's spelling, `/users/{id}`, for Hono and for the answer to unknown routes. */
const UUID = "[0-9A-Fa-f-]{36}";
const WORD = "[A-Za-z]{1,64}";

/** The pattern of a path parameter: `name` is a word, and every other parameter is a UUID. */
function parameterPattern(name: string): string {
  return name === "name" ? WORD : UUID;
}

/** The JSON Schema of a path parameter. */
export function parameterSchema(name: string) {
  return name === "name"
    ? ({ type: "string", pattern: `^${WORD}$` } as const)
    : ({ type: "string", format: "uuid" } as const);
}

/** The regular expression for a path. It matches the path without a trailing slash. */
export function pathPattern(path: string): RegExp {
  const escaped = path
    .replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&")
    .replaceAll(/\{(\w+)\}/g, (_, name) => parameterPattern(name));
  return new RegExp(`^${escaped.replace(/(?<=.)\/$/, "")}$`);
}

/** A route's name for metrics: its Hono pattern in OpenAPI's spelling. All unknown paths have the name `unknown`. */
export function routeName(pattern: string): string {
  if (pattern.includes("*")) return "unknown";
  return pattern
    .replaceAll(`{${UUID}}`, "")
    .replaceAll(`{${WORD}}`, "")
    .replaceAll(/:(\w+)/g, "{$1}");
}

/** The path in Hono's spelling. */
export function honoPath(path: string): string {
  return path.replace(/(?<=.)\/$/, "").replaceAll(/\{(\w+)\}/g, (_, name) => `:${name}{${parameterPattern(name)}}`);
}
