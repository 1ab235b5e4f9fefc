import { vi } from "vitest";
import { sha1 } from "../../src/platform/crypto.ts";
import { encodeHex, utf8 } from "../../src/platform/encoding.ts";

/** What Have I Been Pwned was asked. */
export interface Asked {
  url: string;
  headers: Headers;
  init: RequestInit | undefined;
}

/** Stands in for Have I Been Pwned, and notes what it is asked. */
export function fakeBreaches(answer: (signal: AbortSignal | null | undefined) => Response | Promise<Response>) {
  const asked: Asked[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    asked.push({ url: String(input), headers: new Headers(init?.headers), init });
    return answer(init?.signal);
  });
  return asked;
}

/** A padded range as the service sends one, with these lines in its middle. */
export function range(...lines: string[]): Response {
  const padding = (index: number) => `${index.toString(16).toUpperCase().padStart(35, "0")}:0`;
  const real = `${"A".repeat(35)}:3`;
  return new Response([padding(1), real, ...lines, padding(2), padding(3)].join("\r\n"));
}

/** The line of a password that was seen so many times. */
export function lineOf(password: string, count: number): string {
  return `${encodeHex(sha1(utf8(password)))
    .toUpperCase()
    .slice(5)}:${count}`;
}

/** Answers nothing until whoever asks gives up. */
export function never(signal: AbortSignal | null | undefined): Promise<Response> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
}
