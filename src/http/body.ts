/**
 * Reads request input: JSON bodies, which must be UTF-8 and of limited size, and queries. If input does not match its
 * schema, the refusal names each wrong field.
 */
import { zValidator } from "@hono/zod-validator";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import * as z from "zod";
import { refuse } from "../platform/refusal.ts";
import type { AppEnv } from "./app-env.ts";
import { fieldErrors } from "./field-errors.ts";
import { answerProblem } from "./problem-response.ts";

// Workers forbid code generation, so zod must not try it.
z.config({ jitless: true });

/** The largest request body, in bytes. Part of the HTTP contract. */
const MAX_BODY_BYTES = 64 * 1024;

/** The maximum number of field errors in a response, so that the response is not larger than the invalid body. */
const MOST_ERRORS = 20;

const limitSize = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: (c) => answerProblem(c, refuse("payload_too_large")),
});

/**
 * Refuses a body over the size limit with 413, without reading all of it. If a body is cut off, for example because the
 * client disconnected, refuses it with 400, because this is an error of the client and not of the service.
 */
export const limitBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  // The service never reads the body of these methods.
  if (c.req.method === "GET" || c.req.method === "HEAD") return next();
  let isRead = false;
  try {
    return await limitSize(c, () => {
      isRead = true;
      return next();
    });
  } catch (error) {
    if (isRead) throw error;
    return answerProblem(c, refuse("invalid_json"));
  }
};

/**
 * Validates the JSON body, and stores it as the context's `body`. Refuses a body that was not sent as JSON (415), or
 * that is not JSON in UTF-8 (400). An optional body may be empty. It then needs no content type, because not every
 * client sends one with an empty body. `makeSchema` runs at the first request, so that it does not slow down the
 * Worker's start.
 */
export function jsonBody(makeSchema: () => z.ZodType, optional: boolean) {
  let schema: z.ZodType | undefined;
  return createMiddleware<AppEnv>(async (c, next) => {
    const bytes = await c.req.arrayBuffer().catch(() => undefined);
    if (bytes === undefined) return answerProblem(c, refuse("invalid_json"));
    const isAbsent = optional && bytes.byteLength === 0;
    const [mediaType = ""] = (c.req.header("Content-Type") ?? "").split(";");
    if (!isAbsent && mediaType.trim().toLowerCase() !== "application/json")
      return answerProblem(c, refuse("unsupported_media_type"));
    const data = isAbsent ? {} : parseJson(bytes);
    // `undefined` shows that the text is not JSON, because JSON has no `undefined`.
    if (data === undefined) return answerProblem(c, refuse("invalid_json"));
    schema ??= makeSchema();
    const { error, data: body } = await schema.safeParseAsync(data);
    return keepOrRefuse("body", error === undefined ? { data: body } : { error, data }, c) ?? next();
  });
}

/** Validates the query, and stores it as the context's `query`. */
export function queryOf(schema: z.ZodType): MiddlewareHandler<AppEnv> {
  return zValidator("query", schema, (result, c: Context<AppEnv>) => keepOrRefuse("query", result, c));
}

function keepOrRefuse(
  part: "body" | "query",
  result: { error?: z.core.$ZodError; data?: unknown },
  c: Context<AppEnv>,
): Response | undefined {
  if (result.error === undefined) {
    c.set(part, result.data);
    return undefined;
  }
  const errors = fieldErrors(result.error.issues, result.data).slice(0, MOST_ERRORS);
  return answerProblem(c, refuse("validation_failed", { errors }));
}

function parseJson(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return undefined;
  }
}
