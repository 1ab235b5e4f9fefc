/**
 * Everything held about a user, as one JSON document, written as it is read: the events of a year may be
 * many. What is left out is what only the service can use: the password's hash and internal counters.
 */
import { presentOwnEvent } from "../audit/present-event.ts";
import type { AuditFilter, AuditRow, AuditStore } from "../audit/store.ts";
import { toIsoTime } from "../platform/clock.ts";
import { utf8 } from "../platform/encoding.ts";
import { describeError, writeLog } from "../platform/log.ts";
import type { Services } from "../services.ts";
import { presentSession } from "../sessions/present-session.ts";
import type { Device } from "../sessions/session-records.ts";
import type { EmailChange } from "./email-change-store.ts";
import { presentUser, type User } from "./user.ts";

const EVENTS_A_PAGE = 500;

/** The document as a stream of UTF-8. */
export async function exportData(
  { audit, audits, clock, emailChanges, sessions }: Services,
  user: User,
  sessionId: string,
): Promise<ReadableStream<Uint8Array>> {
  const [live, devices, changes] = await Promise.all([
    sessions.list(user.id),
    sessions.devices(user.id),
    emailChanges.listOf(user.id),
  ]);
  audit.note("data_exported", { actorId: user.id, userId: user.id });
  const head = {
    exported_at: toIsoTime(clock.now()),
    user: { ...presentUser(user), locale: user.locale },
    sessions: live.map((session) => presentSession(session, sessionId)),
    devices: devices.map(presentDevice),
    email_changes: changes.map(presentEmailChange),
  };
  return writeDocument(head, [
    ["security_events", eventPages(audits, { userId: user.id }, (event) => presentOwnEvent(event, user.id))],
    ["events_of_others", eventPages(audits, { actorOnOthers: user.id }, presentDeed)],
  ]);
}

async function* eventPages(audits: AuditStore, filter: AuditFilter, present: (event: AuditRow) => object) {
  let before: string | undefined;
  do {
    const events = await audits.list(filter, { limit: EVENTS_A_PAGE, before });
    yield events.map(present);
    before = events.length < EVENTS_A_PAGE ? undefined : events.at(-1)?.id;
  } while (before !== undefined);
}

/** The members of `head`, and after them a list for each name, page by page. */
function writeDocument(head: object, lists: [string, AsyncGenerator<object[]>][]): ReadableStream<Uint8Array> {
  const parts = documentParts(head, lists);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const part = await parts.next();
        if (part.done) controller.close();
        else controller.enqueue(utf8(part.value));
      } catch (error) {
        // The answer has begun: it breaks off, and what was wrong is for the log alone.
        writeLog("error", { event: "export_broken_off", error: describeError(error) });
        controller.error(new Error("The export was broken off."));
      }
    },
  });
}

async function* documentParts(head: object, lists: [string, AsyncGenerator<object[]>][]): AsyncGenerator<string> {
  yield JSON.stringify(head).slice(0, -1);
  for (const [name, pages] of lists) {
    yield `,"${name}":[`;
    let separator = "";
    for await (const page of pages) {
      if (page.length === 0) continue;
      yield separator + page.map((event) => JSON.stringify(event)).join(",");
      separator = ",";
    }
    yield "]";
  }
  yield "}";
}

/** What the user did to somebody else, without a word on that person. */
function presentDeed({ id, type, occurredAt, ipAddress, userAgent }: AuditRow) {
  return { id, type, occurred_at: toIsoTime(occurredAt), ip_address: ipAddress, user_agent: userAgent };
}

function presentDevice({ digest, firstSeenAt, lastSeenAt }: Device) {
  return { digest, first_seen_at: toIsoTime(firstSeenAt), last_seen_at: toIsoTime(lastSeenAt) };
}

function presentEmailChange({ oldEmail, newEmail, requestedAt, confirmedAt, undoneAt }: EmailChange) {
  const optional = (time: number | null) => (time === null ? null : toIsoTime(time));
  return {
    old_email: oldEmail,
    new_email: newEmail,
    requested_at: toIsoTime(requestedAt),
    confirmed_at: optional(confirmedAt),
    undone_at: optional(undoneAt),
  };
}
