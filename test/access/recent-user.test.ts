import { describe, expect, it, vi } from "vitest";
import { recentUser } from "../../src/endpoint/callers.ts";
import { endpoint } from "../../src/endpoint/endpoint.ts";
import { isRefusal } from "../../src/platform/refusal.ts";
import { refresh } from "../support/account.ts";
import { post } from "../support/client.ts";
import { outcomeOf, runEndpoint } from "../support/endpoints.ts";
import { loggedIn } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const MINUTE = 60_000;

const dangerous = endpoint(
  {
    ...{ id: "dangerous", method: "post", path: "/dangerous", tag: "Users", summary: "Do something dangerous" },
    caller: recentUser,
    success: { status: 204, description: "It is done." },
  },
  async () => undefined,
);

const run = (bearer: string | undefined, values: Record<string, string> = {}) =>
  runEndpoint(dangerous, coldIsolate(values), { ...(bearer === undefined ? {} : { bearer }) });

describe("an endpoint for users who logged in recently", () => {
  it("lets them in for fifteen minutes, and then says how old a login may be (RFC 9470)", async () => {
    const person = await loggedIn();
    vi.setSystemTime(Date.now() + 14 * MINUTE);
    expect(outcomeOf(await run(person.accessToken))).toBeUndefined();
    vi.setSystemTime(Date.now() + 2 * MINUTE);
    const answer = await run(person.accessToken);
    expect(outcomeOf(answer)).toBe("reauthentication_required");
    expect(isRefusal(answer) && answer.details).toMatchObject({
      members: { max_age: 900 },
      headers: {
        "WWW-Authenticate": 'Bearer realm="postern", error="insufficient_user_authentication", max_age="900"',
      },
    });
  });

  it("lets them in again with the token of a reauthentication, but neither of a refresh nor from before", async () => {
    const person = await loggedIn();
    vi.setSystemTime(Date.now() + 16 * MINUTE);
    const refreshed = (await refresh(person.refreshToken)).json;
    expect(outcomeOf(await run(refreshed.access_token))).toBe("reauthentication_required");
    const { password, accessToken: bearer } = person;
    const { json } = await post("/api/v1/auth/reauthenticate", { password }, { bearer });
    expect(outcomeOf(await run(json.access_token))).toBeUndefined();
    // Who has stolen the tokens from before gains nothing.
    expect(outcomeOf(await run(refreshed.access_token))).toBe("reauthentication_required");
  });

  it("takes the time from the configuration", async () => {
    const { accessToken } = await loggedIn();
    vi.setSystemTime(Date.now() + 2 * MINUTE);
    const values = { REAUTHENTICATION_MAX_AGE_MINUTES: "1" };
    expect(outcomeOf(await run(accessToken, values))).toBe("reauthentication_required");
    expect(outcomeOf(await run(undefined, values))).toBe("unauthorized");
  });
});
