/**
 * W3C Trace Context, levels 1 and 2 (https://www.w3.org/TR/trace-context-2/): one trace id for everything that a
 * request causes in several services. Postern reads `traceparent` and passes it on. Postern samples nothing, so it
 * ignores `tracestate`. Services of other companies get neither header.
 */
import { encodeHex } from "./encoding.ts";
import type { Random } from "./random.ts";

export interface Trace {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** The id of this service's part of the trace: 16 hexadecimal digits. */
  spanId: string;
  /** Two hexadecimal digits. */
  flags: string;
}

/** §3.2: version, trace id, parent id, flags. A later version may add fields, which are ignored (§3.2.4). */
const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-[\da-f]{16}-([\da-f]{2})(-.*)?$/;
/** Sampled and random-trace-id (§3.2.2.5). All other bits are reserved, and sent as zero. */
const KNOWN_FLAGS = 0b11;
/** A trace that begins here has a random id, and is not sampled. */
const FLAGS_OF_NEW = "02";

/** Continues the trace of a `traceparent`, or begins a new one if there is none or it is invalid. */
export function continueTrace(traceparent: string | undefined, random: Random): Trace {
  const begun = parseTraceparent(traceparent ?? "");
  const spanId = encodeHex(random.bytes(8));
  return { ...(begun ?? { traceId: encodeHex(random.bytes(16)), flags: FLAGS_OF_NEW }), spanId };
}

/** The `traceparent` header for calls that this service makes. */
export function formatTraceparent({ traceId, spanId, flags }: Trace): string {
  return `00-${traceId}-${spanId}-${flags}`;
}

function parseTraceparent(text: string): Omit<Trace, "spanId"> | undefined {
  const [, version = "ff", traceId = "", flags = "", more] = TRACEPARENT.exec(text) ?? [];
  const isInvalid = version === "ff" || (version === "00" && more !== undefined);
  if (isInvalid || /^[\da-f]{2}-(0{32}|.{32}-0{16})-/.test(text)) return undefined;
  const known = Number.parseInt(flags, 16) & KNOWN_FLAGS;
  return { traceId, flags: `0${known}` };
}
