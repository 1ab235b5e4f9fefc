/**
 * Spans of the platform's own tracing (https://developers.cloudflare.com/workers/observability/traces/custom-spans/).
 * Some runtimes, such as Node, have no tracing. There, the work runs without a span.
 */

type Attributes = Readonly<Record<string, number | string>>;

/** The part of the runtime's `tracing` that is used here. */
export interface Tracing {
  enterSpan<Result>(
    name: string,
    work: (span: { isTraced: boolean; setAttribute(name: string, value: number | string): unknown }) => Result,
  ): Result;
}

let tracing: Tracing | undefined;

/**
 * Sets the tracing that `inSpan` uses. `index.ts` calls this once, with the runtime's `tracing`, or with `undefined` if
 * the runtime has none.
 */
export function useTracing(runtime: Tracing | undefined): void {
  tracing = runtime;
}

/**
 * Runs work as a span. If the work returns a promise, the span ends when the promise settles. Attributes must not
 * contain personal data.
 */
export function inSpan<Result>(name: string, attributes: Attributes, work: () => Result): Result {
  if (tracing === undefined) return work();
  return tracing.enterSpan(name, (span) => {
    if (span.isTraced) for (const [key, value] of Object.entries(attributes)) span.setAttribute(key, value);
    return work();
  });
}
