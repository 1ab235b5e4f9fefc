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

/** A request that an operation reads without complaint, made of the examples in the OpenAPI document. */
export function exampleOf({ method, path, bodyOptional = false }: Endpoint): ExampleRequest {
  const schema: Described | undefined = document.paths[path][method].requestBody?.content["application/json"].schema;
  const request = { method: method.toUpperCase(), path: path.replace("{id}", crypto.randomUUID()) };
  if (schema === undefined || bodyOptional) return request;
  const { required = [], properties } = schema;
  // A login names either address or username, which a schema can't say.
  const fields = Object.keys(properties).filter((name) => required.includes(name) || name === "email");
  const body = Object.fromEntries(fields.map((name) => [name, properties[name]?.examples?.[0]]));
  return { ...request, body };
}
