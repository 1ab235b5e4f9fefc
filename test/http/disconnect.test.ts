import { exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import type { AuditEventType } from "../../src/audit/event-types.ts";
import { freshAddress, ORIGIN } from "../support/client.ts";
import { eventsOf, type LoggedIn, loggedIn, withStanding } from "../support/people.ts";

/** In milliseconds: the request has started by then, but the hash that it needs is not finished. */
const SHORTLY = 2;

interface Attempt {
  method: string;
  path: string;
  body: object;
  bearer?: string;
  event: AuditEventType;
}

const ATTEMPTS: Record<string, (person: LoggedIn) => Promise<Attempt>> = {
  "a change of the password": async ({ accessToken: bearer, password }) => ({
    ...{ method: "POST", path: "/api/v1/users/change-password", bearer },
    body: { current_password: password, new_password: "another fine password" },
    event: "password_changed",
  }),
  "a wrong guess at the password": async ({ email }) => ({
    ...{ method: "POST", path: "/api/v1/auth/login", body: { email, password: "a wrong password, surely" } },
    event: "login_failed",
  }),
  "a change of a user's role": async ({ userId }) => ({
    ...{ method: "PATCH", path: `/api/v1/users/${userId}`, body: { role: "moderator" } },
    bearer: (await withStanding("admin")).accessToken,
    event: "role_changed",
  }),
};

/** Sends a request, and disconnects as soon as it has started. */
async function sendAndDisconnect({ method, path, body, bearer }: Attempt): Promise<void> {
  const client = new AbortController();
  const headers = new Headers({ "CF-Connecting-IP": freshAddress(), "Content-Type": "application/json" });
  if (bearer !== undefined) headers.set("Authorization", `Bearer ${bearer}`);
  const { signal } = client;
  const request = new Request(`${ORIGIN}${path}`, { method, headers, body: JSON.stringify(body), signal });
  setTimeout(() => client.abort(), SHORTLY);
  await exports.default.fetch(request).then(
    (response) => response.arrayBuffer(),
    () => {},
  );
}

describe("a client that disconnects", () => {
  it.each(Object.entries(ATTEMPTS))(
    "does not keep %s from running to its end and being recorded",
    async (_, prepare) => {
      const person = await loggedIn();
      const attempt = await prepare(person);
      await sendAndDisconnect(attempt);
      await eventsOf(person.userId, attempt.event);
    },
  );
});
