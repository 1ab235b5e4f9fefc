import type { Endpoint } from "../../src/endpoint/endpoint.ts";
import { document } from "./openapi.ts";

interface Described {
  required?: string[];
  properties: Record<string, { examples?: unknown[]; anyOf?: { examples?: unknown[] }[] }>;
}

interface ExampleRequest {
  method: string;
  path: string;
  body?: object;
}

/** A request that passes an operation's validation, made of the examples in the OpenAPI document. */
export function exampleOf({ method, path, bodyOptional = false }: Endpoint): ExampleRequest {
  const schema: Described | undefined = document.paths[path][method].requestBody?.content["application/json"].schema;
  const request = {
    method: method.toUpperCase(),
    path:
      path.replace("{name}", "loginPerAddress").replaceAll(/\{\w+\}/g, () => crypto.randomUUID()) +
      exampleQuery(document.paths[path][method].parameters ?? []),
  };
  if (schema === undefined || bodyOptional) return request;
  const { required = [], properties } = schema;
  const fields = Object.keys(properties).filter((name) => isNeeded(name, required.includes(name)));
  const body = Object.fromEntries(fields.map((name) => [name, properties[name]?.examples?.[0]]));
  return { ...request, body };
}

interface Parameter {
  name: string;
  in: string;
  required: boolean;
  schema: { examples?: string[] };
}

function exampleQuery(parameters: Parameter[]): string {
  const needed = parameters.filter(
    (parameter) => parameter.in === "query" && isNeeded(parameter.name, parameter.required),
  );
  const query = new URLSearchParams(needed.map(({ name, schema }) => [name, schema.examples?.[0] ?? ""]));
  return needed.length === 0 ? "" : `?${query}`;
}

/** Whether an example needs this member. If a route needs one of two members, the example has `email` or `totp`. */
const isNeeded = (name: string, required: boolean) => required || name === "email" || name === "totp";
