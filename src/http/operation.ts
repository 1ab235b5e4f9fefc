/**
 * An operation: one method on one path, as data. The same object validates requests at run time and
 * is read by the build of the OpenAPI document, so the two can't part.
 */
import type { Context, Hono } from "hono";
import type * as z from "zod";
import type { Config } from "../config.ts";
import { answerProblem } from "./answer.ts";
import type { AppEnv } from "./app-env.ts";
import { acceptJson, jsonBody, queryOf } from "./body.ts";
import { type ErrorCode, isRefusal, type Refusal } from "./problems.ts";

export type App = Hono<AppEnv>;

/** How a caller proves who they are; a refresh token is taken from the body or from the cookie. */
export type Credential = "access_token" | "refresh_token";

export interface OperationAnswer {
  status: 200 | 202 | 204 | 503;
  description: string;
  /** The JSON that comes back; absent where there is no body or it is not JSON. */
  schema?: z.ZodType;
  contentType?: string;
}

export interface Operation<Code extends ErrorCode = ErrorCode> {
  id: string;
  method: "get" | "post" | "put" | "patch" | "delete";
  /** In OpenAPI's spelling: `/api/v1/users/{id}`. */
  path: string;
  tag: string;
  summary: string;
  description?: string;
  /** Any one of these is enough; none for a public operation. */
  credentials?: readonly Credential[];
  /** The shape of the body, which may depend on the configuration. Absent where none is read. */
  body?: (config: Config) => z.ZodType;
  /** The shape of the query: each parameter is one text. Absent where none is read. */
  query?: z.ZodObject;
  /** Whether the body may be left out altogether. */
  bodyOptional?: boolean;
  success: OperationAnswer;
  /** Other answers that are no problem documents. */
  alternatives?: readonly OperationAnswer[];
  /** Every code that the handler answers with; what middleware refuses is added by the document's build. */
  refusals: readonly Code[];
}

export interface OperationWithBody<Body extends z.ZodType, Code extends ErrorCode> extends Operation<Code> {
  body: (config: Config) => Body;
}

export interface OperationWithQuery<Query extends z.ZodObject, Code extends ErrorCode> extends Operation<Code> {
  query: Query;
}

/** Keeps the literal types of an operation's codes, and of its body or query where it has one. */
export function defineOperation<Body extends z.ZodType, const Code extends ErrorCode>(
  operation: OperationWithBody<Body, Code>,
): OperationWithBody<Body, Code>;
export function defineOperation<Query extends z.ZodObject, const Code extends ErrorCode>(
  operation: OperationWithQuery<Query, Code>,
): OperationWithQuery<Query, Code>;
export function defineOperation<const Code extends ErrorCode>(operation: Operation<Code>): Operation<Code>;
export function defineOperation(operation: Operation): Operation {
  return operation;
}

const operationsByApp = new WeakMap<App, Operation[]>();

/** Every operation that an app answers, in the order in which they were added. */
export function operationsOf(app: App): readonly Operation[] {
  return operationsByApp.get(app) ?? [];
}

/** Puts an operation that reads no body on the app. The handler refuses with the listed codes alone. */
export function addOperation<Code extends ErrorCode>(
  app: App,
  operation: Operation<Code>,
  handler: (c: Context<AppEnv>) => Promise<Response | Refusal<Code>>,
): void {
  register(app, operation);
  app.on(operation.method.toUpperCase(), honoPath(operation), async (c) => answer(c, await handler(c)));
}

/** Puts an operation on the app whose handler is handed the validated body. */
export function addOperationWithBody<Body extends z.ZodType, Code extends ErrorCode>(
  app: App,
  config: Config,
  operation: OperationWithBody<Body, Code>,
  handler: (c: Context<AppEnv>, body: z.output<Body>) => Promise<Response | Refusal<Code>>,
): void {
  register(app, operation);
  app.on(
    operation.method.toUpperCase(),
    honoPath(operation),
    acceptJson(operation.bodyOptional ?? false),
    jsonBody(operation.body(config)),
    async (c) => answer(c, await handler(c, c.req.valid("json"))),
  );
}

/** Puts an operation on the app whose handler is handed the validated query. */
export function addOperationWithQuery<Query extends z.ZodObject, Code extends ErrorCode>(
  app: App,
  operation: OperationWithQuery<Query, Code>,
  handler: (c: Context<AppEnv>, query: z.output<Query>) => Promise<Response | Refusal<Code>>,
): void {
  register(app, operation);
  app.on(operation.method.toUpperCase(), honoPath(operation), queryOf(operation.query), async (c) =>
    answer(c, await handler(c, c.req.valid("query"))),
  );
}

/** What matches an operation's path, without a trailing slash. Every parameter of a path is a UUID. */
export function pathPattern({ path }: Pick<Operation, "path">): RegExp {
  const escaped = path.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll(/\{\w+\}/g, UUID);
  return new RegExp(`^${escaped.replace(/(?<=.)\/$/, "")}$`);
}

const UUID = "[0-9A-Fa-f-]{36}";

function register(app: App, operation: Operation): void {
  operationsByApp.set(app, [...operationsOf(app), operation]);
}

function honoPath(operation: Operation): string {
  return operation.path.replace(/(?<=.)\/$/, "").replaceAll(/\{(\w+)\}/g, `:$1{${UUID}}`);
}

function answer(c: Context<AppEnv>, outcome: Response | Refusal): Response {
  return isRefusal(outcome) ? answerProblem(c, outcome) : outcome;
}
