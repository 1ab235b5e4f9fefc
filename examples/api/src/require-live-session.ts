/** Hono middleware, to stand behind `requireAuth`: lets through what Postern itself says is good at this moment. */
import { createMiddleware } from "hono/factory";
import type { AuthService } from "postern/verify";

/** Answers 401 as `requireAuth` does, and 503 where Postern does not answer: nobody is let in unseen. */
export const requireLiveSession = createMiddleware<{ Bindings: { AUTH: AuthService } }>(async (c, next) => {
  // `requireAuth` has seen to the form: the scheme, spaces, the token.
  const [, token = ""] = c.req.header("Authorization")?.trim().split(/ +/) ?? [];
  let isLive: boolean;
  try {
    isLive = (await c.env.AUTH.verify(token)) !== null;
  } catch {
    const detail = "A part that this request needs does not answer. Try again in a moment.";
    return c.json({ code: "unavailable", detail }, 503, { ...PROBLEM, "Retry-After": "1" });
  }
  if (!isLive) {
    const detail = "The session has ended. Log in again.";
    const challenge = { "WWW-Authenticate": 'Bearer realm="postern", error="invalid_token"' };
    return c.json({ code: "invalid_access_token", detail }, 401, { ...PROBLEM, ...challenge });
  }
  return next();
});

const PROBLEM = { "Content-Type": "application/problem+json" };
