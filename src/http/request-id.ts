import { createMiddleware } from "hono/factory";
import { systemClock } from "../platform/clock.ts";
import { createId, systemRandom } from "../platform/random.ts";
import type { AppEnv } from "./app-env.ts";

const ACCEPTABLE = /^[A-Za-z0-9_-]{8,64}$/;

/** Gives every request an id: the client's own `X-Request-Id` if it is short and plain, or a new id. */
export const requestId = createMiddleware<AppEnv>(async (c, next) => {
  const given = c.req.header("X-Request-Id") ?? "";
  const id = ACCEPTABLE.test(given) ? given : createId(systemClock.now(), systemRandom);
  c.set("requestId", id);
  await next();
  c.res.headers.set("X-Request-Id", id);
});
