import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { browser, type Surroundings } from "../../src/client/browser.ts";
import type { AuthState, Client, ClientOptions } from "../../src/client/index.ts";
import { LOGIN, LOGOUT, loseAnswer, makeVisitor, REFRESH, type Visitor } from "../client/visitor.ts";
import { eventually } from "../support/eventually.ts";
import { type Person, register } from "./live-person.ts";
import { useSharedService } from "./live-service.ts";

const MINUTE = 60_000;
/** Milliseconds that a tab waits for another: before a refresh, before a login, and after a wait that timed out. */
const WITH_TABS = [35_000, 10_000, 1_000];
const { lock, openChannel, pause: reallyPause, timeout } = browser();
const denied = () => new DOMException("The operation is insecure.", "SecurityError");
const deny = () => {
  throw denied();
};
/** Rejects like Web Locks when the request is aborted before it is granted. */
const rejectedBy = (signal: AbortSignal) =>
  new Promise<void>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
const signedOut = (reason: string) => ({ status: "signed_out", reason });

// Node has Web Locks and BroadcastChannel, like browsers. Each client here plays a tab of one browser.
describe("the tabs of one browser", () => {
  const service = useSharedService();
  let person: Person;
  let visitor: Visitor;
  let tabs: Client[];
  /** Delays answers, and the cookies that they set or delete. */
  let onItsWay: (request: Request) => Promise<void>;

  beforeAll(async () => {
    person = await register(service.origin);
  });
  beforeEach(() => {
    onItsWay = async () => {};
    visitor = makeVisitor(service.origin, async (request) => {
      const response = await fetch(request);
      await onItsWay(request);
      return response;
    });
    tabs = [];
  });
  afterEach(() => {
    for (const tab of tabs) tab.close();
  });

  function open(more: Partial<Surroundings> = {}, options: Partial<ClientOptions> = {}) {
    const world = { lock, openChannel, pause: reallyPause, timeout, ...more };
    const tab = visitor.open({ mode: "cookie", ...options }, world);
    const states: AuthState[] = [];
    tab.onAuthStateChange((state) => states.push(state));
    tabs.push(tab);
    return { tab, states };
  }

  const logIn = (tab: Client) => tab.login({ email: person.email, password: person.password });

  /** Keeps the answer to one route on its way, with its cookie, until the test lets it arrive. */
  function delay(route: string): () => void {
    const held = Promise.withResolvers<void>();
    onItsWay = async ({ url }) => {
      if (url.endsWith(route)) await held.promise;
    };
    return held.resolve;
  }

  it("make one refresh when they are opened at once", async () => {
    await logIn(open().tab);
    const opened = Array.from({ length: 5 }, () => open());
    const users = await Promise.all(opened.map(({ tab }) => tab.user()));
    expect(users.map((user) => user?.email)).toEqual(Array(5).fill(person.email));
    expect(visitor.count(REFRESH)).toBe(1);
    for (const { states } of opened) expect(states).toEqual([{ status: "signed_in" }]);
  });

  it("make one refresh when they all wake with an expired token", async () => {
    const [first, ...others] = Array.from({ length: 5 }, () => open());
    if (first === undefined) throw new Error("There is no tab.");
    const user = await logIn(first.tab);
    await eventually(() => {
      for (const { states } of others) expect(states.at(-1)).toEqual({ status: "signed_in", user });
    });
    visitor.pass(8 * 60 * MINUTE);
    const users = await Promise.all(tabs.map((tab) => tab.user()));
    expect(users).toEqual(Array(5).fill(user));
    expect(visitor.count(REFRESH)).toBe(1);
    expect(visitor.count(LOGIN)).toBe(1);
  });

  it("know how old a token is that another one hands over", async () => {
    const { tab } = open();
    const { tab: other, states } = open();
    await logIn(tab);
    await expect.poll(() => states.length).toBe(1);
    visitor.pass(20 * MINUTE);
    expect(await other.user()).not.toBeNull();
    expect(visitor.count(REFRESH)).toBe(0);
    visitor.pass(11 * MINUTE);
    expect(await other.user()).not.toBeNull();
    expect(visitor.count(REFRESH)).toBe(1);
  });

  it("tell each other of logins and logouts", async () => {
    const { tab } = open();
    const { tab: other, states } = open();
    const user = await logIn(tab);
    await expect.poll(() => states).toEqual([{ status: "signed_in", user }]);
    await tab.logout();
    await expect.poll(() => states.at(-1)).toEqual(signedOut("logout"));
    expect(await other.user()).toBeNull();

    const next = await register(service.origin);
    const other2 = await other.login({ email: next.email, password: next.password });
    await expect.poll(() => tab.user()).toEqual(other2);
    expect(visitor.count(REFRESH)).toBe(0);
  });

  it("tell each other of a session that the service has ended", async () => {
    const { tab } = open();
    const { states } = open();
    await logIn(tab);
    const elsewhere = open({}, { mode: "memory" }).tab;
    await logIn(elsewhere);
    await elsewhere.logout({ all: true });
    expect(await tab.user()).toBeNull();
    await expect.poll(() => states.at(-1)).toEqual(signedOut("session_ended"));
  });

  it("stay signed out when one of them logs out while another one refreshes", async () => {
    const { tab } = open();
    const { tab: other, states } = open();
    await logIn(tab);
    await expect.poll(() => states.length).toBe(1);
    const letGo = visitor.hold("responses", "/refresh");
    const refreshed = other.refresh();
    await expect.poll(() => visitor.count(REFRESH)).toBe(1);
    await tab.logout();
    await expect.poll(() => states.at(-1)).toEqual(signedOut("logout"));
    letGo();
    expect(await refreshed).toBe(false);
    expect(await other.user()).toBeNull();
    expect(await tab.user()).toBeNull();
  });

  it("stay signed out when one logs out while another one is being loaded", async () => {
    const { tab } = open();
    await logIn(tab);
    const { tab: loaded, states } = open();
    const letGo = visitor.hold("responses", "/refresh");
    const user = loaded.user();
    await expect.poll(() => visitor.count(REFRESH)).toBe(1);
    await tab.logout();
    await expect.poll(() => states).toEqual([signedOut("logout")]);
    letGo();
    expect(await user).toBeNull();
  });

  it("keep the cookie of a login in one of them from the late answer to a logout in another one", async () => {
    const { tab } = open();
    const { tab: other, states } = open();
    await logIn(tab);
    await expect.poll(() => states.length).toBe(1);
    const arrive = delay("/logout");
    const logout = tab.logout();
    await expect.poll(() => states.at(-1)).toEqual(signedOut("logout"));
    const login = logIn(other);
    await pause(200);
    expect(visitor.sent.at(-1)?.what).toBe(LOGOUT);
    arrive();
    await logout;
    const user = await login;
    expect(visitor.cookie()).toMatch(/^prt_/);
    expect(await open().tab.user()).toEqual(user);
    await expect.poll(() => tab.user()).toEqual(user);
  });

  it("send a logout before anything else, even while others refresh and log in", async () => {
    const { tab } = open();
    await logIn(tab);
    const letGo = visitor.hold("responses", "/refresh");
    const refreshed = open().tab.refresh();
    await expect.poll(() => visitor.count(REFRESH)).toBe(1);
    const login = logIn(open().tab);
    const logout = tab.logout();
    expect(visitor.sent.at(-1)?.what).toBe(LOGOUT);
    await logout;
    expect(visitor.count(LOGIN)).toBe(1);
    letGo();
    expect(await refreshed).toBe(false);
    expect(await open().tab.user()).toEqual(await login);
  });

  it.each([
    ["keep a session", "/login", { status: "signed_in" }],
    ["all lose a session at once", "/logout", signedOut("session_ended")],
  ])("%s that began while one of them logged out, if the answer to %s comes last", async (_, last, outcome) => {
    const { tab, states } = open();
    const { tab: other, states: otherStates } = open();
    await logIn(tab);
    await expect.poll(() => otherStates.length).toBe(1);
    const answers = { "/login": Promise.withResolvers<void>(), "/logout": Promise.withResolvers<void>() };
    onItsWay = async ({ url }) => {
      for (const [route, { promise }] of Object.entries(answers)) if (url.endsWith(route)) await promise;
    };
    const login = logIn(other);
    await expect.poll(() => visitor.count(LOGIN)).toBe(2);
    const logout = tab.logout();
    const [first, next] = last === "/login" ? [logout, answers["/login"]] : [login, answers["/logout"]];
    answers[last === "/login" ? "/logout" : "/login"].resolve();
    await first;
    next.resolve();
    await Promise.all([login, logout]);
    await expect.poll(() => visitor.count(REFRESH)).toBe(1);
    await eventually(() => {
      for (const seen of [states, otherStates]) expect(seen.at(-1)).toMatchObject(outcome);
    });
    const isSignedIn = outcome.status === "signed_in";
    expect(visitor.cookie() !== undefined).toBe(isSignedIn);
    for (const one of [tab, other, open().tab]) expect((await one.user()) !== null).toBe(isSignedIn);
  });

  it("are signed in by a login in one of them, although a logout in another one was lost meanwhile", async () => {
    const { tab } = open({ lock: undefined });
    const { tab: other } = open({ lock: undefined });
    await logIn(tab);
    const held = Promise.withResolvers<void>();
    visitor.through(async (request, deliver) => {
      if (!request.url.endsWith("/logout")) return deliver();
      await held.promise;
      throw new TypeError("Failed to fetch");
    });
    const logout = tab.logout();
    const user = await logIn(other);
    await expect.poll(() => tab.user()).toEqual(user);
    held.resolve();
    await expect(logout).rejects.toMatchObject({ code: "network_error" });
    expect(await tab.refresh()).toBe(true);
  });

  it("hear nothing of sessions that are not theirs", async () => {
    const { tab, states } = open();
    const user = await logIn(tab);
    const before = states.length;
    const teller = openChannel?.(`postern/1 ${service.origin}`, () => {});
    const tokens = { access_token: "another", session_id: "another", expires_in: 1_800 };
    teller?.postMessage({ kind: "refreshed", tokens, sentAt: 0 });
    teller?.postMessage({ kind: "signed_out", reason: "session_ended", sessionId: "another" });
    teller?.postMessage({ kind: "signed_out", reason: "logout", sessionId: "another" });
    await pause(50);
    teller?.close();
    expect(await tab.user()).toEqual(user);
    expect(states.length).toBe(before);
  });

  it.each(["", " door"])("go ahead when one of them holds the lock with the suffix '%s' for ever", async (suffix) => {
    const { tab } = open({ timeout: (milliseconds) => timeout(WITH_TABS.includes(milliseconds) ? 300 : milliseconds) });
    const frozen = Promise.withResolvers<void>();
    let isFrozen = false;
    const holding = lock?.(`postern/1 ${service.origin}${suffix}`, AbortSignal.timeout(1_000), () => {
      isFrozen = true;
      return frozen.promise;
    });
    await expect.poll(() => isFrozen).toBe(true);
    expect((await logIn(tab)).email).toBe(person.email);
    expect(await tab.refresh()).toBe(true);
    await tab.logout();
    expect((await logIn(tab)).email).toBe(person.email);
    frozen.resolve();
    await holding;
  });

  it.each([
    ["refuses once its signal aborts", rejectedBy],
    ["never answers, not even its signal", () => new Promise<void>(() => {})],
  ])("log in within 12 s, and later within 3 s, under a lock that %s", async (_, never) => {
    const lengths = new Map<AbortSignal, number>();
    let waited = new Set<AbortSignal>();
    const { tab } = open({
      lock(_name, signal) {
        waited.add(signal);
        return never(signal);
      },
      timeout(milliseconds) {
        const signal = timeout(20);
        lengths.set(signal, milliseconds);
        return milliseconds === 15_000 ? timeout(milliseconds) : signal;
      },
    });
    for (const most of [12_000, 3_000, 3_000]) {
      waited = new Set();
      expect((await logIn(tab)).email).toBe(person.email);
      expect(waited.size).toBeGreaterThan(0);
      expect([...waited].reduce((sum, signal) => sum + (lengths.get(signal) ?? 0), 0)).toBeLessThanOrEqual(most);
      await tab.logout();
    }
  });

  it("wait for each other again once a lock that was held for long is free", async () => {
    let grants = false;
    const waits: number[] = [];
    const { tab } = open({
      lock: (name, signal, work) => (grants ? (lock?.(name, signal, work) ?? work()) : rejectedBy(signal)),
      timeout(milliseconds) {
        waits.push(milliseconds);
        return milliseconds === 15_000 || milliseconds === 8_000 ? timeout(milliseconds) : timeout(20);
      },
    });
    await logIn(tab);
    grants = true;
    expect(await tab.refresh()).toBe(true);
    waits.splice(0);
    expect(await tab.refresh()).toBe(true);
    expect(waits).toEqual([35_000, 8_000]);
  });

  it.each([
    ["Web Locks", { lock: undefined }],
    ["messages", { openChannel: undefined }],
    ["either", { lock: undefined, openChannel: undefined }],
    // Firefox refuses locks and messages to a page in a frame of another site.
    ["what their browser refuses them", { lock: () => Promise.reject(denied()), openChannel: deny }],
  ])("stay signed in without %s, since the service gives them the same successor", async (_, missing) => {
    const user = await logIn(open(missing).tab);
    const opened = Array.from({ length: 3 }, () => open(missing).tab);
    for (const round of [1, 2]) {
      expect(await Promise.all(opened.map((tab) => tab.user()))).toEqual([user, user, user]);
      expect(await Promise.all(opened.map((tab) => tab.refresh())), `round ${round}`).toEqual([true, true, true]);
    }
  });

  it("lose nothing when the answer to the one refresh of them all is lost", async () => {
    await logIn(open().tab);
    let losses = 1;
    visitor.through(async (request, deliver) => (losses-- > 0 ? loseAnswer(request, deliver) : deliver()));
    const users = await Promise.all(Array.from({ length: 3 }, () => open().tab.user()));
    expect(users.map((user) => user?.email)).toEqual(Array(3).fill(person.email));
    expect(visitor.count(REFRESH)).toBe(2);
  });

  it("have sessions of their own in memory mode", async () => {
    const [one, other] = [open({}, { mode: "memory" }), open({}, { mode: "memory" })];
    await logIn(one.tab);
    await logIn(other.tab);
    await one.tab.logout();
    expect(await other.tab.user()).not.toBeNull();
    expect(other.states.length).toBe(2);
  });
});
