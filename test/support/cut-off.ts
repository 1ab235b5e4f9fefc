import { env } from "cloudflare:workers";
import { createApp } from "../../src/app.ts";
import type { Bindings } from "../../src/bindings.ts";
import { parseConfig } from "../../src/config/config.ts";

/**
 * Sends a request to an isolate that is lost at its storage call number `last`: the call is made, but never returns, and
 * no later one is made. The response is `undefined` if the isolate was lost before there was one. `made`: the calls of the
 * request, if it was not lost.
 */
export async function sendUntilLost(request: Request, last: number) {
  let made = 0;
  let lose = () => {};
  const lost = new Promise<undefined>((resolve) => {
    lose = () => resolve(undefined);
  });
  const running: Promise<unknown>[] = [];

  /** Makes a storage call while the isolate lives. */
  function call<Result>(make: () => Promise<Result>): Promise<Result> {
    made += 1;
    if (made > last) return new Promise(() => {});
    const result = make();
    running.push(result.catch(() => {}));
    if (made < last) return result;
    result.catch(() => {}).finally(lose);
    return new Promise(() => {});
  }

  const app = createApp(parseConfig(env));
  const later: Promise<unknown>[] = [];
  const context = {
    waitUntil: (work: Promise<unknown>) => void later.push(work),
    passThroughOnException() {},
  } as unknown as ExecutionContext;
  const whole = async () => {
    const response = await app.fetch(request, countedBindings(call), context);
    await Promise.all(later);
    return response;
  };
  const response = await Promise.race([whole(), lost]);
  await Promise.all(running);
  return { response, made };
}

type Call = <Result>(make: () => Promise<Result>) => Promise<Result>;

/** The real bindings, whose every call goes through `call`. */
function countedBindings(call: Call): Bindings {
  return {
    ...env,
    DB: countedDatabase(call),
    USER_SESSIONS: countedObjects(env.USER_SESSIONS, call),
    RATE_LIMITER: countedObjects(env.RATE_LIMITER, call),
    LOGIN_GUARD: countedObjects(env.LOGIN_GUARD, call),
    MAIL_QUEUE: countedMethods(env.MAIL_QUEUE, call),
    AUDIT_QUEUE: countedMethods(env.AUDIT_QUEUE, call),
  } as unknown as Bindings;
}

/** An object whose every method goes through `call`. */
function countedMethods<Target extends object>(target: Target, call: Call): Target {
  return new Proxy(target, {
    get: (_, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...values: unknown[]) => call(async () => Reflect.apply(method, target, values));
    },
  });
}

function countedObjects<Namespace extends { getByName(name: string): object }>(objects: Namespace, call: Call) {
  return { getByName: (name: string) => countedMethods(objects.getByName(name), call) };
}

function countedDatabase(call: Call): D1Database {
  const originals = new WeakMap<object, D1PreparedStatement>();
  function wrap(statement: D1PreparedStatement): D1PreparedStatement {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: () => call(() => statement.all()),
      run: () => call(() => statement.run()),
      raw: () => call(() => statement.raw()),
    } as unknown as D1PreparedStatement;
    originals.set(wrapped, statement);
    return wrapped;
  }
  return {
    prepare: (query: string) => wrap(env.DB.prepare(query)),
    batch: (statements: D1PreparedStatement[]) =>
      call(() => env.DB.batch(statements.map((statement) => originals.get(statement) ?? statement))),
  } as unknown as D1Database;
}
