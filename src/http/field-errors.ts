/** Validation errors, field by field. */
import type * as z from "zod";
import { cutText } from "../platform/cut-text.ts";
import { type FieldError, missingField } from "../platform/refusal.ts";

/** Converts zod's issues to the API's errors. Messages say how to fix the field and never contain its value. */
export function fieldErrors(issues: readonly z.core.$ZodIssue[], body: unknown): FieldError[] {
  return issues.flatMap((issue): FieldError[] => {
    const path = issue.path.map(String);
    const field = path.join(".");
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        field: [...path, cutText(key, 64)].join("."),
        code: "unknown_field",
        message: "This field does not exist. Leave it out.",
      }));
    }
    if (valueAt(body, path) === undefined) {
      const missing = missingField(field);
      return [issue.code === "custom" ? { ...missing, message: issue.message } : missing];
    }
    if (issue.code === "invalid_type") {
      return [{ field, code: "wrong_type", message: `Send a JSON ${issue.expected}.` }];
    }
    const code = issue.code === "custom" ? issue.params?.code : CODES[issue.code];
    return [{ field, code: typeof code === "string" ? code : "invalid", message: issue.message }];
  });
}

const CODES: Record<string, string> = { too_small: "too_short", too_big: "too_long", invalid_format: "invalid_format" };

function valueAt(body: unknown, path: string[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null
        ? Object.entries(value).find(([name]) => name === key)?.[1]
        : undefined,
    body,
  );
}
