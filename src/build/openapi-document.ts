/** The OpenAPI 3.1 document, generated from the endpoints of the app. */
import * as z from "zod";
import type { Config } from "../config/config.ts";
import { type Endpoint, type SuccessAnswer, takesAccessToken } from "../endpoint/endpoint.ts";
import { tokenCookieName } from "../features/login/token-cookies.ts";
import { type ErrorCode, PROBLEMS, statusOf } from "../http/problems.ts";
import { parameterSchema } from "../http/routes.ts";
import { bodyExamples, parameterExamples } from "./openapi-examples.ts";
import { type Json, type JsonObject, problemContent, problemSchema, refusalsOf } from "./openapi-refusals.ts";

const TAGS = [
  { name: "Authentication", description: "Register, verify an email address, log in, refresh, log out." },
  { name: "Second factors", description: "What users need besides their password to log in." },
  { name: "Users", description: "What users can do with their own account." },
  {
    name: "Administration",
    description: "What operators can do with other accounts, and what they can see and change in the service.",
  },
  { name: "Well-known", description: "What verifiers need to check access tokens." },
  { name: "Service", description: "The service itself." },
  { name: "Pages", description: "Hosted pages: log-in, registration, the account, and the pages that emails link to." },
  { name: "Development", description: "Exists only with `ENVIRONMENT=development`." },
];

export function buildDocument(endpoints: readonly Endpoint[], config: Config, version: string): JsonObject {
  const components: JsonObject = { Problem: problemSchema() };
  const paths: { [path: string]: JsonObject } = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method]: describe(endpoint, config, components) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Postern API",
      version,
      summary: "An authentication service that runs at the edge.",
      description: "Every error is a problem document (RFC 9457) with a stable `code`.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "This service." }],
    tags: TAGS,
    paths,
    components: {
      schemas: components,
      headers: headers(),
      securitySchemes: {
        bearerAuth: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "An access token." },
        refreshCookie: {
          type: "apiKey",
          in: "cookie",
          name: tokenCookieName("postern_refresh", true),
          description: `The refresh token in cookie mode. Otherwise, send it in the body. During development on http://localhost its name is \`${tokenCookieName("postern_refresh", false)}\`.`,
        },
      },
    },
  };
}

function describe(endpoint: Endpoint, config: Config, components: JsonObject): JsonObject {
  return {
    operationId: endpoint.id,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    description: endpoint.description,
    security: securityOf(endpoint),
    parameters: parametersOf(endpoint, components),
    requestBody:
      endpoint.body === undefined
        ? undefined
        : {
            required: !endpoint.bodyOptional,
            content: {
              "application/json": {
                schema: toSchema(endpoint.body(config), "input", components),
                examples: bodyExamples(endpoint.id),
              },
            },
          },
    responses: {
      ...Object.fromEntries(
        endpoint.answers.map((answer) => [String(answer.status), describeAnswer(answer, endpoint, components)]),
      ),
      ...describeRefusals(endpoint, components),
    },
  };
}

function parametersOf(endpoint: Endpoint, components: JsonObject): Json {
  const inPath = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: parameterSchema(name),
    examples: parameterExamples(endpoint.id, name),
  }));
  const { properties = {}, required = [] } =
    endpoint.query === undefined ? {} : asObject(toSchema(endpoint.query, "input", components));
  const inQuery = Object.entries(asObject(properties)).map(([name, property]) => {
    const { description, ...schema } = asObject(property);
    return {
      name,
      in: "query",
      required: Array.isArray(required) && required.includes(name),
      description,
      schema,
      examples: parameterExamples(endpoint.id, name),
    };
  });
  const parameters = [...inPath, ...inQuery];
  return parameters.length === 0 ? undefined : parameters;
}

function securityOf(endpoint: Endpoint): Json {
  const { credentials } = endpoint;
  const schemes: Json[] = [];
  if (credentials.includes("access_token")) schemes.push({ bearerAuth: [] });
  // OpenAPI has no scheme for a token in the body, so an empty requirement stands for it.
  if (credentials.includes("refresh_token")) schemes.push({ refreshCookie: [] }, {});
  return schemes;
}

function describeAnswer(answer: SuccessAnswer, endpoint: Endpoint, components: JsonObject): JsonObject {
  const contentTypes = [answer.contentType ?? "application/json"].flat();
  const schema = answer.schema === undefined ? {} : { schema: toSchema(answer.schema, "output", components) };
  const hasContent = answer.schema !== undefined || answer.contentType !== undefined;
  return {
    description: answer.description,
    headers: headersOf(endpoint, answer.status),
    content: hasContent
      ? {
          ...Object.fromEntries(contentTypes.map((contentType) => [contentType, schema])),
          ...(answer.orPage && { "text/html": {} }),
        }
      : undefined,
  };
}

function describeRefusals(endpoint: Endpoint, components: JsonObject): JsonObject {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of refusalsOf(endpoint)) {
    const status = statusOf(code, takesAccessToken(endpoint));
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const own = endpoint.answers.find((answer) => answer.status === status);
      const content = {
        ...(own === undefined ? {} : asObject(describeAnswer(own, endpoint, components).content)),
        "application/problem+json": problemContent(status, codes),
      };
      const description = own?.description ?? codes.map((code) => PROBLEMS[code].title).join(" · ");
      return [String(status), { description, headers: headersOf(endpoint, status), content }];
    }),
  );
}

function asObject(value: Json): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function headersOf(endpoint: Endpoint, status: number): JsonObject {
  const names = ["X-Request-Id"];
  if (status === 429 || status === 503) names.push("Retry-After");
  if (status === 401) names.push("WWW-Authenticate");
  if (endpoint.refusals.includes("rate_limited")) names.push("RateLimit", "RateLimit-Policy");
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function headers(): JsonObject {
  const text = (description: string) => ({ description, schema: { type: "string" } });
  return {
    "X-Request-Id": text("Identifies this request in the logs."),
    "Retry-After": { description: "Seconds.", schema: { type: "string", pattern: "^[0-9]+$" } },
    "WWW-Authenticate": text("RFC 6750 §3."),
    RateLimit: text("What is left of each limit."),
    "RateLimit-Policy": text("The limits."),
  };
}

/** A zod schema as JSON Schema (draft 2020-12). Schemas with an id become components. */
function toSchema(schema: z.ZodType, io: "input" | "output", components: JsonObject): Json {
  const {
    $schema: _,
    $defs,
    ...generated
  } = z.toJSONSchema(schema, {
    io,
    target: "draft-2020-12",
    override({ jsonSchema, zodSchema }) {
      // Zod leaves out the examples of a schema that transforms its input.
      const examples = z.globalRegistry.get(zodSchema)?.examples;
      if (Array.isArray(examples)) jsonSchema.examples ??= examples;
      // The pattern says the same as the format, and is hard to read.
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  for (const [id, definition] of Object.entries($defs ?? {})) components[id] = tidy(definition);
  return tidy(generated);
}

function tidy(schema: object): Json {
  const { id: _, ...rest } = JSON.parse(JSON.stringify(schema).replaceAll("#/$defs/", "#/components/schemas/"));
  return rest;
}
