import { describe, expect, it, vi } from "vitest";
import { type AuthState, PosternError, readError } from "../../src/client/index.ts";
import { ORIGIN } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { mailedToken, newPerson, registered } from "../support/people.ts";
import { LOGIN, LOGOUT, loseAnswer, ME, noNetwork, REFRESH, statesOf } from "./visitor.ts";
import { type Credentials, credentialsOf, signedIn, visit, visitorOfWorker } from "./worker.ts";

const MINUTE = 60_000;

const signedOut = (reason: string) => ({ status: "signed_out", reason });

describe("the client in memory mode", () => {
  it("registers, verifies, logs in, reads, refreshes, lists the session and logs out", async () => {
    const visitor = visitorOfWorker();
    const client = visitor.open({ deviceName: "A test" });
    const states = statesOf(client);
    const person = newPerson();
    expect(await client.register(person)).toEqual({ status: "verification_required" });
    const token = await mailedToken(person.email);
    const headers = { "Content-Type": "application/json" };
    const verification = { method: "POST", headers, body: JSON.stringify({ token }) };
    expect((await client.fetch("/api/v1/auth/verify-email", verification)).status).toBe(200);

    const { username, password } = person;
    const user = await client.login({ username, password });
    expect(user).toMatchObject({ email: person.email, is_verified: true });
    expect(await client.user()).toEqual(user);
    expect(await client.refresh()).toBe(true);
    const sessions = await client.fetch(new URL("/api/v1/users/me/sessions", ORIGIN));
    expect(await sessions.json()).toMatchObject({ items: [{ device_name: "A test", current: true }] });

    await client.logout();
    expect(await client.user()).toBeNull();
    expect(states).toEqual([signedOut("no_session"), { status: "signed_in", user }, signedOut("logout")]);
    expect(visitor.cookie()).toBeUndefined();
    expect(visitor.sent.some(({ hasCookie }) => hasCookie)).toBe(false);
  });

  it("sends no request of its own while no user is signed in", async () => {
    const visitor = visitorOfWorker();
    const client = visitor.open();
    expect(await client.user()).toBeNull();
    expect(await client.refresh()).toBe(false);
    await client.logout();
    expect(visitor.sent).toEqual([]);
    expect((await client.fetch("/api/v1/users/me")).status).toBe(401);
    expect(visitor.sent).toMatchObject([{ what: ME, bearer: undefined }]);
  });

  it("has a session for each page, and logs out of all of them where it is asked to", async () => {
    const { visitor, credentials } = await visit();
    const [one, other] = [visitor.open(), visitor.open()];
    await one.login(credentials);
    await other.login({ ...credentials, device_name: "The other" });
    await one.logout();
    expect(await other.user()).not.toBeNull();
    await one.login(credentials);
    await one.logout({ all: true });
    expect(await other.user()).toBeNull();
    expect(await visitor.open().user()).toBeNull();
  });

  it.each([
    [{ baseUrl: "https://auth.example.com/api" }, "without a path"],
    [{ baseUrl: "ftp://auth.example.com" }, "takes http(s) addresses"],
    [{ apis: ["myapp://api"] }, "takes http(s) addresses"],
    [Object({ mode: "local" }), "the mode cookie or memory"],
  ])("is not made of %o", async (options, message) => {
    expect(() => visitorOfWorker().open(options)).toThrow(message);
  });

  it("calls each listener on its own: one that throws, and one that stops and listens again with the same function", async () => {
    const { visitor, credentials } = await visit();
    const client = visitor.open();
    const states: AuthState[] = [];
    const listener = (state: AuthState) => states.push(state);
    const thrown = new Error("A listener's own mistake");
    const reported: unknown[] = [];
    vi.stubGlobal("queueMicrotask", (work: () => void) =>
      Promise.resolve()
        .then(work)
        .catch((error) => reported.push(error)),
    );
    client.onAuthStateChange(() => {
      throw thrown;
    });
    const stop = client.onAuthStateChange(listener);
    client.onAuthStateChange(listener);
    stop();
    const user = await client.login(credentials);
    await client.logout();
    vi.unstubAllGlobals();
    expect(states).toEqual([signedOut("no_session"), { status: "signed_in", user }, signedOut("logout")]);
    expect(reported).toEqual([thrown, thrown, thrown]);
  });

  it("stops telling a listener that has had enough", async () => {
    const { visitor, credentials } = await visit();
    const client = visitor.open();
    const states: AuthState[] = [];
    const stop = client.onAuthStateChange((state) => states.push(state));
    stop();
    await client.login(credentials);
    expect(states).toEqual([]);
    client.close();
  });
});

describe("the access token", () => {
  it("is replaced once for an API that refuses every token, whose answer is then the caller's", async () => {
    const { visitor, client } = await signedIn({ apis: ["https://api.example.com"] });
    visitor.through(async (request, deliver) =>
      request.url.startsWith("https://api.example.com") ? new Response("no", { status: 401 }) : deliver(),
    );
    for (let times = 0; times < 5; times++) {
      expect((await client.fetch("https://api.example.com/things")).status).toBe(401);
    }
    const things = "GET https://api.example.com/things";
    expect(visitor.sent.map(({ what }) => what)).toEqual([LOGIN, things, REFRESH, ...Array(5).fill(things)]);
    expect(await client.user()).not.toBeNull();
  });

  it("goes to the service and the listed APIs, and to no other origin", async () => {
    const { visitor, client } = await signedIn({ apis: ["https://api.example.com/v1"] });
    const asked = [
      ["/api/v1/users/me", true],
      ["https://api.example.com/v2/things", true],
      ["https://api.example.com.evil.example/", false],
      ["http://api.example.com/", false],
      ["https://api.example.com:8443/", false],
      ["//evil.example/api/v1/users/me", false],
      ["https://evil.example/", false],
    ] as const;
    for (const [url, gets] of asked) {
      await client.fetch(url);
      await client.fetch(new Request(new URL(url, ORIGIN)));
      for (const { bearer } of visitor.sent.slice(-2)) expect(bearer !== undefined, url).toBe(gets);
    }
    await client.fetch("/api/v1/users/me", { headers: { Authorization: "Bearer another" } });
    expect(visitor.sent.at(-1)?.bearer).toBe("another");
    expect(visitor.count(REFRESH)).toBe(0);
  });

  it("is replaced ahead of its expiry, while the request goes on with the old one", async () => {
    const { visitor, client } = await signedIn();
    visitor.pass(28 * MINUTE);
    await client.user();
    expect(visitor.count(REFRESH)).toBe(0);
    visitor.pass(1.5 * MINUTE);
    await client.user();
    await eventually(() => expect(visitor.count(REFRESH)).toBe(1));
    await eventually(async () => {
      await client.user();
      expect(new Set(visitor.sent.flatMap(({ bearer }) => bearer ?? [])).size).toBe(2);
    });
    expect(visitor.count(REFRESH)).toBe(1);
  });

  it.each([
    ["the page slept and its stopwatch with it", { stopwatch: false }],
    ["the user set the clock", { wall: false }],
  ])(
    "is replaced before a request once it has expired, by one refresh for all that wait, though %s",
    async (_, which) => {
      const { visitor, client } = await signedIn();
      const old = visitor.sent.length;
      visitor.pass(31 * MINUTE, which);
      const answers = await Promise.all(Array.from({ length: 10 }, () => client.fetch("/api/v1/users/me")));
      expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
      expect(visitor.sent.slice(old).map(({ what }) => what)).toEqual([REFRESH, ...Array(10).fill(ME)]);
    },
  );

  it("that the service refuses is replaced once, and the request sent again, even if the clocks say that it is valid", async () => {
    const { visitor, client } = await signedIn();
    vi.setSystemTime(Date.now() + 31 * MINUTE);
    const change = { method: "PUT", headers: { "Content-Type": "application/json" }, body: '{"first_name":"Ada"}' };
    const answers = await Promise.all([
      client.fetch("/api/v1/users/me", change),
      client.fetch(new Request(`${ORIGIN}/api/v1/users/me`)),
      client.fetch("/api/v1/users/me"),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(visitor.count(REFRESH)).toBe(1);
    expect(await client.user()).toMatchObject({ first_name: "Ada" });
  });

  it.each([
    ["a stream", () => [`${ORIGIN}/api/v1/users/me`, { body: new Blob(["{}"]).stream() }] as const],
    ["the body of a Request", () => [new Request(`${ORIGIN}/api/v1/users/me`, { method: "PUT", body: "{}" })] as const],
  ])("is not used again for %s, which can be read once", async (_, make) => {
    const { visitor, client } = await signedIn();
    vi.setSystemTime(Date.now() + 31 * MINUTE);
    const [input, init] = make();
    const headers = { "Content-Type": "application/json" };
    const answer = await client.fetch(input, { method: "PUT", headers, ...init });
    expect(answer.status).toBe(401);
    expect(visitor.count(REFRESH)).toBe(0);
  });
});

describe("a refresh", () => {
  it("whose answer is lost is asked for again and gets the same successor", async () => {
    const { visitor, client } = await signedIn();
    let losses = 2;
    visitor.through(async (request, deliver) => (losses-- > 0 ? loseAnswer(request, deliver) : deliver()));
    expect(await client.refresh()).toBe(true);
    expect(visitor.count(REFRESH)).toBe(3);
    expect(visitor.pauses).toEqual([300, 1_200]);
    expect(await client.user()).not.toBeNull();
  });

  it("that gets no response keeps the user signed in, and says why it failed", async () => {
    const { visitor, client, states, user } = await signedIn();
    visitor.through(loseAnswer);
    visitor.pass(31 * MINUTE);
    for (const ask of [() => client.user(), () => client.fetch("/api/v1/users/me"), () => client.refresh()]) {
      await expect(ask()).rejects.toMatchObject({ name: "PosternError", code: "network_error", status: 0 });
    }
    visitor.through((_, deliver) => deliver());
    expect(await client.user()).toEqual(user);
    expect(states).toEqual([signedOut("no_session"), { status: "signed_in", user }]);
  });

  it("that fails ahead of time holds no request up, and is not asked for with each", async () => {
    const { visitor, client } = await signedIn();
    visitor.pass(29.5 * MINUTE);
    visitor.through(async (request, deliver) =>
      request.url.endsWith("/refresh") ? new Response("Bad gateway", { status: 502 }) : deliver(),
    );
    expect(await client.user()).not.toBeNull();
    await eventually(() => expect(visitor.count(REFRESH)).toBe(3));
    await eventually(() => expect(visitor.pauses.length).toBe(2));
    await client.user();
    expect(await client.user()).not.toBeNull();
    expect(visitor.count(REFRESH)).toBe(3);
    visitor.pass(11_000);
    await client.user();
    await eventually(() => expect(visitor.count(REFRESH)).toBe(6));
  });

  it.each([
    [429, "2", [2_000, 2_000], 3],
    [503, "4", [], 1],
    [429, "60", [], 1],
    [403, null, [], 1],
  ])("answered %i with Retry-After %s waits where that is short, and gives the error otherwise", async (...row) => {
    const [status, after, pauses, times] = row;
    const { visitor, client } = await signedIn();
    const headers = { "Content-Type": "application/problem+json", ...(after === null ? {} : { "Retry-After": after }) };
    visitor.through(async () => Response.json({ code: "rate_limited", detail: "Wait." }, { status, headers }));
    const retryAfter = after === null ? undefined : Number(after);
    await expect(client.refresh()).rejects.toMatchObject({ code: "rate_limited", status, retryAfter, detail: "Wait." });
    expect(visitor.pauses).toEqual(pauses);
    expect(visitor.count(REFRESH)).toBe(times);
  });

  it("ends with all its tries, however long they hang, before the grace in which it may be repeated", async () => {
    const { visitor, credentials } = await visit();
    let waited = 0;
    // As if each request hung until its timeout: the timeouts are added up, without waiting.
    const client = visitor.open(
      {},
      {
        timeout(milliseconds) {
          waited += milliseconds;
          return new AbortController().signal;
        },
      },
    );
    await client.login(credentials);
    waited = 0;
    const headers = { "Retry-After": "2" };
    visitor.through(async () => Response.json({}, { status: 503, headers }));
    await expect(client.refresh()).rejects.toMatchObject({ status: 503 });
    expect(visitor.count(REFRESH)).toBe(3);
    expect(waited + visitor.pauses.reduce((total, pause) => total + pause, 0)).toBeLessThan(30_000);
  });

  it("that the service refuses signs out", async () => {
    const { visitor, credentials, client, states, user } = await signedIn();
    const other = visitor.open();
    await other.login(credentials);
    await other.logout({ all: true });
    expect(await client.user()).toBeNull();
    expect(states.slice(1)).toEqual([{ status: "signed_in", user }, signedOut("session_ended")]);
    expect(await client.refresh()).toBe(false);
  });

  it("that is in progress when the user logs out does not sign them in again", async () => {
    const { visitor, client, states } = await signedIn();
    const letGo = visitor.hold("responses", "/refresh");
    const refreshed = client.refresh();
    await eventually(() => expect(visitor.count(REFRESH)).toBe(1));
    await client.logout();
    letGo();
    expect(await refreshed).toBe(false);
    expect(await client.user()).toBeNull();
    expect(states.at(-1)).toEqual(signedOut("logout"));
  });

  it.each(["answered", "refused", "lost"])(
    "of a former session that is %s after another user has logged in changes nothing",
    async (fate) => {
      const { visitor, credentials, client } = await signedIn();
      const next = await registered();
      const held = Promise.withResolvers<void>();
      visitor.through(async (request, deliver) => {
        if (!request.url.endsWith("/refresh")) return deliver();
        if (fate === "refused") await held.promise;
        const response = await deliver();
        await held.promise;
        if (fate === "lost") throw new TypeError("Failed to fetch");
        return response;
      });
      const refreshed = client.refresh();
      const change = client.fetch("/api/v1/users/me");
      await eventually(() => expect(visitor.count(REFRESH)).toBe(1));
      if (fate === "refused") await endSessions(credentials);
      const user = await client.login(credentialsOf(next));
      held.resolve();
      expect(await refreshed).toBe(true);
      await change;
      visitor.through((_, deliver) => deliver());
      expect(await client.user()).toEqual(user);
      expect(visitor.count(REFRESH)).toBe(1);
    },
  );

  it("that repeats a request never repeats it as another user", async () => {
    const { visitor, client } = await signedIn();
    const next = await registered();
    const held = Promise.withResolvers<void>();
    vi.setSystemTime(Date.now() + 31 * MINUTE);
    visitor.through(async (request, deliver) => {
      const response = await deliver();
      if (request.method === "PUT") await held.promise;
      return response;
    });
    const headers = { "Content-Type": "application/json" };
    const change = client.fetch("/api/v1/users/me", { method: "PUT", headers, body: '{"first_name":"Ada"}' });
    await eventually(() => expect(visitor.count("PUT /api/v1/users/me")).toBe(1));
    await client.login(credentialsOf(next));
    held.resolve();
    expect((await change).status).toBe(401);
    expect(await client.user()).toMatchObject({ email: next.email, first_name: null });
  });
});

/** Ends every session of a user, from another browser. */
async function endSessions(credentials: Credentials): Promise<void> {
  const elsewhere = visitorOfWorker().open();
  await elsewhere.login(credentials);
  await elsewhere.logout({ all: true });
}

describe("a logout", () => {
  it("that the service never hears of signs out here, says so, and can be tried again", async () => {
    const { visitor, client, states } = await signedIn();
    visitor.through(noNetwork);
    await expect(client.logout()).rejects.toMatchObject({ code: "network_error" });
    expect(states.at(-1)).toEqual(signedOut("logout"));
    expect(await client.user()).toBeNull();

    visitor.through((_, deliver) => deliver());
    await client.logout();
    const [first, again] = visitor.sent.filter(({ what }) => what === LOGOUT);
    expect(again).toEqual(first);
    const me = await visitor
      .open()
      .fetch("/api/v1/users/me", { headers: { Authorization: `Bearer ${again?.bearer}` } });
    expect(me.status).toBe(401);
  });

  it("of a session that has ended is no error", async () => {
    const { credentials, client } = await signedIn();
    await endSessions(credentials);
    vi.setSystemTime(Date.now() + 31 * MINUTE);
    await client.logout();
    expect(await client.user()).toBeNull();
  });

  it("of every session is not done by one that has ended: the others live on", async () => {
    const { visitor, credentials, client } = await signedIn();
    await endSessions(credentials);
    const other = visitor.open();
    await other.login(credentials);
    await expect(client.logout({ all: true })).rejects.toMatchObject({ status: 401, code: "invalid_access_token" });
    expect(await client.user()).toBeNull();
    expect(await other.user()).not.toBeNull();
    // The client is logged out, and a repetition changes nothing.
    await client.logout({ all: true });
    expect(visitor.count(LOGOUT)).toBe(1);
  });

  it("is not done if a 401 comes from a proxy instead of the service", async () => {
    const { visitor, client } = await signedIn();
    visitor.through(async () => new Response("<h1>Log in to the proxy</h1>", { status: 401 }));
    await expect(client.logout()).rejects.toMatchObject({ code: "unexpected_answer", status: 401 });
    visitor.through((_, deliver) => deliver());
    await client.logout();
    expect(visitor.count(LOGOUT)).toBe(2);
  });

  it("waits for a login that is under way, and then ends it", async () => {
    const { visitor, credentials } = await visit();
    const client = visitor.open();
    const login = client.login(credentials);
    await client.logout();
    await login;
    expect(await client.user()).toBeNull();
    expect(visitor.sent.map(({ what }) => what)).toEqual([LOGIN, LOGOUT]);
  });
});

describe("an error", () => {
  it("carries the code, the status, what to do and the id of the request", async () => {
    const { visitor, credentials } = await visit();
    const client = visitor.open();
    const wrong = client.login({ ...credentials, password: "wrong" });
    await expect(wrong).rejects.toMatchObject({
      code: "invalid_credentials",
      status: 401,
      detail: "Wrong email, username or password.",
      message: "Wrong email, username or password.",
      errors: [],
      retryAfter: undefined,
      requestId: expect.stringMatching(/^[\w-]{20,}$/),
    });
    expect(await client.user()).toBeNull();
  });

  it("lists the fields that were refused", async () => {
    const wrong = visitorOfWorker()
      .open()
      .register({ ...newPerson(), password: "short" });
    await expect(wrong).rejects.toMatchObject({ code: "validation_failed", errors: [{ field: "password" }] });
  });

  it("says how long to wait", async () => {
    const { visitor, credentials } = await visit();
    const client = visitor.open();
    const attempts = Array.from({ length: 30 }, () => client.login({ ...credentials, password: "wrong" }));
    const outcomes = await Promise.allSettled(attempts);
    const reasons = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    const limited = reasons.find(({ code }) => code === "rate_limited");
    expect(limited).toMatchObject({ status: 429, retryAfter: expect.any(Number) });
  });

  it.each([
    ["a proxy's page", () => new Response("<h1>Bad gateway</h1>", { status: 502 })],
    ["a redirect", () => new Response(null, { status: 302, headers: { Location: "https://evil.example" } })],
    ["a network's own page to log in", () => new Response("<h1>Welcome to our wifi</h1>")],
    ["a proxy's JSON", () => Response.json({})],
    ["a proxy's null", () => Response.json(null)],
    ["a proxy's nothing", () => new Response(null, { status: 204 })],
    ["tokens without a user", () => Response.json({ ...TOKENS, user: null })],
    ["tokens without an age", () => Response.json({ ...TOKENS, expires_in: null, user: { id: "1" } })],
    ["a problem that is none", () => problem("null")],
    ["a broken problem", () => problem("{")],
    ["a problem of other types", () => problem('{"code":1,"detail":{},"errors":{},"request_id":1}')],
  ])("names %s for what it is", async (_, answer) => {
    const { visitor, credentials } = await visit();
    const client = visitor.open();
    visitor.through(async () => answer());
    await expect(client.login(credentials)).rejects.toMatchObject({
      code: "unexpected_answer",
      status: answer().status,
      detail: "The response did not come from the service. Try again in a moment.",
      errors: [],
      requestId: undefined,
    });
    expect(await client.refresh()).toBe(false);
  });

  it.each([
    ["a page", () => new Response("<h1>Welcome to our wifi</h1>")],
    ["JSON", () => Response.json({})],
  ])("comes where a network answers with %s of its own, which ends no session and begins none", async (_, answer) => {
    const { visitor, client, states, user } = await signedIn();
    visitor.through(async () => answer());
    const asks = [client.refresh, client.user, () => client.register({ ...newPerson() })];
    for (const ask of asks) await expect(ask()).rejects.toMatchObject({ code: "unexpected_answer", status: 200 });
    visitor.through((_, deliver) => deliver());
    expect(await client.refresh()).toBe(true);
    expect(await client.user()).toEqual(user);
    expect(states.at(-1)).toEqual({ status: "signed_in", user });

    visitor.through(async () => answer());
    await expect(client.logout()).rejects.toMatchObject({ code: "unexpected_answer", status: 200 });
    visitor.through((_, deliver) => deliver());
    await client.logout();
    expect(visitor.count(LOGOUT)).toBe(2);
  });

  it("comes where the service refuses to say who is signed in, or the answer breaks off", async () => {
    const { visitor, credentials, client } = await signedIn();
    visitor.through(async () => new Response("Bad gateway", { status: 502 }));
    await expect(client.user()).rejects.toMatchObject({ code: "unexpected_answer", status: 502 });
    const brokenOff = () =>
      new ReadableStream({
        pull: (controller) => controller.error(new TypeError("The connection was closed")),
      });
    visitor.through(async () => new Response(brokenOff()));
    await expect(client.user()).rejects.toMatchObject({ code: "network_error" });
    await expect(client.login(credentials)).rejects.toMatchObject({ code: "network_error" });
    visitor.through(noNetwork);
    await expect(client.user()).rejects.toMatchObject({ code: "network_error" });
  });
});

describe("readError", () => {
  it("reads what an API refuses with, as the client's own methods do", async () => {
    const client = visitorOfWorker().open();
    const refused = await client.fetch("/api/v1/users/me");
    const error = await readError(refused);
    expect(error).toBeInstanceOf(PosternError);
    expect(error).toMatchObject({ status: 401, code: "unauthorized", requestId: refused.headers.get("X-Request-Id") });
  });

  it("reads the fields, and how long to wait", async () => {
    const errors = [{ field: "text", code: "too_short", message: "Write something." }];
    const text = JSON.stringify({ code: "validation_failed", detail: "Look at the fields.", errors });
    const headers = { "Content-Type": "application/problem+json", "Retry-After": "7" };
    const error = await readError(new Response(text, { status: 422, headers }));
    expect(error).toMatchObject({ code: "validation_failed", message: "Look at the fields.", errors, retryAfter: 7 });
  });

  it("returns an error for a response that is not from the service or was already read", async () => {
    const page = await readError(new Response("<h1>Bad gateway</h1>", { status: 502 }));
    expect(page).toMatchObject({ status: 502, code: "unexpected_answer", errors: [] });
    const read = new Response("{}", { status: 400 });
    await read.text();
    expect(await readError(read)).toMatchObject({ status: 0, code: "network_error" });
  });
});

const TOKENS = { access_token: "one", session_id: "one", expires_in: 1_800 };

function problem(text: string): Response {
  return new Response(text, { status: 500, headers: { "Content-Type": "application/problem+json" } });
}
