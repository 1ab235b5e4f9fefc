import { describe, expect, it } from "vitest";
import { expectProblem, get } from "../support/client.ts";
import { logIn } from "../support/people.ts";
import { CHECK, LOGIN, LOGOUT, loseAnswer, type Network, statesOf, type Visitor } from "./visitor.ts";
import { visit } from "./worker.ts";

const open = (visitor: Visitor) => visitor.open({ mode: "cookie" });

/** A network that answers the cookie check itself, in place of the service. */
const answeringCheck =
  (answer: Network): Network =>
  (request, deliver) =>
    request.url.endsWith("/check-cookie") ? answer(request, deliver) : deliver();

/** How many sessions the person has, without the one that this function opens to count them. */
async function countSessions(person: Awaited<ReturnType<typeof visit>>["person"]): Promise<number> {
  const { accessToken: bearer } = await logIn(person);
  return (await get("/api/v1/users/me/sessions", { bearer })).json.items.length - 1;
}

describe("a browser that refuses cookies", () => {
  it("is told so at each login, and leaves no session behind", async () => {
    const { visitor, person, credentials } = await visit();
    visitor.refuseCookies();
    const client = open(visitor);
    const states = statesOf(client);
    for (let turn = 0; turn < 2; turn++) {
      await expect(client.login(credentials)).rejects.toMatchObject({ status: 0, code: "cookies_refused" });
    }
    expect(visitor.sent.map(({ what }) => what)).toEqual([LOGIN, CHECK, LOGOUT, LOGIN, CHECK, LOGOUT]);
    const bearer = visitor.sent.findLast(({ what }) => what === LOGOUT)?.bearer;
    expectProblem(await get("/api/v1/users/me", { bearer }), 401, "invalid_access_token");
    expect(await client.user()).toBeNull();
    expect(states).toEqual([{ status: "signed_out", reason: "no_session" }]);
    expect(await countSessions(person)).toBe(0);
  });

  it("is told so even where the session can't be ended", async () => {
    const { visitor, credentials } = await visit();
    visitor.refuseCookies();
    visitor.through((request, deliver) => (request.url.endsWith("/logout") ? loseAnswer(request, deliver) : deliver()));
    await expect(open(visitor).login(credentials)).rejects.toMatchObject({ code: "cookies_refused" });
  });

  it("logs in in memory mode, which needs none", async () => {
    const { visitor, credentials } = await visit();
    visitor.refuseCookies();
    const client = visitor.open({ mode: "memory" });
    await client.login(credentials);
    expect(await client.user()).toMatchObject({ email: credentials.email });
    expect(visitor.count(CHECK)).toBe(0);
  });
});

describe("a login in cookie mode whose check says nothing about cookies", () => {
  it.each<[string, Network]>([
    ["gets no answer", loseAnswer],
    ["meets an older service", async () => Response.json({ code: "not_found" }, { status: 404 })],
    ["meets a page of the network", async () => new Response("<h1>Welcome</h1>", { status: 401 })],
    ["meets a busy service", async () => new Response(null, { status: 503 })],
  ])("counts, where the check %s", async (_, answer) => {
    const { visitor, credentials } = await visit();
    visitor.through(answeringCheck(answer));
    expect(await open(visitor).login(credentials)).toMatchObject({ email: credentials.email });
    expect(visitor.count(LOGOUT)).toBe(0);
  });
});
