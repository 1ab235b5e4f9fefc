/** The OpenAPI 3.1 document, generated from the operations of the app. */
import * as z from "zod";
import { REFRESH_COOKIE } from "../auth/refresh-cookie.ts";
import type { Config } from "../config.ts";
import type { Operation, OperationAnswer } from "../http/operation.ts";
import { type ErrorCode, PROBLEMS } from "../http/problems.ts";
import type { Json, JsonObject } from "./json.ts";
import { problemContent, problemSchema, refusalsOf } from "./refusals.ts";

const TAGS = [
  { name: "Authentication", description: "Register, verify an email address, log in, refresh, log out." },
  { name: "Users", description: "What users can do with their own account." },
  { name: "Administration", description: "What operators can do with other accounts." },
  { name: "Well-known", description: "What verifiers need to check access tokens." },
  { name: "Service", description: "The service itself." },
  { name: "Pages", description: "Hosted pages: log-in, registration, the account, and the pages that emails link to." },
  { name: "Development", description: "Exists only with `ENVIRONMENT=development`." },
];

export function buildDocument(operations: readonly Operation[], config: Config, version: string): JsonObject {
  const components: JsonObject = { Problem: problemSchema() };
  const paths: { [path: string]: JsonObject } = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation, config, components) };
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
          name: REFRESH_COOKIE,
          description: "The refresh token in cookie mode. Otherwise, send it in the body.",
        },
      },
    },
  };
}

function describe(operation: Operation, config: Config, components: JsonObject): JsonObject {
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    description: operation.description,
    security: securityOf(operation),
    parameters: parametersOf(operation, components),
    requestBody:
      operation.body === undefined
        ? undefined
        : {
            required: !operation.bodyOptional,
            content: { "application/json": { schema: toSchema(operation.body(config), "input", components) } },
          },
    responses: {
      ...Object.fromEntries(
        [operation.success, ...(operation.alternatives ?? [])].map((answer) => [
          String(answer.status),
          describeAnswer(answer, operation, components),
        ]),
      ),
      ...describeRefusals(operation, components),
    },
  };
}

function parametersOf(operation: Operation, components: JsonObject): Json {
  const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string", format: "uuid" },
  }));
  const { properties = {}, required = [] } =
    operation.query === undefined ? {} : asObject(toSchema(operation.query, "input", components));
  const inQuery = Object.entries(asObject(properties)).map(([name, property]) => {
    const { description, ...schema } = asObject(property);
    return { name, in: "query", required: Array.isArray(required) && required.includes(name), description, schema };
  });
  const parameters = [...inPath, ...inQuery];
  return parameters.length === 0 ? undefined : parameters;
}

function securityOf(operation: Operation): Json {
  const credentials = operation.credentials ?? [];
  const schemes: Json[] = [];
  if (credentials.includes("access_token")) schemes.push({ bearerAuth: [] });
  // OpenAPI has no scheme for a token in the body: the empty requirement stands for it.
  if (credentials.includes("refresh_token")) schemes.push({ refreshCookie: [] }, {});
  return schemes;
}

function describeAnswer(answer: OperationAnswer, operation: Operation, components: JsonObject): JsonObject {
  const contentType = answer.contentType ?? "application/json";
  const schema = answer.schema === undefined ? {} : { schema: toSchema(answer.schema, "output", components) };
  const hasContent = answer.schema !== undefined || answer.contentType !== undefined;
  return {
    description: answer.description,
    headers: headersOf(operation, answer.status),
    content: hasContent ? { [contentType]: schema } : undefined,
  };
}

function describeRefusals(operation: Operation, components: JsonObject): JsonObject {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of refusalsOf(operation)) {
    byStatus.set(PROBLEMS[code].status, [...(byStatus.get(PROBLEMS[code].status) ?? []), code]);
  }
  const taken = new Set((operation.alternatives ?? []).map(({ status }) => Number(status)));
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const own = taken.has(status) ? operation.alternatives?.find((answer) => answer.status === status) : undefined;
      const content = {
        ...(own === undefined ? {} : asObject(describeAnswer(own, operation, components).content)),
        "application/problem+json": problemContent(status, codes),
      };
      const description = own?.description ?? codes.map((code) => PROBLEMS[code].title).join(" · ");
      return [String(status), { description, headers: headersOf(operation, status), content }];
    }),
  );
}

function asObject(value: Json): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function headersOf(operation: Operation, status: number): JsonObject {
  const names = ["X-Request-Id"];
  if (status === 429 || status === 503) names.push("Retry-After");
  if (status === 401) names.push("WWW-Authenticate");
  if (operation.refusals.includes("rate_limited")) names.push("RateLimit", "RateLimit-Policy");
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
    override({ jsonSchema }) {
      // The pattern repeats the format, and is hard to read.
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
