import { exports } from "cloudflare:workers";
import createClient from "openapi-fetch";
import { describe, expect, it } from "vitest";
import type { paths } from "../../src/client/api.ts";
import { freshAddress, ORIGIN } from "../support/client.ts";
import { neverLog } from "../support/logs.ts";
import { mailedToken, newPerson } from "../support/people.ts";

/** A client generated from the OpenAPI document, as used by a developer who does not use Postern's own client. */
const client = createClient<paths>({
  baseUrl: ORIGIN,
  headers: { "CF-Connecting-IP": freshAddress() },
  fetch: (request) => exports.default.fetch(request),
});

const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

describe("a client generated from the OpenAPI document", () => {
  it("registers, verifies, logs in, reads, refreshes, lists sessions and logs out without a cast", async () => {
    const person = newPerson();
    neverLog(person.password);
    const registered = await client.POST("/api/v1/auth/register", { body: person });
    expect(registered.data?.status).toBe("verification_required");

    const token = await mailedToken(person.email);
    const verified = await client.POST("/api/v1/auth/verify-email", { body: { token } });
    expect(verified.data?.status).toBe("verified");

    const { email, username, password } = person;
    const login = await client.POST("/api/v1/auth/login", { body: { email, password, device_name: "A test" } });
    if (login.data?.refresh_token === undefined) throw new Error(login.error?.code ?? "No refresh token came.");
    const { access_token, refresh_token, session_id, user } = login.data;
    expect(user).toMatchObject({ email, username, role: "user", is_verified: true });

    const me = await client.GET("/api/v1/users/me", bearer(access_token));
    expect(me.data).toEqual(user);

    const refreshed = await client.POST("/api/v1/auth/refresh", { body: { refresh_token } });
    const newer = refreshed.data?.access_token ?? "";
    expect(refreshed.data).toMatchObject({ token_type: "Bearer", session_id });

    const sessions = await client.GET("/api/v1/users/me/sessions", bearer(newer));
    expect(sessions.data?.items).toMatchObject([{ id: session_id, device_name: "A test", current: true }]);

    const logout = await client.POST("/api/v1/auth/logout", { body: {}, ...bearer(newer) });
    expect(logout.response.status).toBe(204);
    const after = await client.GET("/api/v1/users/me", bearer(newer));
    expect(after.error?.code).toBe("invalid_access_token");
  });

  it("knows the codes of each refusal, and the fields that were refused", async () => {
    const wrong = await client.POST("/api/v1/auth/login", { body: { email: "nobody@example.com", password: "wrong" } });
    expect(wrong.error?.code).toBe("invalid_credentials");
    const { error } = await client.POST("/api/v1/auth/register", { body: { ...newPerson(), password: "short" } });
    expect(error?.code).toBe("validation_failed");
    expect(error?.errors?.map(({ field }) => field)).toEqual(["password"]);

    // @ts-expect-error: no operation answers with this code.
    expect(wrong.error?.code === "no_such_code").toBe(false);
    // @ts-expect-error: the body must contain a password.
    const incomplete = await client.POST("/api/v1/auth/login", { body: { email: "ada@example.com" } });
    expect(incomplete.error?.code).toBe("validation_failed");
  });
});
