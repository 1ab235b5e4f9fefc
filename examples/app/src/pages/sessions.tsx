/** The user's sessions, with buttons to end one, all others, or all of them. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { Failure, useAction } from "../form.tsx";
import { Page, tell } from "../page.tsx";
import { ask, client, POSTERN_URL } from "../session.ts";

const SESSIONS = `${POSTERN_URL}/api/v1/users/me/sessions`;

interface Device {
  id: string;
  device_name: string | null;
  user_agent: string | null;
  ip_address: string | null;
  last_used_at: string;
  current: boolean;
}

export function SessionsPage() {
  const [devices, setDevices] = useState<Device[]>();
  const read = async () => setDevices((await ask<{ items: Device[] }>(SESSIONS)).items);
  const action = useAction(read);
  const begin = useCallback(action.run, []);
  useEffect(() => void begin(), [begin]);

  const end = useAction(async (what) => {
    const id = what.get("id");
    await ask(id === null ? SESSIONS : `${SESSIONS}/${id}`, "DELETE");
    tell(id === null ? "All other devices have been logged out." : "The device has been logged out.");
    await read();
  });
  // Logs this page out at once, and other devices at their next request.
  const leave = useAction(() => client.logout({ all: true }));

  return (
    <Page title="Sessions">
      <p>You're logged in on these devices. Log out any device you don't recognize.</p>
      <Failure error={action.error ?? end.error ?? leave.error} />
      <ul class="cards" aria-busy={devices === undefined}>
        {devices?.map((device) => (
          <li key={device.id}>
            <DeviceText {...device} />
            {!device.current && (
              <button type="button" class="quiet" aria-disabled={end.busy} onClick={() => end.run(idOf(device))}>
                Log out<span class="hidden"> {nameOf(device)}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      <div class="buttons">
        {devices?.some(({ current }) => !current) && (
          <button type="button" class="quiet" aria-disabled={end.busy} onClick={() => end.run()}>
            Log out others
          </button>
        )}
        <button type="button" class="quiet danger" aria-disabled={leave.busy} onClick={() => leave.run()}>
          Log out everywhere
        </button>
      </div>
    </Page>
  );
}

function DeviceText(device: Device) {
  const used = new Date(device.last_used_at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  return (
    <div>
      <strong>{nameOf(device)}</strong> {device.current && <span class="badge">This device</span>}
      <small>
        Last used <time dateTime={device.last_used_at}>{used}</time>
        {device.ip_address !== null && ` from ${device.ip_address}`}
      </small>
    </div>
  );
}

function nameOf({ device_name, user_agent }: Device): string {
  return device_name ?? user_agent ?? "Unknown device";
}

function idOf({ id }: Device): FormData {
  const data = new FormData();
  data.set("id", id);
  return data;
}
