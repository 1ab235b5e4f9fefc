import { PosternError } from "./error.ts";
import type { Service } from "./service.ts";
import type { Answer, Body, TokenPair } from "./types.ts";

/**
 * The pauses before the second and the third try of a refresh. They are short, because the service may have processed a
 * try whose answer was lost. For the next 30 s, the service answers the old token with the same new token again. After
 * that, the service treats the old token as stolen.
 */
const PAUSES_MILLISECONDS = [300, 1_200];
/** After a longer `Retry-After` there is no further try. */
const LONGEST_WAIT_SECONDS = 2;
/**
 * The timeout of each try. All tries together take at most 3 · 8 + 2 · 2 = 28 s, because a try after the 30 s above
 * would look like theft. If `REFRESH_GRACE_SECONDS` is shorter, a late try can look like theft.
 */
const PATIENCE_MILLISECONDS = 8_000;

/**
 * Refreshes the tokens of a session. If the page has no tokens yet, restores the session of the cookie instead, and
 * returns `null` if there is none. Retries temporary failures. Stops early once `isOutdated` returns true.
 */
export async function refreshPatiently(
  service: Service,
  held: TokenPair | undefined,
  pause: (milliseconds: number) => Promise<void>,
  isOutdated: () => boolean,
): Promise<Answer<"/api/v1/auth/refresh"> | null> {
  const post = (body: Body<"/api/v1/auth/refresh">) =>
    service.post("/api/v1/auth/refresh", body, { patience: PATIENCE_MILLISECONDS });
  const token = held?.refresh_token;
  const ask = async () => {
    if (held !== undefined) return post(token === undefined ? {} : { refresh_token: token });
    try {
      return await post({ restore: true });
    } catch (error) {
      // The service is older than this client, and doesn't know the field.
      if (error instanceof PosternError && error.code === "validation_failed") return post({});
      throw error;
    }
  };
  for (const milliseconds of PAUSES_MILLISECONDS) {
    try {
      return await ask();
    } catch (error) {
      if (!mayRetry(error)) throw error;
      await pause(Math.max(milliseconds, (error.retryAfter ?? 0) * 1_000));
      if (isOutdated()) throw error;
    }
  }
  return ask();
}

/** Whether the service says that the session has ended. After any other failure, the session may still exist. */
export function isVerdict(error: unknown): boolean {
  return (
    error instanceof PosternError && (error.code === "invalid_refresh_token" || error.code === "refresh_token_reused")
  );
}

function mayRetry(error: unknown): error is PosternError {
  if (!(error instanceof PosternError)) return false;
  const { code, status, retryAfter = 0 } = error;
  // A reauthentication, in this tab or another one, replaced the token. Its response brings the browser the new cookie.
  if (code === "refresh_token_superseded") return true;
  return (status === 0 || status === 429 || status >= 500) && retryAfter <= LONGEST_WAIT_SECONDS;
}
