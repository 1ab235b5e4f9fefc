/**
 * A list of users, with a search. Operators who may not list users get a field to look up one user instead. If the path
 * contains a user's id, shows this user.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { isAllowed } from "../../access.ts";
import { api, dataOf, type User } from "../../api.ts";
import { Button, Choice, Field } from "../../controls.tsx";
import { codeOf } from "../../failures.ts";
import { Failure } from "../../loading.tsx";
import { Day, Heading, LongWord } from "../../parts.tsx";
import { goTo, linkTo, type Query, replaceQuery } from "../../route.ts";
import { useSearchFocus } from "../../search-focus.ts";
import { type Column, Listing } from "../../tables.tsx";
import type { ViewProps } from "../../views.ts";
import { words } from "../../words.ts";
import { useList } from "../loading.ts";
import { Factor, Standing, Status } from "./standing.tsx";
import { UserView } from "./user-view.tsx";

/** After this pause in the typing, the view searches the list. */
const PAUSE_MILLISECONDS = 250;

export default function UsersView({ me, path: [id], query }: ViewProps) {
  if (id !== undefined) return <UserView me={me} id={id} />;
  return isAllowed(me, "list_users") ? <Users me={me} query={query} /> : <LookUp query={query} />;
}

function Users({ me, query }: Pick<ViewProps, "me" | "query">) {
  const { users, views } = words;
  useSearchFocus();
  const filter = {
    q: query.get("q") ?? "",
    role: oneOf(query.get("role"), ["user", "moderator", "admin"] as const),
    is_active: oneOf(query.get("is_active"), FLAGS),
    is_verified: oneOf(query.get("is_verified"), FLAGS),
    has_second_factor: oneOf(query.get("has_second_factor"), FLAGS),
  };
  const { q, ...others } = filter;
  const set = (change: Query) => replaceQuery("users", { ...filter, ...change });
  const list = useList(
    (cursor, signal) => {
      const asked = { ...given(others), ...(q === "" ? {} : { q }), ...(cursor === undefined ? {} : { cursor }) };
      return dataOf(api.GET("/api/v1/users/", { params: { query: asked }, signal }));
    },
    [filter],
  );
  const columns: Column<User>[] = [
    { title: users.user, cell: (user) => <UserLink user={user} /> },
    { title: users.role, isWide: true, cell: (user) => <Standing user={user} /> },
    { title: users.status, isPlain: true, cell: (user) => <Status user={user} /> },
    { title: users.secondFactor, isWide: true, cell: (user) => <Factor user={user} /> },
    { title: users.lastLogin, isWide: true, cell: ({ last_login }) => <Day time={last_login} /> },
    { title: users.created, isWide: true, cell: ({ created_at }) => <Day time={created_at} /> },
  ];
  const isFiltered = q !== "" || Object.values(others).some((value) => value !== undefined);
  const { shell, status, roles } = words;
  const any = ["", shell.any] as const;
  return (
    <>
      <Heading title={views.users}>
        {isAllowed(me, "invite_users") && (
          <a class="button small" href={linkTo("invitations")}>
            {words.invitations.invite}
          </a>
        )}
      </Heading>
      <section class="filters" aria-label={words.shell.filters}>
        <SearchField value={q} onSearch={(text) => set({ q: text })} />
        <Choice
          label={users.role}
          value={others.role ?? ""}
          onChoose={(role) => set({ role })}
          options={[any, ["user", roles.user], ["moderator", roles.moderator], ["admin", roles.admin]]}
        />
        <Choice
          label={users.status}
          value={others.is_active ?? ""}
          onChoose={(is_active) => set({ is_active })}
          options={[any, ["true", status.active], ["false", status.suspended]]}
        />
        <Choice
          label={users.verified}
          value={others.is_verified ?? ""}
          onChoose={(is_verified) => set({ is_verified })}
          options={[any, ["true", status.verified], ["false", status.unverified]]}
        />
        <Choice
          label={users.secondFactor}
          value={others.has_second_factor ?? ""}
          onChoose={(has_second_factor) => set({ has_second_factor })}
          options={[any, ["true", users.withFactor], ["false", users.withoutFactor]]}
        />
        {isFiltered && <Button onClick={() => replaceQuery("users", {})}>{shell.clear}</Button>}
      </section>
      <Listing caption={users.table} columns={columns} list={list} none={users.none} />
    </>
  );
}

function UserLink({ user: { id, username, email } }: { user: User }) {
  return (
    <>
      <a href={linkTo(`users/${id}`)}>
        <LongWord>{username}</LongWord>
      </a>
      <span class="sub">
        <LongWord>{email}</LongWord>
      </span>
    </>
  );
}

/** Searches when the operator stops typing for a moment. */
function SearchField({ value, onSearch }: { value: string; onSearch: (text: string) => void }) {
  const [typed, setTyped] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  // `value` changes when the operator clears the filters or changes the URL.
  useEffect(() => setTyped(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (text: string) => {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onSearch(text.trim()), PAUSE_MILLISECONDS);
  };
  return <Field label={words.users.search} type="search" value={typed} onInput={type} />;
}

function LookUp({ query }: Pick<ViewProps, "query">) {
  const { lookUp } = words.users;
  useSearchFocus();
  const [name, setName] = useState(query.get("q") ?? "");
  const [fault, setFault] = useState<string>();
  const [failure, setFailure] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);

  const search = async () => {
    const text = name.trim();
    setFailure(undefined);
    setFault(text === "" ? lookUp.missing : undefined);
    if (text === "" || isBusy) return;
    setBusy(true);
    try {
      const asked = text.includes("@") ? { email: text } : { username: text };
      const { id } = await dataOf(api.GET("/api/v1/users/lookup", { params: { query: asked } }));
      goTo(`users/${id}`);
    } catch (error) {
      // The service answers `validation_failed` to a name that no user can have.
      if (/^(not_found|validation_failed)$/.test(codeOf(error))) setFault(lookUp.none);
      else setFailure(error);
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    if (name !== "") search();
  }, []);
  return (
    <>
      <Heading title={words.views.users} />
      <p>{lookUp.text}</p>
      <form
        class="line-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          search();
        }}
      >
        <Field label={lookUp.field} type="search" value={name} onInput={setName} fault={fault} />
        <Button isSubmit look="main" isBusy={isBusy}>
          {lookUp.label}
        </Button>
      </form>
      {failure !== undefined && <Failure failure={failure} retry={search} />}
    </>
  );
}

const FLAGS = ["true", "false"] as const;

/** Returns the parameter if it has one of these values. */
function oneOf<Value extends string>(text: string | null, values: readonly Value[]): Value | undefined {
  return values.find((value) => value === text);
}

/** Leaves out the properties that are undefined. */
function given<Values extends object>(values: Values): { [Name in keyof Values]?: Exclude<Values[Name], undefined> } {
  return JSON.parse(JSON.stringify(values));
}
