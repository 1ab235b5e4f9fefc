/** The Hono app: the order of the middleware, and every endpoint. */
import { type Context, Hono } from "hono";
import type { Config } from "./config/config.ts";
import { addEndpoints } from "./endpoint/add-endpoints.ts";
import { workAfterResponse } from "./endpoint/after-response.ts";
import type { Endpoint } from "./endpoint/endpoint.ts";
import { endpointsOf } from "./endpoints.ts";
import { LINK_PAGES } from "./features/pages/link-pages.ts";
import { pageServer } from "./features/pages/serve-page.ts";
import type { AppEnv } from "./http/app-env.ts";
import { limitBody } from "./http/body.ts";
import { clientAddress, clientAgent } from "./http/client-address.ts";
import { answerCors } from "./http/cors.ts";
import { clientOf, exchangeOf } from "./http/exchange.ts";
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
    c.executionCtx.waitUntil(services.metrics.handOver());
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

  app.notFound(answerUnknownPath(config, endpoints));
  app.onError(answerFailure);
  return app;
}

/** Answers an unknown path: a browser gets a page, a program gets a problem document. */
function answerUnknownPath(config: Config, endpoints: readonly Endpoint[]) {
  const answerProgram = answerUnknownRoute(endpoints);
  const servePage = pageServer(config);
  return (c: Context<AppEnv>): Response | Promise<Response> => {
    const problem = answerProgram(c);
    const exchange = exchangeOf(c, config);
    const isPage = problem.status === 404 && exchange.isForBrowser() && !c.req.path.startsWith("/api/");
    return isPage ? servePage("not-found", clientOf(c), exchange, 404) : problem;
  };
}
