/** The Worker. If the configuration is wrong, the Worker fails to start, and answers no request. */
import * as runtime from "cloudflare:workers";
import { env, WorkerEntrypoint, waitUntil } from "cloudflare:workers";
import { createApp } from "./app.ts";
import { recordAuditEvents } from "./audit/record.ts";
import type { Bindings } from "./bindings.ts";
import { parseConfig } from "./config/config.ts";
import { runCronTasks } from "./cron-tasks.ts";
import type { Services } from "./endpoint/services.ts";
import { findUser, readJwks, verifyToken } from "./features/rpc/methods.ts";
import { type Method, runCall } from "./features/rpc/run-call.ts";
import { deliverMails } from "./mail/deliver.ts";
import type { MailRequest } from "./mail/requests.ts";
import { chooseTransport } from "./mail/transports/choose.ts";
import { configureLog } from "./platform/log.ts";
import { inLogContext } from "./platform/log-context.ts";
import { systemRandom } from "./platform/random.ts";
import { extend } from "./platform/records.ts";
import { useTracing } from "./platform/spans.ts";
import { continueTrace } from "./platform/trace.ts";
import { createServices, logSettingsOf } from "./services.ts";
import type { AuthService as AuthServiceContract, CallContext } from "./verify/service.ts";

export { LoginGuard } from "./limits/login-guard-object.ts";
export { RateLimiter } from "./limits/rate-limiter-object.ts";
export { Metrics } from "./metrics/metrics-object.ts";
export { UserSessions } from "./sessions/user-sessions-object.ts";

const config = parseConfig(env);
configureLog(logSettingsOf(config, waitUntil));
// Not a named import of `tracing`: in older runtimes, which do not export it, the Worker would not start.
useTracing(runtime.tracing);
const app = createApp(config);

export default {
  fetch: (request, bindings, context) => runToEnd(context, app.fetch(request, bindings, context)),

  async queue(batch, bindings) {
    const services = createServices(bindings, config);
    if (holdsMails(batch)) {
      const { clock, db } = services;
      const deadLetters = bindings.MAIL_DEAD_LETTERS;
      const transport = chooseTransport(config.mail, { clock, db, email: bindings.EMAIL });
      await deliverMails(batch, extend(services, { transport, deadLetters }));
    } else {
      await inNewTrace(() => recordAuditEvents(batch, services));
    }
    await services.metrics.handOverNow();
  },

  async scheduled(_event, bindings) {
    const services = createServices(bindings, config);
    try {
      await inNewTrace(() => runCronTasks(services));
    } finally {
      await services.metrics.handOverNow();
    }
  },
} satisfies ExportedHandler<Bindings>;

/**
 * The entrypoint to which other Workers bind (`entrypoint = "AuthService"`). Offers the strict check of a token, users
 * and the JWKS over RPC, and the whole HTTP API.
 */
export class AuthService extends WorkerEntrypoint<Bindings> implements AuthServiceContract {
  override async fetch(request: Request): Promise<Response> {
    return runToEnd(this.ctx, app.fetch(request, this.env, this.ctx));
  }

  verify(token: string, context?: CallContext) {
    return this.#run("verify", (services) => verifyToken(services, token), context);
  }

  user(id: string, context?: CallContext) {
    return this.#run("user", (services) => findUser(services, id), context);
  }

  jwks(context?: CallContext) {
    return this.#run("jwks", readJwks, context);
  }

  async #run<Answer>(
    method: Method,
    work: (services: Services) => Promise<Answer>,
    context?: CallContext,
  ): Promise<Answer> {
    const services = createServices(this.env, config);
    try {
      return await runCall(method, services, work, context);
    } finally {
      this.ctx.waitUntil(services.metrics.handOver());
    }
  }
}

/**
 * Lets a request run to its end even if the client disconnects. Without this, a client could make a change, and then
 * disconnect to prevent its consequences, such as an email to the owner.
 */
function runToEnd(context: ExecutionContext, response: Response | Promise<Response>): Response | Promise<Response> {
  context.waitUntil(Promise.resolve(response));
  return response;
}

/** Runs work with a new trace id, which all its log lines contain. */
function inNewTrace<Result>(work: () => Result): Result {
  return inLogContext({ trace: continueTrace(undefined, systemRandom) }, work);
}

/** Whether a batch comes from the mail queue. The name of the audit queue in `wrangler.toml` contains `audit`. */
function holdsMails(batch: MessageBatch<unknown>): batch is MessageBatch<MailRequest> {
  return !batch.queue.includes("audit");
}
