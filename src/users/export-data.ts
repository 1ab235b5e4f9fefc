/**
 * Everything held about a user, as one JSON document, written as it is read: the events of a year may be
 * many. What is left out is what only the service can use: the password's hash and internal counters.
 */
import { presentOwnEvent } from "../audit/present-event.ts";
import type { AuditStore } from "../audit/store.ts";
import { toIsoTime } from "../platform/clock.ts";
import { utf8 } from "../platform/encoding.ts";
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
  return writeDocument(head, eventPages(audits, user.id));
}

async function* eventPages(audits: AuditStore, userId: string) {
  let before: string | undefined;
  do {
    const events = await audits.list({ userId }, { limit: EVENTS_A_PAGE, before });
    yield events.map((event) => presentOwnEvent(event, userId));
    before = events.length < EVENTS_A_PAGE ? undefined : events.at(-1)?.id;
  } while (before !== undefined);
}

/** The members of `head`, and after them `security_events`, page by page. */
function writeDocument(head: object, pages: AsyncGenerator<object[]>): ReadableStream<Uint8Array> {
  let text = `${JSON.stringify(head).slice(0, -1)},"security_events":[`;
  let isFirst = true;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const page = await pages.next();
      if (page.done) {
        controller.enqueue(utf8(`${text}]}`));
        controller.close();
        return;
      }
      for (const event of page.value) {
        text += `${isFirst ? "" : ","}${JSON.stringify(event)}`;
        isFirst = false;
      }
      controller.enqueue(utf8(text));
      text = "";
    },
  });
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
