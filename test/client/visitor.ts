/**
 * A browser for the client under test: cookies, clocks that the test moves, and a network that fails on demand.
 * Requests go to the real service.
 */

import { browser, type Surroundings } from "../../src/client/browser.ts";
import { type AuthState, type Client, type ClientOptions, createClient } from "../../src/client/index.ts";

const REFRESH_COOKIE = "postern_refresh";

export interface Sent {
  /** Method and path, such as `POST /api/v1/auth/refresh`; the whole URL for another origin. */
  what: string;
  /** The access token that was sent. */
  bearer: string | undefined;
  /** Whether the refresh cookie was sent. */
  hasCookie: boolean;
  body: string;
}

/** Handles a request. `deliver` passes it to the service; for another origin it returns a dummy response. */
export type Network = (request: Request, deliver: () => Promise<Response>) => Promise<Response>;

export interface Visitor {
  /** Opens a page with the client. */
  open(options?: Partial<ClientOptions>, more?: Partial<Surroundings>): Client;
  /** All requests, oldest first. */
  sent: Sent[];
  /** How often this request was sent. */
  count(what: string): number;
  /** The value of the refresh cookie. */
  cookie(): string | undefined;
  /** Moves both clocks of the browser, or only one of them. */
  pass(milliseconds: number, which?: { wall?: boolean; stopwatch?: boolean }): void;
  /** How long the client would have waited, in milliseconds. */
  pauses: number[];
  /** Handles every request from now on. */
  through(network: Network): void;
  /** Holds back requests to a route, or the responses to them, until the returned function is called. */
  hold(what: "requests" | "responses", route: string): () => void;
  /** From now on, the browser keeps no cookies. */
  refuseCookies(): void;
}

/** The response is lost after the service has processed the request. */
export const loseAnswer: Network = async (_, deliver) => {
  await (await deliver()).text();
  throw new TypeError("Failed to fetch");
};

/** The request never reaches the service. */
export const noNetwork: Network = async () => {
  throw new TypeError("Failed to fetch");
};

/** The states that a listener receives, in order. */
export function statesOf(client: Client): AuthState[] {
  const states: AuthState[] = [];
  client.onAuthStateChange((state) => states.push(state));
  return states;
}

/** The requests that these tests count, as in `Sent.what`. */
export const REFRESH = "POST /api/v1/auth/refresh";
export const LOGIN = "POST /api/v1/auth/login";
export const CHECK = "POST /api/v1/auth/check-cookie";
export const LOGOUT = "POST /api/v1/auth/logout";
export const ME = "GET /api/v1/users/me";

/** `deliver` passes a request to the service at this origin. */
export function makeVisitor(origin: string, deliver: (request: Request) => Promise<Response>): Visitor {
  const sent: Sent[] = [];
  const pauses: number[] = [];
  const clocks = { wall: 1_700_000_000_000, stopwatch: 0 };
  const jar = new Map<string, string>();
  let keepsCookies = true;
  let network: Network = (_, pass) => pass();

  async function send(request: Request, withCookies: boolean): Promise<Response> {
    const { pathname, origin: target } = new URL(request.url);
    const cookies = withCookies && pathname.startsWith("/api/v1/auth/") ? [...jar] : [];
    if (cookies.length > 0) request.headers.set("Cookie", cookies.map((pair) => pair.join("=")).join("; "));
    if (target !== origin) return new Response("somebody else");
    const response = await deliver(request);
    for (const cookie of withCookies && keepsCookies ? response.headers.getSetCookie() : []) {
      const [, name = "", value = ""] = /^([^=]*)=([^;]*)/.exec(cookie) ?? [];
      if (value === "") jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }

  const world: Surroundings = {
    ...browser(),
    lock: undefined,
    openChannel: undefined,
    readClocks: () => ({ ...clocks }),
    pause: async (milliseconds) => void pauses.push(milliseconds),
    timeout: () => new AbortController().signal,
    async fetch(input, init = {}) {
      const { credentials, keepalive, ...rest } = { credentials: undefined, keepalive: undefined, ...init };
      const request = new Request(input, rest);
      const { pathname, origin: target } = new URL(request.url);
      request.headers.set("Origin", origin);
      sent.push({
        what: `${request.method} ${target === origin ? pathname : request.url}`,
        bearer: /^Bearer (.+)$/.exec(request.headers.get("Authorization") ?? "")?.[1],
        hasCookie: credentials === "include" && jar.has(REFRESH_COOKIE),
        body: typeof rest.body === "string" ? rest.body : "",
      });
      return network(request, () => send(request, credentials === "include"));
    },
  };

  const visitor: Visitor = {
    open: (options, more) => createClient({ baseUrl: origin, mode: "memory", ...options }, { ...world, ...more }),
    sent,
    count: (what) => sent.filter((one) => one.what === what).length,
    cookie: () => jar.get(REFRESH_COOKIE),
    pass(milliseconds, { wall = true, stopwatch = true } = {}) {
      if (wall) clocks.wall += milliseconds;
      if (stopwatch) clocks.stopwatch += milliseconds;
    },
    pauses,
    through: (next) => {
      network = next;
    },
    hold(what, route) {
      const held = Promise.withResolvers<void>();
      visitor.through(async (request, deliver) => {
        if (!request.url.endsWith(route)) return deliver();
        if (what === "requests") await held.promise;
        const response = await deliver();
        if (what === "responses") await held.promise;
        return response;
      });
      return held.resolve;
    },
    refuseCookies: () => {
      keepsCookies = false;
    },
  };
  return visitor;
}
