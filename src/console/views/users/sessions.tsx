/** Where a user is logged in. */
import { useState } from "preact/hooks";
import { readUserAgent } from "../../../platform/user-agents.ts";
import { api, dataOf, type User, type UserSession } from "../../api.ts";
import { Button } from "../../controls.tsx";
import { Loading } from "../../loading.tsx";
import { notify } from "../../notices.tsx";
import { Panel, Time } from "../../parts.tsx";
import { fill, words } from "../../words.ts";
import { FormDialog } from "../dialog.tsx";
import { useLoaded } from "../loading.ts";

export function Sessions({ user: { id, username }, version }: { user: User; version: string }) {
  const texts = words.user.sessions;
  const [ending, setEnding] = useState<UserSession>();
  const sessions = useLoaded(
    (signal) => dataOf(api.GET("/api/v1/users/{id}/sessions", { params: { path: { id } }, signal })),
    [id, version],
  );
  const end = async (session: UserSession) => {
    const path = { id, session_id: session.id };
    await api.DELETE("/api/v1/users/{id}/sessions/{session_id}", { params: { path } });
    sessions.reload();
    notify(texts.ended);
  };
  return (
    <Panel title={texts.heading}>
      <Loading of={sessions} lines={3}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="quiet">{texts.none}</p>
          ) : (
            <ul class="rows">
              {items.map((session) => (
                <li key={session.id}>
                  <div class="row-text">
                    <strong>{nameOf(session)}</strong>
                    <span class="sub">
                      {session.ip_address ?? words.shell.none} · {texts.lastUsed} <Time time={session.last_used_at} />
                    </span>
                  </div>
                  <Button onClick={() => setEnding(session)}>{texts.end}</Button>
                </li>
              ))}
            </ul>
          )
        }
      </Loading>
      {ending !== undefined && (
        <FormDialog
          title={fill(texts.question, { name: username })}
          label={texts.confirm}
          act={() => end(ending)}
          onClose={() => setEnding(undefined)}
        >
          <p class="sub">{nameOf(ending)}</p>
          <ul class="follows">
            <li>{texts.follows}</li>
          </ul>
        </FormDialog>
      )}
    </Panel>
  );
}

function nameOf({ device_name, user_agent }: UserSession): string {
  const { device, unknownDevice } = words.user.sessions;
  const read = user_agent === null ? undefined : readUserAgent(user_agent);
  return device_name ?? (read === undefined ? undefined : fill(device, read)) ?? user_agent ?? unknownDevice;
}
