/** The audit log: who did what, to whom, from where. */
import { useEffect, useState } from "preact/hooks";
import { type AuditEvent, api, dataOf } from "../api.ts";
import { Button, Choice, type Column, Facts, Field, Heading, Listing, Time } from "../parts.tsx";
import { linkTo, type Query, replaceQuery } from "../route.ts";
import type { ViewProps } from "../views.ts";
import { words } from "../words.ts";
import { useList } from "./loading.ts";

const TYPES = EVENT_TYPES.map((type) => [type, type] as const);

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

export default function AuditView({ query }: ViewProps) {
  const { audit, shell, views } = words;
  const filter = {
    type: query.get("type") ?? "",
    user_id: query.get("user_id") ?? "",
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
  const columns: Column<AuditEvent>[] = [
    { title: audit.type, cell: (event) => <Event event={event} /> },
    { title: audit.time, cell: ({ occurred_at }) => <Time time={occurred_at} /> },
    { title: audit.user, cell: ({ user_id }) => <Person id={user_id} none={shell.none} /> },
    { title: audit.actor, isWide: true, cell: (event) => <Actor event={event} /> },
    { title: audit.address, isWide: true, cell: ({ ip_address }) => ip_address ?? shell.none },
  ];
  return (
    <>
      <Heading title={views.audit} />
      <section class="filters" aria-label={words.shell.filters}>
        <Choice
          label={audit.type}
          value={filter.type}
          onChoose={(type) => set({ type })}
          options={[["", shell.any], ...TYPES]}
        />
        <IdField label={audit.userId} value={filter.user_id} onEnter={(user_id) => set({ user_id })} />
        <Field label={audit.since} type="date" value={filter.since} onInput={(since) => set({ since })} />
        <Field label={audit.until} type="date" value={filter.until} onInput={(until) => set({ until })} />
        {Object.values(filter).some((value) => value !== "") && (
          <Button onClick={() => replaceQuery("audit", {})}>{shell.clear}</Button>
        )}
      </section>
      <Listing caption={audit.table} columns={columns} list={list} none={audit.none} />
    </>
  );
}

/** The days are those of the operator's time zone. */
function asParameters({ type, user_id, since, until }: Record<"type" | "user_id" | "since" | "until", string>) {
  return {
    ...(type === "" ? {} : { type }),
    ...(user_id === "" ? {} : { user_id }),
    ...(since === "" ? {} : { since: new Date(`${since}T00:00`).toISOString() }),
    ...(until === "" ? {} : { until: new Date(`${until}T24:00`).toISOString() }),
  };
}

/** Filters when a whole id is there, or none. */
function IdField({ label, value, onEnter }: { label: string; value: string; onEnter: (id: string) => void }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const isWhole = typed === "" || UUID.test(typed);
  const type = (text: string) => {
    const id = text.trim();
    setTyped(id);
    if (id === "" || UUID.test(id)) onEnter(id);
  };
  return <Field label={label} value={typed} onInput={type} fault={isWhole ? undefined : words.audit.badId} />;
}

function Event({ event }: { event: AuditEvent }) {
  const { audit, shell } = words;
  const details = Object.entries(event.details).map(([name, value]) => [name, String(value)] as const);
  return (
    <details class="event-details">
      <summary>
        <code>{event.type}</code>
      </summary>
      <Facts
        facts={[
          ...details,
          [audit.agent, event.user_agent ?? shell.none],
          [audit.address, event.ip_address ?? shell.none],
          [audit.request, <code key="request">{event.request_id ?? shell.none}</code>],
          [audit.id, <code key="id">{event.id}</code>],
        ]}
      />
    </details>
  );
}

/** The end of an id tells users apart: its beginning is the time of creation. */
function Person({ id, none }: { id: string | null; none: string }) {
  return id === null ? <span class="quiet">{none}</span> : <a href={linkTo(`users/${id}`)}>…{id.slice(-8)}</a>;
}

function Actor({ event: { actor_id, user_id } }: { event: AuditEvent }) {
  const { itself, unknown } = words.audit;
  if (actor_id !== null && actor_id === user_id) return <span class="quiet">{itself}</span>;
  return <Person id={actor_id} none={unknown} />;
}
