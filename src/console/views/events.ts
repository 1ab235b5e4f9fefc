/** Audit events in words. */
import type { AuditEvent } from "../api.ts";
import { language, words } from "../words.ts";

/** What happened. The code, if a newer version of the service has recorded the event. */
export function nameOfEvent({ type }: Pick<AuditEvent, "type">): string {
  const names: Partial<Record<string, string>> = words.audit.types;
  return names[type] ?? type;
}

/** The types with their names, sorted by name. */
export function typesOfEvents(): [type: string, name: string][] {
  return Object.entries(words.audit.types).sort(([, left], [, right]) => left.localeCompare(right, language));
}

/** The service does these by itself, some of them during a request. */
const OWN_ACTS = /^(signing_key_created|signing_key_resealed|email_refused|first_superuser_link_logged)$/;

/** Who caused an event that has no actor. A command is the only other cause without a request. */
export function causeOf({ type, request_id }: Pick<AuditEvent, "type" | "request_id">) {
  if (OWN_ACTS.test(type)) return "service";
  return request_id === null ? "command" : "unknown";
}
