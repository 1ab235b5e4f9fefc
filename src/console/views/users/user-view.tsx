/** One user: the profile, the sessions, the newest events, and the buttons for what the operator can do. */
import { useState } from "preact/hooks";
import { isAllowed } from "../../access.ts";
import { type AuditEvent, api, dataOf, type Me, type User, type Versioned } from "../../api.ts";
import { Button } from "../../controls.tsx";
import { Failure, Loading, Skeleton } from "../../loading.tsx";
import { notify } from "../../notices.tsx";
import { Facts, Heading, LongWord, Panel, Time } from "../../parts.tsx";
import { goTo, linkTo } from "../../route.ts";
import { language, words } from "../../words.ts";
import { causeOf, nameOfEvent } from "../events.ts";
import { useLoaded } from "../loading.ts";
import { Act, type ActName, actsOn } from "./acts.tsx";
import { readUser } from "./changes.ts";
import { ProfileDialog } from "./profile-dialog.tsx";
import { Sessions } from "./sessions.tsx";
import { Factor, Standing, Status } from "./standing.tsx";

const NEWEST_EVENTS = 10;

export function UserView({ me, id }: { me: Me; id: string }) {
  const user = useLoaded((signal) => readUser(id, signal), [id]);
  const { data, failure, reload } = user;
  return (
    <>
      <p class="back">
        <a href={linkTo("users")}>← {words.user.back}</a>
      </p>
      {failure !== undefined && <Heading title={words.users.user} />}
      {failure !== undefined && <Failure failure={failure} retry={reload} />}
      {failure === undefined && data === undefined && <Skeleton lines={10} />}
      {data !== undefined && <Details me={me} seen={data} reload={reload} />}
    </>
  );
}

function Details({ me, seen, reload }: { me: Me; seen: Versioned<User>; reload: () => void }) {
  const { data: user } = seen;
  const [act, setAct] = useState<ActName | "edit">();
  const acts = actsOn(me, user);
  const { user: texts } = words;
  const close = () => setAct(undefined);
  const finish = (text: string, isGone: boolean) => {
    if (isGone) goTo("users");
    else reload();
    notify(text);
  };
  return (
    <>
      <Heading title={user.username}>
        <Standing user={user} />
        <Status user={user} isWhole />
      </Heading>
      <div class="panels">
        <Panel
          title={texts.profile.heading}
          acts={
            user.id !== me.id &&
            isAllowed(me, "edit_users", user) && <Button onClick={() => setAct("edit")}>{texts.profile.edit}</Button>
          }
        >
          <ProfileFacts user={user} />
        </Panel>
        <Panel title={texts.actions} isBeside>
          {user.id === me.id ? (
            <p>
              {texts.self} <a href={`/account?lang=${language}`}>{texts.toAccount}</a>
            </p>
          ) : (
            <div class="acts">
              {acts.length === 0 && <p class="quiet">{texts.noActions}</p>}
              {acts.map(({ name, isDangerous }) => (
                <Button key={name} look={isDangerous ? "to-danger" : "quiet"} onClick={() => setAct(name)}>
                  {texts.acts[name].label}
                </Button>
              ))}
            </div>
          )}
        </Panel>
        {user.id !== me.id && isAllowed(me, "end_sessions", user) && <Sessions user={user} version={seen.etag} />}
        {isAllowed(me, "read_audit_events") && <Events id={user.id} version={seen.etag} />}
      </div>
      {act === "edit" && (
        <ProfileDialog seen={seen} onClose={close} onDone={() => finish(texts.profile.saved, false)} reload={reload} />
      )}
      {act !== undefined && act !== "edit" && (
        <Act
          me={me}
          name={act}
          seen={seen}
          onClose={close}
          onDone={(text) => finish(text, act === "delete")}
          reload={reload}
        />
      )}
    </>
  );
}

function ProfileFacts({ user }: { user: User }) {
  const { profile } = words.user;
  const orUnset = (value: string | null) => value ?? <span class="quiet">{words.shell.unset}</span>;
  return (
    <Facts
      facts={[
        [profile.email, <LongWord key="email">{user.email}</LongWord>],
        [profile.firstName, orUnset(user.first_name)],
        [profile.lastName, orUnset(user.last_name)],
        [profile.phone, orUnset(user.phone)],
        [words.users.secondFactor, <Factor key="factor" user={user} none={words.shell.unset} />],
        [profile.lastLogin, <Time key="login" time={user.last_login} />],
        [profile.created, <Time key="created" time={user.created_at} />],
        [profile.updated, <Time key="updated" time={user.updated_at} />],
        [profile.id, <code key="id">{user.id}</code>],
      ]}
    />
  );
}

function Events({ id, version }: { id: string; version: string }) {
  const events = useLoaded(
    (signal) => {
      const query = { user_id: id, limit: NEWEST_EVENTS };
      return dataOf(api.GET("/api/v1/audit-events", { params: { query }, signal }));
    },
    [id, version],
  );
  const texts = words.user.events;
  const all = <a href={linkTo("audit", { user_id: id })}>{texts.all}</a>;
  return (
    <Panel title={texts.heading} acts={all}>
      <Loading of={events} lines={5}>
        {({ items }) => (items.length === 0 ? <p class="quiet">{texts.none}</p> : <EventList events={items} />)}
      </Loading>
    </Panel>
  );
}

/** Says who caused an event. Returns `undefined` if the user caused it, or if the cause is unknown. */
function actorOf(event: AuditEvent): string | undefined {
  const { actor_id, user_id } = event;
  const { audit } = words;
  if (actor_id !== null) return actor_id === user_id ? undefined : `${audit.actor} ${actor_id.slice(-8)}`;
  const cause = causeOf(event);
  return cause === "unknown" ? undefined : audit[cause];
}

function EventList({ events }: { events: readonly AuditEvent[] }) {
  return (
    <ul class="events">
      {events.map((event) => (
        <li key={event.id}>
          <span title={event.type}>{nameOfEvent(event)}</span>
          <span class="quiet">
            <Time time={event.occurred_at} />
            {[event.ip_address, actorOf(event)].map((fact) => fact && ` · ${fact}`)}
          </span>
        </li>
      ))}
    </ul>
  );
}
