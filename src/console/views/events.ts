/** Texts about audit events. */
import type { AuditEvent } from "../api.ts";
import { language, words } from "../words.ts";

/**
 * Returns the name of an event, or the event's type if this console has no name for the type. A newer version of the
 * service may record new types.
 */
export function nameOfEvent({ type }: Pick<AuditEvent, "type">): string {
  const names: Partial<Record<string, string>> = words.audit.types;
  return names[type] ?? type;
}

/** The types with their names, sorted by name. */
export function typesOfEvents(): [type: string, name: string][] {
  return Object.entries(words.audit.types).sort(([, left], [, right]) => left.localeCompare(right, language));
}

/** The types of events that the service itself causes. Some of these events happen during a request. */
const OWN_ACTS = /^(signing_key_created|signing_key_resealed|email_refused|first_superuser_link_logged)$/;

/**
 * Says what caused an event that has no actor. If the service did not cause the event itself and there was no request
 * either, a command caused the event.
 */
export function causeOf({ type, request_id }: Pick<AuditEvent, "type" | "request_id">) {
  if (OWN_ACTS.test(type)) return "service";
  return request_id === null ? "command" : "unknown";
}
