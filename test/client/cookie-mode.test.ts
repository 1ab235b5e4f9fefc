import { describe, expect, it } from "vitest";
import type { Client } from "../../src/client/index.ts";
import { ORIGIN } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { registered } from "../support/people.ts";
import { CHECK, LOGIN, LOGOUT, loseAnswer, ME, noNetwork, REFRESH, statesOf, type Visitor } from "./visitor.ts";
import { credentialsOf, signedIn, visit, visitorOfWorker } from "./worker.ts";

const MINUTE = 60_000;

const open = (visitor: Visitor) => visitor.open({ mode: "cookie" });

describe("the client in cookie mode", () => {
  it("never sees the refresh token, and stays signed in over a reload", async () => {
    const { visitor, credentials } = await visit();
    const client = open(visitor);
    const answers: string[] = [];
    visitor.through(async (_, deliver) => {
      const response = await deliver();
      answers.push(await response.clone().text());
      return response;
    });
    const user = await client.login(credentials);
    expect(JSON.parse(visitor.sent[0]?.body ?? "")).toMatchObject({ cookie: true });
    expect(visitor.cookie()).toMatch(/^prt_/);

    const reloaded = open(visitor);
    const states = statesOf(reloaded);
    expect(await reloaded.user()).toEqual(user);
    expect(states).toEqual([{ status: "signed_in" }]);
    expect(visitor.sent.slice(1).map(({ what }) => what)).toEqual([CHECK, REFRESH, ME]);
    for (const { what, hasCookie } of visitor.sent.slice(1)) expect(hasCookie, what).toBe(what !== ME);
    expect(answers.join()).not.toContain("prt_");
    expect(visitor.sent.map(({ body }) => body).join()).not.toContain("prt_");

    await reloaded.logout();
    expect(visitor.cookie()).toBeUndefined();
    expect(await open(visitor).user()).toBeNull();
  });

  it.each([
    ["user", (client: Client) => client.user(), null],
    ["refresh", (client: Client) => client.refresh(), false],
    ["fetch", async (client: Client) => (await client.fetch("/api/v1/users/me")).status, 401],
  ])("asks once whether there is a session, and where there is none %s() says so without noise", async (...row) => {
    const [, ask, answer] = row;
    const visitor = visitorOfWorker();
    const client = open(visitor);
    const states = statesOf(client);
    expect(await ask(client)).toBe(answer);
    expect(await client.user()).toBeNull();
    expect(visitor.count(REFRESH)).toBe(1);
    expect(states).toEqual([{ status: "signed_out", reason: "no_session" }]);
  });

  it("is refused only if a session that it knew has ended, and leaves no error in the console of a new page", async () => {
    const { visitor, client } = await signedIn({ mode: "cookie" });
    const statuses: number[] = [];
    visitor.through(async (_, deliver) => {
      const response = await deliver();
      statuses.push(response.status);
      return response;
    });
    const page = open(visitor);
    expect(await page.refresh()).toBe(true);
    await client.logout();
    expect(await page.refresh()).toBe(false);
    expect(await open(visitor).user()).toBeNull();
    expect(statuses).toEqual([200, 204, 401, 204]);
  });

  it("restores a session from an older service too, which knows no answer but a refusal", async () => {
    const { visitor, user } = await signedIn({ mode: "cookie" });
    visitor.through(async (request, deliver) => {
      const isUnknown = (await request.clone().text()).includes("restore");
      const headers = { "Content-Type": "application/problem+json" };
      return isUnknown ? Response.json({ code: "validation_failed" }, { status: 422, headers }) : deliver();
    });
    const page = open(visitor);
    expect(await page.user()).toEqual(user);
    await page.logout();
    expect(await open(visitor).user()).toBeNull();
  });

  it("names the service's pages that log in and out, and lead back", () => {
    const client = visitorOfWorker().open({ mode: "cookie" });
    const options = { returnTo: "https://app.example.com/notes?a=b&c=d#e" };
    for (const [page, url] of [
      ["login", client.loginUrl(options)],
      ["logout", client.logoutUrl(options)],
    ] as const) {
      const { origin, pathname, search } = new URL(url);
      expect([origin, pathname]).toEqual([ORIGIN, `/${page}`]);
      expect([...new URLSearchParams(search)]).toEqual([["return_to", options.returnTo]]);
    }
  });

  it("does not take silence for a session's end when a page is loaded", async () => {
    const { visitor, credentials } = await visit();
    const user = await open(visitor).login(credentials);
    const client = open(visitor);
    const states = statesOf(client);
    visitor.through(loseAnswer);
    await expect(client.user()).rejects.toMatchObject({ code: "network_error" });
    await expect(client.fetch("/api/v1/users/me")).rejects.toMatchObject({ code: "network_error" });
    expect(states).toEqual([]);
    visitor.through((_, deliver) => deliver());
    expect(await client.user()).toEqual(user);
    expect(states).toEqual([{ status: "signed_in" }]);
  });

  it("finds a session that the user began elsewhere when it is asked to refresh", async () => {
    const { visitor, credentials } = await visit();
    const client = open(visitor);
    expect(await client.user()).toBeNull();
    await open(visitor).login(credentials);
    expect(await client.refresh()).toBe(true);
    expect(await client.user()).toMatchObject({ email: credentials.email });
  });

  it.each([
    ["has no Web Locks", undefined],
    ["refuses them", () => Promise.reject(new DOMException("No.", "SecurityError"))],
  ])(
    "keeps the cookie of a login from the late answer to a refresh of the session before, where a browser %s",
    async (_, lock) => {
      const { visitor, client } = await signedIn({ mode: "cookie" }, { lock });
      const next = await registered();
      const letGo = visitor.hold("requests", "/refresh");
      const refreshed = client.refresh();
      await eventually(() => expect(visitor.count(REFRESH)).toBe(1));
      const login = client.login(credentialsOf(next));
      letGo();
      expect(await refreshed).toBe(true);
      expect((await login).email).toBe(next.email);
      expect(visitor.sent.map(({ what }) => what)).toEqual([LOGIN, CHECK, REFRESH, LOGIN, CHECK]);
      expect(await open(visitor).user()).toMatchObject({ email: next.email });
    },
  );

  it("never sends one user's request as another user who logged in without its knowledge", async () => {
    const { visitor, credentials, client, states, user } = await signedIn({ mode: "cookie" });
    const next = await registered();
    await open(visitor).login(credentialsOf(next));
    visitor.pass(31 * MINUTE);
    const headers = { "Content-Type": "application/json" };
    const change = { method: "PUT", headers, body: '{"first_name":"Ada"}' };
    expect((await client.fetch("/api/v1/users/me", change)).status).toBe(401);
    expect(states).toEqual([{ status: "signed_in", user }, { status: "signed_in" }]);
    expect(await client.user()).toMatchObject({ email: next.email, first_name: null });

    await open(visitor).login(credentials);
    visitor.pass(31 * MINUTE);
    expect((await client.user())?.email).toBe(credentials.email);
  });

  it.each([
    ["they have logged out", (client: Client) => client.logout().then(() => null)],
    [
      "another user has logged in",
      async (client: Client) => (await client.login(credentialsOf(await registered()))).email,
    ],
    [
      "another user has logged in without its knowledge",
      async (client: Client, visitor: Visitor) => {
        const { email } = await open(visitor).login(credentialsOf(await registered()));
        await client.refresh();
        return email;
      },
    ],
  ])(
    "does not return the user who was signed in when it asked, if %s by the time of the response",
    async (_, change) => {
      const { visitor, client } = await signedIn({ mode: "cookie" });
      const letGo = visitor.hold("responses", "/me");
      const user = client.user();
      await eventually(() => expect(visitor.count(ME)).toBe(1));
      const email = await change(client, visitor);
      letGo();
      expect((await user)?.email ?? null).toBe(email);
    },
  );

  it("keeps the cookie of a login from the late answer to a logout", async () => {
    const { visitor, credentials, client } = await signedIn({ mode: "cookie" });
    const letGo = visitor.hold("requests", "/logout");
    const logout = client.logout();
    await eventually(() => expect(visitor.count(LOGOUT)).toBe(1));
    const login = client.login(credentials);
    letGo();
    await Promise.all([logout, login]);
    expect(visitor.cookie()).toMatch(/^prt_/);
    expect(await open(visitor).user()).toMatchObject({ email: credentials.email });
  });

  it("lets a logout win over a refresh that is under way", async () => {
    const { visitor, credentials } = await visit();
    await open(visitor).login(credentials);
    const client = open(visitor);
    const states = statesOf(client);
    const letGo = visitor.hold("requests", "/refresh");
    const user = client.user();
    await eventually(() => expect(visitor.count(REFRESH)).toBe(1));
    await client.logout();
    letGo();
    expect(await user).toBeNull();
    expect(states).toEqual([{ status: "signed_out", reason: "logout" }]);
    expect(await open(visitor).user()).toBeNull();
  });

  it("signs no user in again while a logout is in progress", async () => {
    const { visitor, client } = await signedIn({ mode: "cookie" });
    const letGo = visitor.hold("requests", "/logout");
    const logout = client.logout();
    expect(visitor.count(LOGOUT)).toBe(1);
    const refreshed = client.refresh();
    letGo();
    expect(await refreshed).toBe(false);
    await logout;
    expect(visitor.count(REFRESH)).toBe(0);
  });

  it("signs no user in again with the cookie of a session that they wanted to end", async () => {
    const { visitor, credentials, client } = await signedIn({ mode: "cookie" });
    visitor.through(noNetwork);
    await expect(client.logout()).rejects.toMatchObject({ code: "network_error" });
    visitor.through((_, deliver) => deliver());
    expect(await client.refresh()).toBe(false);
    expect(await client.user()).toBeNull();
    expect(visitor.count(REFRESH)).toBe(0);
    await client.logout();
    expect(visitor.cookie()).toBeUndefined();
    expect(await client.refresh()).toBe(false);
    await client.login(credentials);
    expect(await client.refresh()).toBe(true);
  });

  it("asks again once the token has expired, all who wait together", async () => {
    const { visitor, client } = await signedIn({ mode: "cookie" });
    visitor.pass(31 * MINUTE);
    await Promise.all([client.user(), client.user(), client.refresh(), client.fetch("/api/v1/users/me")]);
    expect(visitor.count(REFRESH)).toBe(1);
  });
});
