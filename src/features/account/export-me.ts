/**
 * All data that is stored about a user, as one JSON document, except data that only the service can use: the password's
 * hash, the secrets of second factors, and internal counters. It is streamed, because a user may have many events.
 */
import * as z from "zod";
import type { AuditFilter, AuditRow } from "../../audit/event-rows.ts";
import { ownEventSchema, presentOwnEvent } from "../../audit/present-event.ts";
import { recentUser } from "../../endpoint/callers.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { perUser } from "../../endpoint/limits.ts";
import { factorSchema, presentFactor } from "../../factors/factor.ts";
import { presentTrustedDevice, trustedDeviceSchema } from "../../factors/trusted-device.ts";
import { streamText } from "../../http/streamed-text.ts";
import { toIsoTime } from "../../platform/clock.ts";
import type { Device } from "../../sessions/known-devices.ts";
import { presentSession, sessionSchema } from "../../sessions/present-session.ts";
import type { EmailChange } from "../../users/email-changes.ts";
import { storedEmail } from "../../users/fields.ts";
import { presentUser, userSchema } from "../../users/user.ts";

const time = z.iso.datetime();

const exportSchema = z
  .strictObject({
    exported_at: time,
    user: userSchema.extend({ locale: z.string() }),
    sessions: z.array(sessionSchema),
    devices: z.array(z.strictObject({ digest: z.string(), first_seen_at: time, last_seen_at: time })),
    second_factors: z.array(factorSchema),
    recovery_codes_left: z.int().min(0),
    trusted_devices: z.array(trustedDeviceSchema),
    email_changes: z.array(
      z.strictObject({
        old_email: storedEmail,
        new_email: storedEmail,
        requested_at: time,
        confirmed_at: time.nullable(),
        undone_at: time.nullable(),
      }),
    ),
    security_events: z.array(ownEventSchema),
    events_of_others: z
      .array(
        z.strictObject({
          id: z.uuid(),
          type: z.string(),
          occurred_at: time,
          ip_address: z.string().nullable(),
          user_agent: z.string().nullable(),
        }),
      )
      .meta({ description: "What the user did, as an operator, to accounts of others." }),
  })
  .meta({ id: "Export" });

const EVENTS_A_PAGE = 500;

export const exportMe = endpoint(
  {
    id: "exportMe",
    method: "get",
    path: "/api/v1/users/me/export",
    tag: "Users",
    summary: "Download everything stored about you",
    description: "One JSON document, offered as a file.",
    caller: recentUser,
    isRecorded: true,
    limits: [perUser("exportPerUser")],
    success: { status: 200, description: "The document.", schema: exportSchema },
  },
  async ({ audit, auditEvents, clock, emailChanges, factors, sessions }, { caller }) => {
    const { sessionId, user: owner } = caller;
    const [live, devices, { items: secondFactors, recoveryCodesLeft, trustedDevices = [] }, changes] =
      await Promise.all([
        sessions.list(owner.id),
        sessions.devices(owner.id),
        factors.list(owner.id),
        emailChanges.listOf(owner.id),
      ]);
    audit.note("data_exported", { actorId: owner.id, userId: owner.id });
    const head = {
      exported_at: toIsoTime(clock.now()),
      user: { ...presentUser(owner), locale: owner.locale },
      sessions: live.map((session) => presentSession(session, sessionId)),
      devices: devices.map(presentDevice),
      second_factors: secondFactors.map(presentFactor),
      recovery_codes_left: recoveryCodesLeft,
      trusted_devices: trustedDevices.map((device) => presentTrustedDevice(device, sessionId)),
      email_changes: changes.map(presentEmailChange),
    };
    const pages = (filter: AuditFilter, present: (event: AuditRow) => object) =>
      eventPages((before) => auditEvents.list(filter, { limit: EVENTS_A_PAGE, before }, owner.id), present);
    const document = documentParts(head, [
      ["security_events", pages({ userId: owner.id }, (event) => presentOwnEvent(event, owner.id))],
      ["events_of_others", pages({ actorOnOthers: owner.id }, presentDeed)],
    ]);
    return new Reply(streamText(document), {
      "Content-Type": "application/json",
      "Content-Disposition": `attachment; filename="${owner.username}.json"`,
    });
  },
);

async function* eventPages(
  list: (before: string | undefined) => Promise<{ events: AuditRow[]; next: string | null }>,
  present: (event: AuditRow) => object,
) {
  let before: string | null | undefined;
  while (before !== null) {
    const { events, next } = await list(before);
    yield events.map(present);
    before = next;
  }
}

/** Writes the members of `head`, then each list under its name, page by page. */
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

/** Shows an event in which the user acted on another account. Contains no data about the owner of that account. */
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
