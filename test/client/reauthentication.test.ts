import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import type { PosternError } from "../../src/client/index.ts";
import { loseAnswer, ME, REFRESH, type Visitor } from "./visitor.ts";
import { signedIn } from "./worker.ts";

const REAUTHENTICATE = "POST /api/v1/auth/reauthenticate";
const API = "https://api.example";
const THINGS = `${API}/things`;
const WRONG = { password: "a wrong password, surely" };

const newestBearer = ({ sent }: Visitor) => sent.findLast(({ bearer }) => bearer !== undefined)?.bearer ?? "";

function problem(status: number, code: string): Response {
  const headers = { "Content-Type": "application/problem+json" };
  return new Response(JSON.stringify({ status, code, detail: "Log in again." }), { status, headers });
}

/** An API that demands a login after this one. Returns the access tokens that were sent to it. */
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
