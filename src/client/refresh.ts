import { PosternError } from "./error.ts";
import type { Service } from "./service.ts";
import type { TokenPair } from "./types.ts";

/**
 * Asked again at once where no answer came, since the service may have answered: for 30 s it gives the same successor
 * again, later it takes the old token for a stolen one.
 */
const PAUSES_MILLISECONDS = [300, 1_200];
/** A `Retry-After` of more seconds than this is not waited for. */
const LONGEST_WAIT_SECONDS = 2;
/**
 * How long each answer may take. All tries together, 3 · 8 + 2 · 2 = 28 s, end within the 30 s: a try that came to the
 * service later would be taken for theft. A service with a shorter `REFRESH_GRACE_SECONDS` takes that risk.
 */
const PATIENCE_MILLISECONDS = 8_000;

/** Refreshes, with the token or from the cookie. Gives up as soon as nobody is interested any more. */
export async function refreshPatiently(
  service: Service,
  token: string | undefined,
  pause: (milliseconds: number) => Promise<void>,
  isOutdated: () => boolean,
): Promise<TokenPair> {
  const body = token === undefined ? {} : { refresh_token: token };
  const ask = () => service.post("/api/v1/auth/refresh", body, { patience: PATIENCE_MILLISECONDS });
  for (const milliseconds of PAUSES_MILLISECONDS) {
    try {
      return await ask();
    } catch (error) {
      if (!mayPass(error)) throw error;
      await pause(Math.max(milliseconds, (error.retryAfter ?? 0) * 1_000));
      if (isOutdated()) throw error;
    }
  }
  return ask();
}

/** Whether the service says that the session is over. Everything else that fails says nothing about it. */
export function isVerdict(error: unknown): boolean {
  return (
    error instanceof PosternError && (error.code === "invalid_refresh_token" || error.code === "refresh_token_reused")
  );
}

function mayPass(error: unknown): error is PosternError {
  if (!(error instanceof PosternError)) return false;
  const { status, retryAfter = 0 } = error;
  return (status === 0 || status === 429 || status >= 500) && retryAfter <= LONGEST_WAIT_SECONDS;
}
