/** The Hono app: the order of the middleware, and every endpoint. */
import { Hono } from "hono";
import type { Config } from "./config/config.ts";
import { addEndpoints } from "./endpoint/add-endpoints.ts";
import { workAfterResponse } from "./endpoint/after-response.ts";
import { endpointsOf } from "./endpoints.ts";
import { LINK_PAGES } from "./features/pages/link-pages.ts";
import type { AppEnv } from "./http/app-env.ts";
import { limitBody } from "./http/body.ts";
import { clientAddress, clientAgent } from "./http/client-address.ts";
import { answerCors } from "./http/cors.ts";
import { expectHost } from "./http/expect-host.ts";
import { answerFailure, answerUnknownRoute } from "./http/failures.ts";
import { floodShield } from "./http/flood-shield.ts";
import { KeepingRouter } from "./http/keeping-router.ts";
import { requestId } from "./http/request-id.ts";
import { requestLog } from "./http/request-log-line.ts";
import { refuseForeignPages } from "./http/request-origin.ts";
import { requestTrace } from "./http/request-trace.ts";
import { restoreFragment } from "./http/restore-fragment.ts";
import { securityHeaders } from "./http/security-headers.ts";
import { systemClock } from "./platform/clock.ts";
import { namesOf } from "./platform/records.ts";
import { createServices } from "./services.ts";

export function createApp(config: Config, endpoints = endpointsOf(config)): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false, router: new KeepingRouter() });

  app.use(requestId);
  app.use(requestTrace);
  app.use(async function provideServices(c, next) {
    const origin = { ipAddress: clientAddress(c), userAgent: clientAgent(c), requestId: c.get("requestId") };
    const services = createServices(c.env, config, origin);
    c.set("services", services);
    c.set("hops", services.hops);
    c.set("meter", services.meter);
    await next();
    if (services.metrics !== undefined) c.executionCtx.waitUntil(services.metrics.handOver());
  });
  app.use(requestLog(systemClock, config.development));
  app.use(workAfterResponse);
  app.use(securityHeaders);
  app.use(answerCors(config));
  app.use(expectHost(config.development));
  if (config.limits.enforced) app.use(floodShield);
  app.use(refuseForeignPages(config));
  app.use(limitBody);
  app.use(restoreFragment(namesOf(LINK_PAGES)));

  addEndpoints(app, config, endpoints);

  app.notFound(answerUnknownRoute(endpoints));
  app.onError(answerFailure);
  return app;
}
