/** What requests bring: bodies in JSON, bounded, UTF-8, and queries; of the declared shape or refused field by field. */
import { zValidator } from "@hono/zod-validator";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import * as z from "zod";
import { MAX_BODY_BYTES } from "../config/config.ts";
import { refuse } from "../platform/refusal.ts";
import type { AppEnv } from "./app-env.ts";
import { fieldErrors } from "./field-errors.ts";
import { answerProblem } from "./problem-response.ts";

// The platform forbids code generation; without this zod tries once and falls back.
z.config({ jitless: true });

/** So many faults are told at once; a body of nonsense must not make a longer answer than itself. */
const MOST_ERRORS = 20;

const limitSize = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: (c) => answerProblem(c, refuse("payload_too_large")),
});

/**
 * Refuses, with 413, a body that is larger than any that the service takes; it is not read to its end. One that
 * breaks off, as when the client hangs up, is its sender's mistake and no failure of ours.
 */
export const limitBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  // Nobody reads the body of these.
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

/** Refuses a body that is not sent as JSON (415) or is not JSON in UTF-8 (400). An optional one may be empty. */
export function acceptJson(optional: boolean) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const bytes = await c.req.arrayBuffer().catch(() => undefined);
    if (bytes === undefined) return answerProblem(c, refuse("invalid_json"));
    if (bytes.byteLength === 0 && optional) {
      // Many clients name a type although they send nothing; without the name nothing is parsed.
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
