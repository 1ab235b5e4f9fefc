import type { Answer } from "../support/client.ts";

/** What an answer tells whoever compares two: all of it but the request's name, and the times of development. */
export function shown({ status, text, headers }: Answer) {
  const kept = [...headers].filter(([name]) => !/^(x-request-id|server-timing)$/.test(name));
  return { status, headers: kept, text: text.replace(/"request_id":"[^"]*"/, "") };
}
