import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config/config.ts";
import { recentUser } from "../../src/endpoint/callers.ts";
import { endpoint } from "../../src/endpoint/endpoint.ts";
import { refresh } from "../support/account.ts";
import { type Answer, expectProblem, freshAddress, ORIGIN, post } from "../support/client.ts";
import { loggedIn } from "../support/people.ts";

const MINUTE = 60_000;

/** An endpoint that only users who logged in recently may call. */
const dangerous = endpoint(
  {
    ...{ id: "dangerous", method: "post", path: "/dangerous", tag: "Users", summary: "Do something dangerous" },
    caller: recentUser,
    success: { status: 204, description: "It is done." },
  },
  async () => undefined,
);

async function ask(bearer: string | undefined, values: Record<string, string> = {}): Promise<Answer> {
  const app = createApp(parseConfig({ ...env, ...values }), [dangerous]);
  const headers = new Headers({ "CF-Connecting-IP": freshAddress() });
  if (bearer !== undefined) headers.set("Authorization", `Bearer ${bearer}`);
  const context = createExecutionContext();
  const response = await app.fetch(new Request(`${ORIGIN}/dangerous`, { method: "POST", headers }), env, context);
  await waitOnExecutionContext(context);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: text === "" ? undefined : JSON.parse(text) };
}

describe("an endpoint for users who logged in recently", () => {
  it("lets them in for fifteen minutes, and then says how old a login may be (RFC 9470)", async () => {
    const { accessToken } = await loggedIn();
    vi.setSystemTime(Date.now() + 14 * MINUTE);
    expect((await ask(accessToken)).status).toBe(204);
    vi.setSystemTime(Date.now() + 2 * MINUTE);
    const refused = await ask(accessToken);
    expectProblem(refused, 403, "reauthentication_required");
    expect(refused.json.max_age).toBe(900);
    expect(refused.headers.get("WWW-Authenticate")).toBe(
      'Bearer realm="postern", error="insufficient_user_authentication", max_age="900"',
    );
  });

  it("lets them in with the token of a reauthentication, but neither of a refresh nor from before", async () => {
    const { accessToken: bearer, password, refreshToken } = await loggedIn();
    vi.setSystemTime(Date.now() + 16 * MINUTE);
    const refreshed = (await refresh(refreshToken)).json.access_token;
    expectProblem(await ask(refreshed), 403, "reauthentication_required");
    const { json } = await post("/api/v1/auth/reauthenticate", { password }, { bearer });
    expect((await ask(json.access_token)).status).toBe(204);
    // The earlier token stays too old, so it is useless to an attacker who has it.
    expectProblem(await ask(refreshed), 403, "reauthentication_required");
  });

  it("takes the time from the configuration", async () => {
    const { accessToken } = await loggedIn();
    vi.setSystemTime(Date.now() + 2 * MINUTE);
    const refused = await ask(accessToken, { REAUTHENTICATION_MAX_AGE_MINUTES: "1" });
    expectProblem(refused, 403, "reauthentication_required");
    expect(refused.json.max_age).toBe(60);
  });

  it("lets no client in without a token", async () => {
    expectProblem(await ask(undefined), 401, "unauthorized");
  });
});
