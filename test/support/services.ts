import { env } from "cloudflare:workers";
import type { Bindings } from "../../src/bindings.ts";
import { parseConfig } from "../../src/config/config.ts";
import type { Consequences } from "../../src/followups/consequences.ts";
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

/** No events and no follow-ups, for changes that a test makes directly in a store. */
export const NOTHING_FOLLOWS: Consequences = { events: [], followUps: [], dueAt: 0 };

/** Carries out the follow-ups that requests have left, as the cron job does. Makes all of them due first. */
export async function carryOutLeft(bindings: Bindings = env): Promise<void> {
  await env.DB.prepare("UPDATE follow_ups SET due_at = 0").run();
  await createServices(bindings, parseConfig(env)).followUps.carryOutLeft();
}
