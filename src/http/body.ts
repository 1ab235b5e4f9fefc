/**
 * Request input: JSON bodies, limited in size and in UTF-8, and queries. Input that does not match its schema is
 * refused field by field.
 */
import { zValidator } from "@hono/zod-validator";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import * as z from "zod";
import { MAX_BODY_BYTES } from "../config/settings.ts";
import { refuse } from "../platform/refusal.ts";
import type { AppEnv } from "./app-env.ts";
import { fieldErrors } from "./field-errors.ts";
import { answerProblem } from "./problem-response.ts";

// The platform forbids code generation. Without this setting zod tries it once and falls back.
z.config({ jitless: true });

/** The maximum number of field errors in a response. It must not be larger than the invalid body. */
const MOST_ERRORS = 20;

const limitSize = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: (c) => answerProblem(c, refuse("payload_too_large")),
});

/**
 * Refuses a body over the size limit with 413, without reading all of it. A body that breaks off, for example because
 * the client disconnected, is a client error and not a failure of the service.
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

/** Refuses a body that was not sent as JSON (415) or is not JSON in UTF-8 (400). An optional body may be empty. */
export function acceptJson(optional: boolean) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const bytes = await c.req.arrayBuffer().catch(() => undefined);
    if (bytes === undefined) return answerProblem(c, refuse("invalid_json"));
    if (bytes.byteLength === 0 && optional) {
      // Many clients send a content type with an empty body. Without the header, the validator does not parse it.
      const headers = new Headers(c.req.raw.headers);
      headers.delete("Content-Type");
      c.req.raw = new Request(c.req.url, { method: c.req.method, headers });
      return next();
    }
    const [mediaType = ""] = (c.req.header("Content-Type") ?? "").split(";");
    if (mediaType.trim().toLowerCase() !== "application/json")
      return answerProblem(c, refuse("unsupported_media_type"));
    if (!isJson(bytes)) return answerProblem(c, refuse("invalid_json"));
    return next();
  });
}

/** Validates the body that {@link acceptJson} let through, and keeps it as the context's `body`. */
export function jsonBody(schema: z.ZodType): MiddlewareHandler<AppEnv> {
  return zValidator("json", schema, (result, c: Context<AppEnv>) => keepOrRefuse("body", result, c));
}

/** Validates the query, and keeps it as the context's `query`. */
export function queryOf(schema: z.ZodType): MiddlewareHandler<AppEnv> {
  return zValidator("query", schema, (result, c: Context<AppEnv>) => keepOrRefuse("query", result, c));
}

function keepOrRefuse(
  part: "body" | "query",
  result: { success: boolean; error?: z.core.$ZodError; data?: unknown },
  c: Context<AppEnv>,
): Response | undefined {
  if (result.error === undefined) {
    c.set(part, result.data);
    return undefined;
  }
  const errors = fieldErrors(result.error.issues, result.data).slice(0, MOST_ERRORS);
  return answerProblem(c, refuse("validation_failed", { errors }));
}

function isJson(bytes: ArrayBuffer): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}
