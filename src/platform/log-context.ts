/**
 * The fields that all log lines of one request share. They follow the request through every `await`, and into the work
 * after the response. So a log line names its request even if the code that writes the line doesn't know the request.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { formatTraceparent, type Trace } from "./trace.ts";

interface LogContext {
  trace: Trace;
  requestId?: string;
}

const current = new AsyncLocalStorage<LogContext>();

/** Runs `work`. All log lines of the work have this trace and request id. */
export function inLogContext<Result>(context: LogContext, work: () => Result): Result {
  return current.run(context, work);
}

/** The fields that the current context adds to a log line. */
export function contextFields() {
  const { trace, requestId } = current.getStore() ?? {};
  return { request_id: requestId, trace_id: trace?.traceId, span_id: trace?.spanId };
}

/** The `traceparent` to send with calls to other services or objects; `undefined` outside of a trace. */
export function currentTraceparent(): string | undefined {
  const context = current.getStore();
  return context && formatTraceparent(context.trace);
}
