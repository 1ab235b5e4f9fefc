/** Texts about audit events. */
import type { AuditEvent } from "../api.ts";
import { language, words } from "../words.ts";

/**
 * The name of an event. If this console has no name for the event's type, because a newer version of the service has
 * recorded it, this returns the type.
 */
export function nameOfEvent({ type }: Pick<AuditEvent, "type">): string {
  const names: Partial<Record<string, string>> = words.audit.types;
  return names[type] ?? type;
}

/** The types with their names, sorted by name. */
export function typesOfEvents(): [type: string, name: string][] {
  return Object.entries(words.audit.types).sort(([, left], [, right]) => left.localeCompare(right, language));
}

/** The types of events that the service causes by itself, some of them during a request. */
const OWN_ACTS = /^(signing_key_created|signing_key_resealed|email_refused|first_superuser_link_logged)$/;

/**
 * Says what caused an event that has no actor. Apart from the service's own acts, only an event that a command caused
 * has no request.
 */
export function causeOf({ type, request_id }: Pick<AuditEvent, "type" | "request_id">) {
  if (OWN_ACTS.test(type)) return "service";
  return request_id === null ? "command" : "unknown";
}
