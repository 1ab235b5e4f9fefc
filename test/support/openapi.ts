import { env } from "cloudflare:workers";
import { Validator } from "@cfworker/json-schema";
import { expect } from "vitest";
import { buildDocument } from "../../src/build/openapi-document.ts";
import { parseConfig } from "../../src/config/config.ts";
import { endpointsOf } from "../../src/endpoints.ts";
import { pathPattern } from "../../src/http/routes.ts";
import { VERSION } from "../../src/version.ts";
import { expectSecurityHeaders } from "./security-headers.ts";

const config = parseConfig(env);
export const operations = endpointsOf(config);
export const document = JSON.parse(JSON.stringify(buildDocument(operations, config, VERSION)));

const validators = new Map<string, Validator>();

/**
 * Checks a response of the API against the document: its status and content type must be listed for the route, its body
 * must match the schema, and the documented headers must be present.
 */
export async function expectDocumented(method: string, url: string, response: Response): Promise<void> {
  const path = new URL(url).pathname.replace(/(?<=.)\/$/, "");
  const operation = operations.find(
    (candidate) => candidate.method === method.toLowerCase() && pathPattern(candidate.path).test(path),
  );
  expectSecurityHeaders(method, path, response);
  if (operation === undefined || response.status === 304) return;

  const where = `${operation.method} ${operation.path} ${response.status}`;
  const answer = document.paths[operation.path][operation.method].responses[String(response.status)];
  expect(answer, `${where} is in the OpenAPI document`).toBeDefined();
  for (const header of ["Retry-After", "WWW-Authenticate"]) {
    if (answer.headers[header]) expect(response.headers.has(header), `${where} has ${header}`).toBe(true);
  }
  if (answer.content === undefined) {
    expect(await response.clone().text(), `${where} has no body`).toBe("");
    return;
  }
  const [contentType = ""] = (response.headers.get("Content-Type") ?? "").split(";");
  const content = answer.content[contentType];
  expect(content, `${where} may be ${contentType}`).toBeDefined();
  if (content.schema === undefined || method === "HEAD") return;
  const key = `${where} ${contentType}`;
  const validator =
    validators.get(key) ?? new Validator({ ...content.schema, components: document.components }, "2020-12", false);
  validators.set(key, validator);
  const result = validator.validate(await response.clone().json());
  expect(result.errors, `${where} matches its schema`).toEqual([]);
}
