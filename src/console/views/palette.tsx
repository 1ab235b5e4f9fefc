/** The command palette: opens views, actions and users with the keyboard. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { isAllowed } from "../access.ts";
import { api, dataOf, type Me, type User } from "../api.ts";
import { goTo } from "../route.ts";
import type { View } from "../views.ts";
import { fill, language, words } from "../words.ts";
import { Dialog } from "./dialog.tsx";

export interface PaletteProps {
  me: Me;
  views: readonly View[];
  logOut: () => void;
  onClose: () => void;
}

interface Entry {
  group: string;
  label: string;
  note?: string;
  run: () => void;
}

/** After this pause in the typing, the palette searches users. */
const PAUSE_MILLISECONDS = 200;
const MOST_USERS = 5;

export function Palette({ me, views, logOut, onClose }: PaletteProps) {
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(0);
  const users = useUsers(typed.trim(), isAllowed(me, "list_users"));
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const { palette } = words;
  const entries = [...matching(placesOf(views, logOut), typed), ...usersFor(me, typed.trim(), users)];
  const current = Math.min(chosen, entries.length - 1);

  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const press = (event: KeyboardEvent, close: () => void) => {
    const steps: Partial<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step !== undefined && entries.length > 0) {
      event.preventDefault();
      setChosen((current + step + entries.length) % entries.length);
    }
    if (event.key === "Enter") {
      event.preventDefault();
      open(entries[current], close);
    }
  };
  const open = (entry: Entry | undefined, close: () => void) => {
    if (entry === undefined) return;
    close();
    entry.run();
  };
  return (
    <Dialog title={palette.heading} look="palette" onClose={onClose}>
      {(close) => (
        <>
          <input
            type="text"
            role="combobox"
            class="palette-field"
            aria-label={palette.field}
            placeholder={palette.field}
            aria-expanded="true"
            aria-controls={id}
            aria-autocomplete="list"
            {...(entries.length > 0 ? { "aria-activedescendant": `${id}-${current}` } : {})}
            autoComplete="off"
            spellcheck={false}
            value={typed}
            onInput={({ currentTarget }) => {
              setTyped(currentTarget.value);
              setChosen(0);
            }}
            onKeyDown={(event) => press(event, close)}
          />
          <div class="palette-list" role="listbox" id={id} aria-label={palette.results} ref={list}>
            {entries.map((entry, index) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus, and handles the keys.
              <div
                key={`${entry.group} ${entry.label}`}
                id={`${id}-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={index === current}
                // A click must not take the focus from the field.
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => open(entry, close)}
              >
                <span>{entry.label}</span>
                <span class="quiet">{entry.note ?? entry.group}</span>
              </div>
            ))}
          </div>
          {entries.length === 0 && <p class="empty">{palette.nothing}</p>}
          <p class="visually-hidden" role="status">
            {entries.length === 0 ? palette.nothing : ""}
          </p>
          <p class="palette-help quiet">{palette.help}</p>
        </>
      )}
    </Dialog>
  );
}

function placesOf(views: readonly View[], logOut: () => void): Entry[] {
  const { palette, shell } = words;
  const invites = views.some(({ name }) => name === "invitations");
  return [
    ...views.map(({ name }) => ({ group: palette.views, label: words.views[name], run: () => goTo(name) })),
    ...(invites ? [{ group: palette.actions, label: words.invitations.invite, run: () => goTo("invitations") }] : []),
    { group: palette.actions, label: shell.account, run: () => location.assign(`/account?lang=${language}`) },
    { group: palette.actions, label: shell.logOut, run: logOut },
  ];
}

function matching(entries: readonly Entry[], typed: string): Entry[] {
  const text = typed.trim().toLowerCase();
  return entries.filter(({ label }) => label.toLowerCase().includes(text));
}

/** The entries that lead to users: those that were found, and a search for more. */
function usersFor(me: Me, text: string, found: readonly User[]): Entry[] {
  const { palette } = words;
  if (text === "") return [];
  const group = palette.users;
  if (!isAllowed(me, "list_users")) {
    return [{ group, label: fill(palette.lookUp, { text }), run: () => goTo("users", { q: text }) }];
  }
  return [
    ...found.map(({ id, username, email }) => ({
      group,
      label: username,
      note: email,
      run: () => goTo(`users/${id}`),
    })),
    { group, label: fill(palette.searchUsers, { text }), run: () => goTo("users", { q: text }) },
  ];
}

/** The first users whose email or username begins with the text. Finds none if the search fails. */
function useUsers(text: string, mayList: boolean): readonly User[] {
  const [users, setUsers] = useState<readonly User[]>([]);
  useEffect(() => {
    setUsers([]);
    if (text === "" || !mayList) return undefined;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      const query = { q: text, limit: MOST_USERS };
      dataOf(api.GET("/api/v1/users/", { params: { query }, signal: controller.signal })).then(
        ({ items }) => setUsers(items),
        () => {},
      );
    }, PAUSE_MILLISECONDS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text]);
  return users;
}
