/** What a view shows while its data loads, and if loading fails. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { codeOf, textOf } from "./failures.ts";
import { language, words } from "./words.ts";

/** After this time, a view that is still loading says that it takes long. */
const SLOW_MILLISECONDS = 6_000;

/** Shows grey lines while something loads, and says that it is loading. */
export function Skeleton({ lines = 6 }: { lines?: number }) {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_MILLISECONDS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="skeleton">
      <p class={isSlow ? "quiet" : "visually-hidden"} role="status">
        {isSlow ? words.shell.slow : words.shell.loading}
      </p>
      {Array.from({ length: lines }, (_, line) => (
        <div class="skeleton-line" key={line} aria-hidden="true" />
      ))}
    </div>
  );
}

/**
 * Says what failed, with a button that calls `retry`. If the operator must add a second factor first, there is a link
 * to the account page instead.
 */
export function Failure({ failure, retry }: { failure: unknown; retry?: (() => void) | undefined }) {
  const code = codeOf(failure);
  const needsFactor = code === "second_factor_enrolment_required";
  return (
    <div class="failure" role="alert">
      <p>{textOf(failure)}</p>
      {needsFactor && <a href={`/account?lang=${language}#security-title`}>{words.shell.account}</a>}
      {retry !== undefined && !needsFactor && code !== "not_found" && (
        <button type="button" class="button button-quiet small" onClick={retry}>
          {words.shell.retry}
        </button>
      )}
    </div>
  );
}

/** Shows the loaded data with `children`. Until then, shows that data is loading. If loading fails, says why. */
export function Loading<Data>({
  of: { data, failure, reload },
  lines,
  children,
}: {
  of: { data: Data | undefined; failure: unknown; reload: () => void };
  lines?: number;
  children: (data: Data) => ComponentChildren;
}) {
  if (failure !== undefined) return <Failure failure={failure} retry={reload} />;
  if (data === undefined) return <Skeleton {...(lines === undefined ? {} : { lines })} />;
  return <>{children(data)}</>;
}
