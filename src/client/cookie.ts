import { PosternError } from "./error.ts";
import type { Service } from "./service.ts";

/**
 * Short, because the user waits for this check after every login. Without an answer, the login counts as successful.
 */
const PATIENCE_MILLISECONDS = 4_000;

/**
 * Checks after a login in cookie mode that the browser kept the cookie. A browser that refuses cookies doesn't tell the
 * page. If the cookie is missing, ends the session: a reload would log the user out, and the session would stay in the
 * user's list.
 *
 * @throws {PosternError} `cookies_refused`
 */
export async function expectCookie(service: Service, accessToken: string): Promise<void> {
  const check = service.post("/api/v1/auth/check-cookie", undefined, { patience: PATIENCE_MILLISECONDS });
  const failure = await check.then(
    () => undefined,
    (error: unknown) => error,
  );
  // Other failures don't show that the cookie is missing: the network failed, or the service is older than this client.
  if (!(failure instanceof PosternError) || failure.code !== "invalid_refresh_token") return;
  const more = { bearer: accessToken, keepalive: true, patience: PATIENCE_MILLISECONDS };
  await service.post("/api/v1/auth/logout", { all: false }, more).catch(() => {});
  throw new PosternError({
    status: 0,
    code: "cookies_refused",
    detail: "Your browser did not keep the cookie that keeps you logged in. Allow cookies for this site and try again.",
  });
}
