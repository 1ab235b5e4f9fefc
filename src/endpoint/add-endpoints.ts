/** Adds endpoints to the Hono app: reads and validates requests, and turns outcomes into responses. */
import type { Context, Hono, MiddlewareHandler } from "hono";
import type { Config } from "../config/config.ts";
import type { AppEnv } from "../http/app-env.ts";
import { jsonBody, queryOf } from "../http/body.ts";
import { conditional, etagOf } from "../http/etag.ts";
import { clientOf, exchangeOf } from "../http/exchange.ts";
import { answerUnknownRoute } from "../http/failures.ts";
import { answerProblem } from "../http/problem-response.ts";
import { isProblem } from "../http/problems.ts";
import { honoPath } from "../http/routes.ts";
import { type Answer, type Endpoint, takesAccessToken } from "./endpoint.ts";
import type { Services } from "./services.ts";

declare module "../http/app-env.ts" {
  interface AppVariables {
    services: Services;
  }
}

export function addEndpoints(app: Hono<AppEnv>, config: Config, endpoints: readonly Endpoint[]): void {
  const answerWrongMethod = answerUnknownRoute(endpoints);
  for (const endpoint of endpoints) {
    const { body, bodyOptional = false, method, outcomes, path, query } = endpoint;
    const checks: MiddlewareHandler<AppEnv>[] = endpoint.isConditional ? [conditional] : [];
    if (outcomes !== undefined) checks.push(countOutcome(outcomes));
    // Hono would run the GET handler for HEAD requests too.
    if (method === "get" && !endpoint.answersHead) {
      checks.push(async (c, next) => (c.req.method === "HEAD" ? answerWrongMethod(c) : next()));
    }
    if (body !== undefined) checks.push(jsonBody(() => body(config), bodyOptional));
    if (query !== undefined) checks.push(queryOf(query));
    app.on(method.toUpperCase(), [honoPath(path)], ...checks, (c: Context<AppEnv>) => handle(c, config, endpoint));
  }
}

function countOutcome(outcomes: NonNullable<Endpoint["outcomes"]>): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    await next();
    const success = c.res.status === 204 ? "no_session" : "succeeded";
    c.get("meter").count(outcomes, { result: c.get("errorCode") ?? success });
  };
}

async function handle(c: Context<AppEnv>, config: Config, endpoint: Endpoint): Promise<Response> {
  const answer = await endpoint.run(c.get("services"), {
    body: c.get("body"),
    query: c.get("query"),
    id: (c.req.param("id") ?? "").toLowerCase(),
    name: c.req.param("name") ?? "",
    sessionId: (c.req.param("session_id") ?? "").toLowerCase(),
    client: clientOf(c),
    exchange: exchangeOf(c, config),
  });
  return respond(c, answer, endpoint);
}

function respond(c: Context<AppEnv>, answer: Answer, endpoint: Endpoint): Response {
  if (answer instanceof Response) return answer;
  if (isProblem(answer)) return answerProblem(c, answer, takesAccessToken(endpoint));
  const { answers, isConditional } = endpoint;
  const { body, headers, status = answers[0]?.status ?? 200 } = answer;
  if (status === 204) return c.body(null, 204, headers);
  if (body instanceof ReadableStream) return c.body(body, status, headers);
  const text = JSON.stringify(body);
  const tag = isConditional ? { ETag: etagOf(text) } : {};
  return c.body(text, status, { "Content-Type": "application/json", ...tag, ...headers });
}
