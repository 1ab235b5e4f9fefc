import { vi } from "vitest";
import { sha1 } from "../../src/platform/crypto.ts";
import { encodeHex, utf8 } from "../../src/platform/encoding.ts";

/** A request to Have I Been Pwned. */
export interface Asked {
  url: string;
  headers: Headers;
  init: RequestInit | undefined;
}

/** Replaces Have I Been Pwned, and records the requests. */
export function fakeBreaches(answer: (signal: AbortSignal | null | undefined) => Response | Promise<Response>) {
  const asked: Asked[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    asked.push({ url: String(input), headers: new Headers(init?.headers), init });
    return answer(init?.signal);
  });
  return asked;
}

/** A padded range as Have I Been Pwned sends it, with these lines in the middle. */
export function range(...lines: string[]): Response {
  const padding = (index: number) => `${index.toString(16).toUpperCase().padStart(35, "0")}:0`;
  const real = `${"A".repeat(35)}:3`;
  return new Response([padding(1), real, ...lines, padding(2), padding(3)].join("\r\n"));
}

/** The line of a password with its number of occurrences. */
export function lineOf(password: string, count: number): string {
  return `${encodeHex(sha1(utf8(password)))
    .toUpperCase()
    .slice(5)}:${count}`;
}

/** Never answers. Rejects when the service aborts the request. */
export function never(signal: AbortSignal | null | undefined): Promise<Response> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
}
