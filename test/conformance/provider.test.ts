/** What of the provider's requirements concerns a service without OAuth clients (docs/conformance.md, M). */
import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import { expectProblem, get, post } from "../support/client.ts";
import { loggedIn } from "../support/people.ts";

const METADATA = "/.well-known/oauth-authorization-server";

describe("the authorization server", () => {
  it("OP-1: publishes metadata whose issuer is that of the tokens and its own origin, and promises no grant", async () => {
    const answer = await get(METADATA);
    const { issuer, jwks_uri, grant_types_supported, response_types_supported } = answer.json;
    const { accessToken } = await loggedIn();
    expect(decodeJwt(accessToken).iss).toBe(issuer);
    expect(`${issuer}${METADATA}`).toBe("http://localhost:8787/.well-known/oauth-authorization-server");
    expect((await get(jwks_uri)).json.keys).not.toEqual([]);
    expect({ grant_types_supported, response_types_supported }).toEqual({
      grant_types_supported: [],
      response_types_supported: [],
    });
    for (const path of ["/authorize", "/token", "/oauth/token", "/.well-known/openid-configuration"]) {
      expectProblem(await get(path), 404, "not_found");
    }
  });

  it("OP-7: ends a session with all that it gave by its refresh token, however often that is shown", async () => {
    const { accessToken, refreshToken } = await loggedIn();
    for (let time = 0; time < 2; time++) {
      expect((await post("/api/v1/auth/logout", { refresh_token: refreshToken })).status).toBe(204);
    }
    expectProblem(await get("/api/v1/users/me", { bearer: accessToken }), 401, "invalid_access_token");
    const refreshed = await post("/api/v1/auth/refresh", { refresh_token: refreshToken });
    expectProblem(refreshed, 401, "invalid_refresh_token");
    const hinted = { refresh_token: refreshToken, token_type_hint: "access_token" };
    expectProblem(await post("/api/v1/auth/logout", hinted), 422, "validation_failed");
  });
});
