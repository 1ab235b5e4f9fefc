/**
 * The fields that all log lines of one request share. They follow the request through every `await`, also into the work
 * after the response. So even a line that a store writes names the request, although the store does not know it.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { formatTraceparent, type Trace } from "./trace.ts";

interface LogContext {
  trace: Trace;
  requestId?: string;
}

const current = new AsyncLocalStorage<LogContext>();

/** Runs work whose log lines have this trace and request id. */
export function inLogContext<Result>(context: LogContext, work: () => Result): Result {
  return current.run(context, work);
}

/** The fields that this context adds to a log line. */
export function contextFields() {
  const { trace, requestId } = current.getStore() ?? {};
  return { request_id: requestId, trace_id: trace?.traceId, span_id: trace?.spanId };
}

/** The `traceparent` to send with a call that is made now; `undefined` outside of a trace. */
export function currentTraceparent(): string | undefined {
  const context = current.getStore();
  return context && formatTraceparent(context.trace);
}
