/** Turns failures into texts for the operator. */
import { PosternError } from "../client/index.ts";
import { durationOf, fill, words } from "./words.ts";

export const codeOf = (failure: unknown): string => (failure instanceof PosternError ? failure.code : "");

/** The API's messages about refused fields, by the name of the field. */
export function faultsOf(failure: unknown): Partial<Record<string, string>> {
  if (!(failure instanceof PosternError)) return {};
  return Object.fromEntries(failure.errors.map(({ field, message }) => [field, message]));
}

export function textOf(failure: unknown): string {
  const { byCode, reference, tryAgainIn, unexpected } = words.failures;
  if (!(failure instanceof PosternError)) return unexpected;
  const { code, retryAfter, requestId, status } = failure;
  const known: Partial<Record<string, string>> = byCode;
  const text = known[code] ?? unexpected;
  if (retryAfter !== undefined) return `${text} ${fill(tryAgainIn, { duration: durationOf(retryAfter) })}`;
  const isOurs = status >= 500 || known[code] === undefined;
  return isOurs && requestId !== undefined ? `${text} ${fill(reference, { id: requestId })}` : text;
}
