/** Paths as OpenAPI writes them, for Hono and for the answer to unknown routes. */
const UUID = "[0-9A-Fa-f-]{36}";
const WORD = "[A-Za-z]{1,64}";

/** What a parameter of a path can be: `name` is a word, and every other one is a UUID. */
function parameterPattern(name: string): string {
  return name === "name" ? WORD : UUID;
}

/** The schema of a parameter of a path. */
export function parameterSchema(name: string) {
  return name === "name"
    ? ({ type: "string", pattern: `^${WORD}$` } as const)
    : ({ type: "string", format: "uuid" } as const);
}

/** Matches a path without a trailing slash. */
export function pathPattern(path: string): RegExp {
  const escaped = path
    .replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&")
    .replaceAll(/\{(\w+)\}/g, (_, name) => parameterPattern(name));
  return new RegExp(`^${escaped.replace(/(?<=.)\/$/, "")}$`);
}

/** The pattern of the route that answers a request, as OpenAPI writes it. All unknown paths have one name. */
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
