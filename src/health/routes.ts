/** `/health`, and the service description at `/`. */
import * as z from "zod";
import type { Config } from "../config.ts";
import { pingDatabase } from "../db/client.ts";
import { type App, addOperation, defineOperation } from "../http/operation.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { VERSION } from "../version.ts";

const checkSchema = z.enum(["ok", "failed"]);

const healthSchema = z
  .strictObject({
    status: checkSchema,
    version: z.string(),
    checks: z.strictObject({ database: checkSchema, sessions: checkSchema, kv: checkSchema }),
  })
  .meta({ id: "Health" });

const healthOperation = defineOperation({
  id: "readHealth",
  method: "get",
  path: "/health",
  tag: "Service",
  summary: "Health check",
  description: "Checks the database, a session object and KV. Returns 503 if one of them does not answer.",
  success: { status: 200, description: "Everything works.", schema: healthSchema },
  alternatives: [
    { status: 503, description: "A component does not answer; `checks` says which.", schema: healthSchema },
  ],
  refusals: [],
});

const rootSchema = z
  .strictObject({
    name: z.string().meta({ examples: ["Postern"] }),
    version: z.string().meta({ examples: ["0.1.0"] }),
    registration: z
      .enum(["open", "invitation", "closed"])
      .meta({ description: "Who can register. Hide the registration form unless this is `open`.", examples: ["open"] }),
    challenge: z
      .enum(["turnstile"])
      .nullable()
      .meta({
        description: "The challenge that registration, login and password reset requests need.",
        examples: ["turnstile"],
      }),
    links: z.strictObject({
      docs: z.url(),
      openapi: z.url(),
      health: z.url(),
      jwks: z.url(),
      metadata: z.url(),
    }),
  })
  .meta({ id: "Service" });

const rootOperation = defineOperation({
  id: "readService",
  method: "get",
  path: "/",
  tag: "Service",
  summary: "About this service",
  success: { status: 200, description: "The name, the version and links to the documentation.", schema: rootSchema },
  refusals: [],
});

export function addHealthRoutes(app: App, config: Config): void {
  addOperation(app, rootOperation, async (c) =>
    c.json(
      {
        name: config.productName,
        version: VERSION,
        registration: config.registration.policy,
        challenge: config.turnstile.secretKey === undefined ? null : ("turnstile" as const),
        links: {
          docs: `${config.publicUrl}/docs`,
          openapi: `${config.publicUrl}/openapi.json`,
          health: `${config.publicUrl}/health`,
          jwks: `${config.publicUrl}/.well-known/jwks.json`,
          metadata: `${config.publicUrl}/.well-known/oauth-authorization-server`,
        },
      },
      200,
    ),
  );

  addOperation(app, healthOperation, async (c) => {
    const { db, revocations, sessions } = c.get("services");
    const [database, sessionObjects, kv] = await Promise.all([
      answers(pingDatabase(db)),
      answers(sessions.epochOf("health", "health")),
      answers(revocations.ping()),
    ]);
    const healthy = database && sessionObjects && kv;
    const check = (ok: boolean) => (ok ? "ok" : "failed");
    return c.json(
      {
        status: check(healthy),
        version: VERSION,
        checks: { database: check(database), sessions: check(sessionObjects), kv: check(kv) },
      },
      healthy ? 200 : 503,
      healthy ? {} : { "Retry-After": "5" },
    );
  });
}

async function answers(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    writeLog("error", { event: "health_check_failed", error: describeError(error) });
    return false;
  }
}
