import { decodeJwt } from "jose";
import { describe, expect, it, vi } from "vitest";
import { type Client, type ClientOptions, PosternError } from "../../src/client/index.ts";
import { NEW_PASSWORD } from "../support/account.ts";
import { codeOf, enrolled, nextStep } from "../support/factors.ts";
import { newPerson } from "../support/people.ts";
import { loseAnswer, ME, REFRESH, type Visitor } from "./visitor.ts";
import { credentialsOf, signedIn, visitorOfWorker } from "./worker.ts";

const REAUTHENTICATE = "POST /api/v1/auth/reauthenticate";
const API = "https://api.example";
const THINGS = `${API}/things`;
const WRONG = { password: "a wrong password, surely" };

const newestBearer = ({ sent }: Visitor) => sent.findLast(({ bearer }) => bearer !== undefined)?.bearer ?? "";

function problem(status: number, code: string): Response {
  const headers = { "Content-Type": "application/problem+json" };
  return new Response(JSON.stringify({ status, code, detail: "Log in again." }), { status, headers });
}

/** Simulates an API that refuses the current access token. Returns all access tokens that the API receives. */
function demandAnother(visitor: Visitor, status = 401, code = "insufficient_user_authentication"): string[] {
  const old = newestBearer(visitor);
  const seen: string[] = [];
  visitor.through(async (request, deliver) => {
    if (!request.url.startsWith(API)) return deliver();
    const [, bearer = ""] = /^Bearer (.+)$/.exec(request.headers.get("Authorization") ?? "") ?? [];
    seen.push(bearer);
    return bearer === old ? problem(status, code) : new Response("done");
  });
  return seen;
}

describe("client.reauthenticate", () => {
  it("replaces the tokens of the session, which goes on", async () => {
    const { visitor, client, credentials, states } = await signedIn();
    await client.user();
    const before = newestBearer(visitor);
    await client.reauthenticate({ password: credentials.password });
    expect(await client.user()).not.toBeNull();
    const after = newestBearer(visitor);
    expect(after).not.toBe(before);
    expect(decodeJwt(after)).toMatchObject({ sid: decodeJwt<{ sid: string }>(before).sid, amr: ["pwd"] });
    expect(await client.refresh()).toBe(true);
    expect(states.map(({ status }) => status)).toEqual(["signed_out", "signed_in"]);
  });

  it("keeps the refresh token in the cookie in cookie mode", async () => {
    const { visitor, client, credentials } = await signedIn({ mode: "cookie" });
    const before = visitor.cookie();
    await client.reauthenticate({ password: credentials.password });
    expect(visitor.cookie()).toMatch(/^prt_/);
    expect(visitor.cookie()).not.toBe(before);
    expect(await client.refresh()).toBe(true);
  });

  it("throws for a wrong password, and the user stays logged in", async () => {
    const { client } = await signedIn();
    await expect(client.reauthenticate(WRONG)).rejects.toMatchObject({ code: "wrong_password", status: 403 });
    expect(await client.user()).not.toBeNull();
  });

  it("throws if no user is logged in, and sends no password", async () => {
    const { visitor, client } = await signedIn();
    await client.logout();
    await expect(client.reauthenticate(WRONG)).rejects.toMatchObject({ code: "unauthorized" });
    expect(visitor.count(REAUTHENTICATE)).toBe(0);
  });

  it("gets the newest tokens by a refresh if its answer is lost", async () => {
    const { visitor, client, credentials } = await signedIn();
    visitor.through((request, deliver) =>
      request.url.endsWith("/reauthenticate") ? loseAnswer(request, deliver) : deliver(),
    );
    await expect(client.reauthenticate({ password: credentials.password })).rejects.toMatchObject({
      code: "network_error",
    });
    await client.refresh();
    expect(visitor.count(REFRESH)).toBe(1);
    expect(await client.user()).not.toBeNull();
    visitor.through((_, deliver) => deliver());
    expect(await client.refresh()).toBe(true);
  });
});

describe("a demand for another login", () => {
  it.each([
    [401, "insufficient_user_authentication"],
    [403, "reauthentication_required"],
  ])("of %i %s asks the user once, and the requests are sent again", async (status, code) => {
    const errors: PosternError[] = [];
    const { visitor, client, credentials } = await signedIn({
      apis: [API],
      async onReauthenticationRequired(error) {
        errors.push(error);
        await client.reauthenticate({ password: credentials.password });
        return true;
      },
    });
    await client.user();
    const seen = demandAnother(visitor, status, code);
    const answers = await Promise.all([client.fetch(THINGS), client.fetch(THINGS, { method: "POST", body: "{}" })]);
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(["done", "done"]);
    expect(errors).toMatchObject([{ code, status }]);
    expect(new Set(seen.slice(2))).toEqual(new Set([newestBearer(visitor)]));
    expect([seen.length, visitor.count(REFRESH), visitor.count(REAUTHENTICATE)]).toEqual([4, 0, 1]);
  });

  it("reaches the caller if the user declines, or without a function that asks", async () => {
    for (const options of [{ onReauthenticationRequired: async () => false }, {}]) {
      const { visitor, client } = await signedIn({ apis: [API], ...options });
      await client.user();
      const seen = demandAnother(visitor, 403, "reauthentication_required");
      const answer = await client.fetch(THINGS);
      expect(await answer.json()).toMatchObject({ code: "reauthentication_required" });
      expect(seen).toHaveLength(1);
    }
  });

  it("is not asked about for another refusal, nor for a body that can be read only once", async () => {
    let asked = 0;
    const { visitor, client } = await signedIn({
      apis: [API],
      onReauthenticationRequired: async () => {
        asked += 1;
        return true;
      },
    });
    await client.user();
    demandAnother(visitor, 403, "forbidden");
    expect((await client.fetch(THINGS)).status).toBe(403);
    demandAnother(visitor, 403, "reauthentication_required");
    const streamed = await client.fetch(THINGS, { method: "POST", body: new Blob(["x"]).stream() });
    expect(await streamed.json()).toMatchObject({ code: "reauthentication_required" });
    expect(asked).toBe(0);
    expect(visitor.count(ME)).toBe(1);
  });
});

describe("the service's demand for another login", () => {
  const JSON_BODY = { "Content-Type": "application/json" };
  const send = (method: string, path: string, body: object) => (client: Client) =>
    client.fetch(`/api/v1/users/${path}`, { method, headers: JSON_BODY, body: JSON.stringify(body) });
  /** The requests that the account page sends. */
  const requestsOf = (password: string): Record<string, (client: Client) => Promise<Response>> => ({
    export: (client) => client.fetch("/api/v1/users/me/export"),
    address: send("POST", "me/email", { email: newPerson().email, password }),
    password: send("POST", "change-password", { current_password: password, new_password: NEW_PASSWORD }),
    account: send("DELETE", "me", { password: NEW_PASSWORD }),
  });

  /** Options of a client whose user reauthenticates, and the errors that the callback received. */
  function asked(prove: (error: PosternError) => Promise<void>) {
    const errors: PosternError[] = [];
    const options: Partial<ClientOptions> = {
      async onReauthenticationRequired(error) {
        errors.push(error);
        await prove(error);
        return true;
      },
    };
    return { errors, options };
  }

  it("says that the password is enough for a user without a second factor", async () => {
    const { errors, options } = asked(() => client.reauthenticate({ password: credentials.password }));
    const { client, credentials } = await signedIn(options);
    vi.setSystemTime(Date.now() + 16 * 60_000);
    const answer = await requestsOf(credentials.password).export?.(client);
    expect(answer?.status).toBe(200);
    expect(errors).toMatchObject([{ code: "reauthentication_required", maxAge: 900, acrValues: undefined }]);
  });

  it("says that a second factor is needed, and each request is sent again after it", async () => {
    const person = await enrolled();
    const { errors, options } = asked(async () => client.reauthenticate({ totp: await codeOf(person.totp.secret) }));
    const client: Client = visitorOfWorker().open(options);
    const refusal: unknown = await client.login(credentialsOf(person)).catch((cause: unknown) => cause);
    if (!(refusal instanceof PosternError)) throw new Error("The login was not refused.");
    const { pendingToken = "" } = refusal;
    await client.proveSecondFactor({ pendingToken, totp: await codeOf(person.totp.secret) });
    for (const [name, request] of Object.entries(requestsOf(person.password))) {
      vi.setSystemTime(Date.now() + 16 * 60_000);
      nextStep();
      const answer = await request(client);
      expect(answer.ok, `${name}: ${await answer.text()}`).toBe(true);
      expect(errors.splice(0)).toMatchObject([{ code: "reauthentication_required", maxAge: 900, acrValues: "aal2" }]);
    }
  });
});
