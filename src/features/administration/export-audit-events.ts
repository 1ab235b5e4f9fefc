/** Audit events as a file. The file is streamed page by page, because there may be millions of events. */
import * as z from "zod";
import { CSV_HEAD, csvLine } from "../../audit/event-csv.ts";
import type { AuditFilter } from "../../audit/event-rows.ts";
import type { AuditEventStore } from "../../audit/event-store.ts";
import type { AuditDetails } from "../../audit/event-types.ts";
import { presentEvent } from "../../audit/present-event.ts";
import { operator, recent } from "../../endpoint/callers.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { perUser } from "../../endpoint/limits.ts";
import { streamText } from "../../http/streamed-text.ts";
import { toIsoTime } from "../../platform/clock.ts";
import { auditFilterOf, auditFilterShape } from "./audit-filter.ts";

/**
 * Reading a page takes up to three calls to D1. Cloudflare allows a request a thousand calls, so an export can read at
 * least 330,000 events.
 */
const EVENTS_A_PAGE = 1_000;

const FORMATS = {
  ndjson: {
    contentType: "application/x-ndjson",
    head: "",
    write: (event: ReturnType<typeof presentEvent>) => `${JSON.stringify(event)}\n`,
  },
  csv: { contentType: "text/csv", head: CSV_HEAD, write: csvLine },
};

export const exportAuditEvents = endpoint(
  {
    id: "exportAuditEvents",
    method: "get",
    path: "/api/v1/audit-events/export",
    tag: "Administration",
    summary: "Download audit events",
    description:
      "Newest first, offered as a file, with the same filters as the list. `ndjson` has one event in each line, as the list shows it. `csv` has the same columns; `details` is JSON. An apostrophe precedes what a spreadsheet would take for a formula, also inside `details`. If the storage fails meanwhile, the response is cut off: a client must not treat it as complete. Export long periods in parts, with `since` and `until`. The audit log records who exported what.",
    caller: recent(operator("read_audit_events")),
    isRecorded: true,
    query: z.strictObject({
      format: z.enum(["ndjson", "csv"], "Use ndjson or csv.").meta({ examples: ["csv"] }),
      ...auditFilterShape,
    }),
    limits: [perUser("exportPerUser")],
    success: {
      status: 200,
      description: "The events.",
      contentType: [FORMATS.ndjson.contentType, FORMATS.csv.contentType],
    },
  },
  async ({ audit, auditEvents, clock }, { query: { format, ...query }, caller }) => {
    const filter = auditFilterOf(query);
    const { contentType, head, write } = FORMATS[format];
    audit.note("audit_events_exported", { actorId: caller.user.id, details: { format, ...describe(filter) } });
    const [day] = toIsoTime(clock.now()).split("T");
    return new Reply(streamText(written(auditEvents, filter, head, write)), {
      "Content-Type": contentType,
      "Content-Disposition": `attachment; filename="audit-events-${day}.${format}"`,
    });
  },
);

async function* written(
  auditEvents: AuditEventStore,
  filter: AuditFilter,
  head: string,
  write: (event: ReturnType<typeof presentEvent>) => string,
) {
  if (head !== "") yield head;
  let before: string | null | undefined;
  while (before !== null) {
    const { events, next } = await auditEvents.list(filter, { limit: EVENTS_A_PAGE, before });
    if (events.length > 0) yield events.map((event) => write(presentEvent(event))).join("");
    before = next;
  }
}

/**
 * The filter, as the audit event of an export records it. An IP address is personal data, so the event records only
 * that the filter had one.
 */
function describe({ userId, actorId, type, ipAddress, since, until }: AuditFilter): AuditDetails {
  const facts = {
    user_id: userId,
    actor_id: actorId,
    type,
    by_ip_address: ipAddress === undefined ? undefined : true,
    since: since === undefined ? undefined : toIsoTime(since),
    until: until === undefined ? undefined : toIsoTime(until),
  };
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
