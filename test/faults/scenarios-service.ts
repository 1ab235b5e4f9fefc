/** The routes of documents, pages and probes. They need no account, and change none. */
import { env } from "cloudflare:workers";
import { parseConfig } from "../../src/config/config.ts";
import { pageEndpoints } from "../../src/features/pages/page-endpoints.ts";
import { pageServer } from "../../src/features/pages/serve-page.ts";
import { redirects } from "../../src/features/service/redirects.ts";
import { METRICS_TOKEN } from "../support/metrics.ts";
import type { Prepare } from "./scenario.ts";

const reading =
  (path: string, more: Partial<Awaited<ReturnType<Prepare>>> = {}): Prepare =>
  async () => ({ method: "GET", path, ...more });

const config = parseConfig(env);
const pages = [...pageEndpoints(config, pageServer(config)), ...redirects].map(
  ({ id, path }) => [id, reading(path)] as const,
);

export const SERVICE: Record<string, Prepare> = {
  readService: reading("/"),
  readHealth: reading("/health"),
  readReadiness: reading("/health/ready", { isCold: true, hasOwnFailure: true, hasTimeLimits: true }),
  readOpenApi: reading("/openapi.json"),
  readReference: reading("/docs"),
  readJwks: reading("/.well-known/jwks.json", { isCold: true }),
  readMetadata: reading("/.well-known/oauth-authorization-server"),
  readRelatedOrigins: reading("/.well-known/webauthn", { refusal: "not_found" }),
  ...Object.fromEntries(pages),
  readRobots: reading("/robots.txt"),
  readSecurityTxt: reading("/.well-known/security.txt"),
  readMetrics: reading("/metrics", { bearer: METRICS_TOKEN, isCold: true, hasTimeLimits: true }),
  readOutbox: reading("/dev/outbox"),
  clearOutbox: async () => ({ method: "DELETE", path: "/dev/outbox" }),
  readBrandPage: reading("/dev/brand"),
};
