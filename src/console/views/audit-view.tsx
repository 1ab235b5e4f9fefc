/** The audit log: who did what, to whom, from where. */
import { useEffect, useState } from "preact/hooks";
import type { paths } from "../../client/api.ts";
import { PosternError, readError } from "../../client/index.ts";
import { type AuditEvent, api, dataOf } from "../api.ts";
import { Button, Choice, Field } from "../controls.tsx";
import { Failure } from "../loading.tsx";
import { Facts, Heading, Time } from "../parts.tsx";
import { linkTo, type Query, replaceQuery } from "../route.ts";
import { client } from "../session.ts";
import { type Column, Listing } from "../tables.tsx";
import type { ViewProps } from "../views.ts";
import { fill, words } from "../words.ts";
import { causeOf, nameOfEvent, typesOfEvents } from "./events.ts";
import { useList } from "./loading.ts";

const EXPORT: keyof paths = "/api/v1/audit-events/export";

const FORMATS = ["csv", "ndjson"] as const;

type Format = (typeof FORMATS)[number];

/** The file stays available for this time, so that the browser can start the download. */
const DOWNLOAD_START_MILLISECONDS = 10_000;

/** Matches text that looks like a complete IPv4 or IPv6 address. The service checks it further. */
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|[\da-f:]*:[\da-f:.]+)$/i;

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

export default function AuditView({ query }: ViewProps) {
  const { audit, shell, views } = words;
  const filter = {
    type: query.get("type") ?? "",
    user_id: query.get("user_id") ?? "",
    actor_id: query.get("actor_id") ?? "",
    ip_address: query.get("ip_address") ?? "",
    since: query.get("since") ?? "",
    until: query.get("until") ?? "",
  };
  const set = (change: Query) => replaceQuery("audit", { ...filter, ...change });
  const list = useList(
    (cursor, signal) => {
      const asked = { ...asParameters(filter), ...(cursor === undefined ? {} : { cursor }) };
      return dataOf(api.GET("/api/v1/audit-events", { params: { query: asked }, signal }));
    },
    [filter],
  );
  const [isDownloading, setDownloading] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const download = async (format: Format) => {
    setDownloading(true);
    setFailure(undefined);
    try {
      await saveEvents(format, asParameters(filter));
    } catch (error) {
      setFailure(error);
    } finally {
      setDownloading(false);
    }
  };
  const columns: Column<AuditEvent>[] = [
    { title: audit.type, cell: (event) => <Event event={event} /> },
    { title: audit.time, isPlain: true, cell: ({ occurred_at }) => <Time time={occurred_at} /> },
    { title: audit.user, cell: ({ user_id }) => <Person id={user_id} none={shell.none} /> },
    { title: audit.actor, isWide: true, cell: (event) => <Actor event={event} /> },
    { title: audit.address, isWide: true, cell: ({ ip_address }) => ip_address ?? shell.none },
  ];
  return (
    <>
      <Heading title={views.audit}>
        {FORMATS.map((format) => (
          <Button key={format} isBusy={isDownloading} onClick={() => download(format)}>
            {fill(audit.download, { format: format.toUpperCase() })}
          </Button>
        ))}
      </Heading>
      {failure !== undefined && <Failure failure={failure} />}
      <section class="filters for-events" aria-label={words.shell.filters}>
        <Choice
          label={audit.type}
          value={filter.type}
          onChoose={(type) => set({ type })}
          options={[["", shell.any], ...typesOfEvents()]}
        />
        <WholeField
          label={audit.userId}
          value={filter.user_id}
          pattern={UUID}
          fault={audit.badId}
          onEnter={(user_id) => set({ user_id })}
        />
        <WholeField
          label={audit.actorId}
          value={filter.actor_id}
          pattern={UUID}
          fault={audit.badId}
          onEnter={(actor_id) => set({ actor_id })}
        />
        <WholeField
          label={audit.address}
          value={filter.ip_address}
          pattern={ADDRESS}
          fault={audit.badAddress}
          onEnter={(ip_address) => set({ ip_address })}
        />
        <div class="dates">
          <Field label={audit.since} type="date" value={filter.since} onInput={(since) => set({ since })} />
          <Field label={audit.until} type="date" value={filter.until} onInput={(until) => set({ until })} />
        </div>
        {Object.values(filter).some((value) => value !== "") && (
          <Button onClick={() => replaceQuery("audit", {})}>{shell.clear}</Button>
        )}
      </section>
      <Listing caption={audit.table} columns={columns} list={list} none={audit.none} />
    </>
  );
}

/**
 * Saves a file of all events that the filter finds. If the response is cut off, saves nothing, because the operator
 * could think that the file has all events.
 */
async function saveEvents(format: Format, filter: Partial<Filter>): Promise<void> {
  const query = new URLSearchParams({ format, ...filter });
  const response = await client.fetch(`${EXPORT}?${query}`);
  if (!response.ok) throw await readError(response);
  const file = await response.blob().catch((cause: unknown) => {
    throw new PosternError({ status: 0, code: "network_error", detail: "" }, { cause });
  });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), DOWNLOAD_START_MILLISECONDS);
}

type Filter = Record<"type" | "user_id" | "actor_id" | "ip_address" | "since" | "until", string>;

/** Returns the API's parameters for a filter, without empty fields. Days are in the operator's time zone. */
function asParameters(filter: Filter): Partial<Filter> {
  const { type, user_id, actor_id, ip_address, since, until } = filter;
  return {
    ...(type === "" ? {} : { type }),
    ...(user_id === "" ? {} : { user_id }),
    ...(actor_id === "" ? {} : { actor_id }),
    ...(ip_address === "" ? {} : { ip_address }),
    ...(since === "" ? {} : { since: new Date(`${since}T00:00`).toISOString() }),
    ...(until === "" ? {} : { until: new Date(`${until}T24:00`).toISOString() }),
  };
}

interface WholeFieldProps {
  label: string;
  value: string;
  pattern: RegExp;
  fault: string;
  onEnter: (value: string) => void;
}

/** A filter field. Calls `onEnter` as soon as the value is complete or empty. An empty value means no filter. */
function WholeField({ label, value, pattern, fault, onEnter }: WholeFieldProps) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const isWhole = (text: string) => text === "" || pattern.test(text);
  const type = (text: string) => {
    setTyped(text.trim());
    if (isWhole(text.trim())) onEnter(text.trim());
  };
  return <Field label={label} value={typed} onInput={type} fault={isWhole(typed) ? undefined : fault} />;
}

function Event({ event }: { event: AuditEvent }) {
  const { audit, shell } = words;
  const details = Object.entries(event.details).map(([name, value]) => [name, String(value)] as const);
  return (
    <details class="event-details">
      <summary title={event.type}>{nameOfEvent(event)}</summary>
      <Facts
        facts={[
          ...details,
          [audit.code, <code key="code">{event.type}</code>],
          [audit.agent, event.user_agent ?? shell.none],
          [audit.address, event.ip_address ?? shell.none],
          [audit.request, <code key="request">{event.request_id ?? shell.none}</code>],
          [audit.id, <code key="id">{event.id}</code>],
        ]}
      />
    </details>
  );
}

/** Shows the end of a user's id. The beginning is the creation time, which is often similar for several users. */
function Person({ id, none }: { id: string | null; none: string }) {
  return id === null ? <span class="quiet">{none}</span> : <a href={linkTo(`users/${id}`)}>…{id.slice(-8)}</a>;
}

function Actor({ event }: { event: AuditEvent }) {
  const { actor_id, user_id } = event;
  const { audit } = words;
  if (actor_id !== null && actor_id === user_id) return <span class="quiet">{audit.itself}</span>;
  return <Person id={actor_id} none={audit[causeOf(event)]} />;
}
