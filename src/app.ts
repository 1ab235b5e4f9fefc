/** Every route and the order of the middleware, on one screen. */
import { Hono } from "hono";
import { addAdministrationRoutes } from "./admin/routes.ts";
import { addAuditRoutes, auditTrail } from "./audit/routes.ts";
import { addAuthRoutes } from "./auth/routes.ts";
import type { Config } from "./config.ts";
import { addDevelopmentRoutes } from "./dev/routes.ts";
import { addDocumentRoutes } from "./docs/routes.ts";
import { addHealthRoutes } from "./health/routes.ts";
import type { AppEnv } from "./http/app-env.ts";
import { limitBody } from "./http/body.ts";
import { answerCors } from "./http/cors.ts";
import { expectHost } from "./http/expect-host.ts";
import { answerFailure, answerUnknownRoute } from "./http/failures.ts";
import { floodShield } from "./http/flood-shield.ts";
import type { App } from "./http/operation.ts";
import { requestId } from "./http/request-id.ts";
import { requestLog } from "./http/request-log.ts";
import { refuseForeignPages } from "./http/request-origin.ts";
import { securityHeaders } from "./http/security-headers.ts";
import { addInvitationRoutes } from "./invitations/routes.ts";
import { addKeyRoutes } from "./keys/routes.ts";
import { addPageRoutes } from "./pages/routes.ts";
import { systemClock } from "./platform/clock.ts";
import { createServices } from "./services.ts";
import { addUserRoutes } from "./users/routes.ts";

export function createApp(config: Config): App {
  const app = new Hono<AppEnv>({ strict: false });

  app.use(async function provideServices(c, next) {
    c.set("services", createServices(c.env, config));
    await next();
  });
  app.use(requestId);
  app.use(requestLog(systemClock, config.development));
  app.use(auditTrail);
  app.use(securityHeaders);
  app.use(answerCors(config.allowedOrigins));
  app.use(expectHost(config.development));
  if (config.limits.enforced) app.use(floodShield);
  app.use(refuseForeignPages(config));
  app.use(limitBody);

  addHealthRoutes(app, config);
  addKeyRoutes(app, config);
  addDocumentRoutes(app);
  addPageRoutes(app, config);
  addAuthRoutes(app, config);
  addUserRoutes(app, config);
  addAdministrationRoutes(app, config);
  addInvitationRoutes(app, config);
  addAuditRoutes(app);
  if (config.development) addDevelopmentRoutes(app);

  app.notFound(answerUnknownRoute(app));
  app.onError(answerFailure);
  return app;
}
