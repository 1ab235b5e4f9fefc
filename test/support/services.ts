import { env } from "cloudflare:workers";
import { parseConfig } from "../../src/config/config.ts";
import { createServices } from "../../src/services.ts";

/** The services of an isolate that has just started: no cached keys, and an empty hashing lane. */
export function coldIsolate(values: Record<string, string> = {}) {
  return createServices(env, parseConfig({ ...env, ...values }));
}

/** A namespace of Durable Objects that do not answer. */
export function brokenObjects<Namespace>(): Namespace {
  const getByName = () => {
    throw new Error("no such object");
  };
  return { getByName } as Namespace;
}
