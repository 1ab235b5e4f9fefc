/**
 * Sends error lines of the log to Sentry, or to a service with the same protocol, such as GlitchTip. `eventOf` lists
 * everything that is sent. None of this identifies a person. Sentry's own library would make the bundle a quarter
 * larger. It also collects addresses, headers and bodies, which must not leave the service. A tail Worker would not
 * work in the container, because only Cloudflare supports tail Workers. Format:
 * https://develop.sentry.dev/sdk/data-model/envelopes/
 */
import { type Clock, MINUTE, SECOND } from "./clock.ts";
import { encodeHex } from "./encoding.ts";
import { type LogLine, writeLog } from "./log.ts";
import type { Random } from "./random.ts";
import { withoutValues } from "./without-values.ts";

interface ErrorProject {
  /** The URL to which envelopes are sent. It contains the project's public key. */
  envelopeUrl: string;
  /** Such as `production` or `staging`. */
  environment: string;
  /** Such as `postern@1.2.3`. */
  release: string;
}

interface Parts {
  clock: Clock;
  random: Random;
  /** Keeps the isolate alive until the work is done, without delaying a response. */
  waitUntil: (work: Promise<void>) => void;
}

/**
 * How many events an isolate sends in a minute, and how many of one kind. Without these limits, every request in an
 * outage would send an event, and each event is a subrequest. Events that are not sent are counted.
 */
const MOST_A_MINUTE = 20;
const MOST_ALIKE_A_MINUTE = 3;
const TIMEOUT = 5 * SECOND;
/** After a failure or a 429, no event is sent for this time, or for Sentry's `Retry-After` if that is longer. */
const PAUSE = MINUTE;
const LONGEST_PAUSE = 60 * MINUTE;

/** Returns a function that reports the error lines of this isolate. The function neither throws nor waits. */
export function createErrorReports(
  project: ErrorProject,
  { clock, random, waitUntil }: Parts,
): (line: LogLine) => void {
  let minute = { startedAt: 0, sent: 0, alike: new Map<string, number>() };
  let pausedUntil = 0;
  let leftOut = 0;

  function maySend(kind: string, now: number): boolean {
    if (now - minute.startedAt >= MINUTE) minute = { startedAt: now, sent: 0, alike: new Map() };
    const alike = minute.alike.get(kind) ?? 0;
    if (now < pausedUntil || minute.sent >= MOST_A_MINUTE || alike >= MOST_ALIKE_A_MINUTE) return false;
    minute.sent += 1;
    minute.alike.set(kind, alike + 1);
    return true;
  }

  async function send(event: ReturnType<typeof eventOf>): Promise<void> {
    const failure = await post(project.envelopeUrl, envelopeOf(event, clock.now()));
    if (failure === undefined) return;
    pausedUntil = clock.now() + failure.pause;
    // This is a warning, because an error would be reported too.
    writeLog("warn", { event: "error_report_failed", error_code: failure.reason });
  }

  return function report(line) {
    const now = clock.now();
    const kind = kindOf(line);
    if (!maySend(kind.join(" "), now)) {
      leftOut += 1;
      return;
    }
    try {
      const event = eventOf(line, kind, project, { id: encodeHex(random.bytes(16)), now, leftOut });
      waitUntil(send(event));
      leftOut = 0;
    } catch {
      // Outside of a request, the runtime can't send anything. The log still contains the line.
      leftOut += 1;
    }
  };
}

/** The kind of an error. Errors of the same kind are counted together, and Sentry groups them. */
function kindOf({ event, route, task, method, error = "" }: LogLine): string[] {
  return [event, route ?? task ?? method ?? "", withoutValues(error)];
}

/** Everything that is sent about an error. */
function eventOf(
  line: LogLine,
  fingerprint: string[],
  { environment, release }: ErrorProject,
  { id, now, leftOut }: { id: string; now: number; leftOut: number },
) {
  const { event, request_id, trace_id, span_id, method = "", route, status, error_code, error = "" } = line;
  const { attempts, event_type, follow_up, mail_kind, task } = line;
  // The client chooses the method, so the method may contain anything.
  const plainMethod = /^[a-z]{3,8}$/i.test(method) ? method : undefined;
  const [name = "postern", version = ""] = release.split("@");
  return {
    event_id: id,
    timestamp: now / SECOND,
    level: "error",
    logger: name,
    // For the platform `javascript`, Sentry would store the IP address that sent the event.
    platform: "other",
    sdk: { name, version, settings: { infer_ip: "never" } },
    environment,
    release,
    transaction: route === undefined ? (task ?? plainMethod) : `${plainMethod ?? ""} ${route}`.trim(),
    exception: { values: [{ type: event, value: withoutValues(error) }] },
    fingerprint,
    contexts: trace_id === undefined ? {} : { trace: { trace_id, span_id } },
    tags: { request_id, method: plainMethod, route, status, error_code, task, follow_up, mail_kind, event_type },
    extra: { attempts, left_out_before: leftOut },
  };
}

/** Three lines of JSON: the header of the envelope, the header of its item, and the item. */
function envelopeOf(event: ReturnType<typeof eventOf>, now: number): string {
  const head = { event_id: event.event_id, sent_at: new Date(now).toISOString() };
  return [head, { type: "event", content_type: "application/json" }, event]
    .map((part) => JSON.stringify(part))
    .join("\n");
}

/** Sends an event. Returns `undefined` if Sentry has accepted it. */
async function post(url: string, body: string): Promise<{ reason: string; pause: number } | undefined> {
  try {
    const headers = { "Content-Type": "application/x-sentry-envelope", "User-Agent": "postern" };
    const signal = AbortSignal.timeout(TIMEOUT);
    const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
    // An unread body would keep the connection open.
    await response.body?.cancel();
    if (response.ok) return undefined;
    const asked = Number(response.headers.get("Retry-After") ?? 0) * SECOND;
    return { reason: `status_${response.status}`, pause: Math.min(LONGEST_PAUSE, Math.max(PAUSE, asked || 0)) };
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    return { reason: isLate ? "timeout" : "unreachable", pause: PAUSE };
  }
}
