import { browser, type Surroundings } from "./browser.ts";
import { networkError, PosternError } from "./error.ts";
import { createFetch } from "./fetch.ts";
import { createService, readUser } from "./service.ts";
import { type AuthState, createSession, type Message } from "./session.ts";
import { joinTabs, noTabs } from "./tabs.ts";
import type { Answer, Fetch, LoginBody, RegisterBody, TokenPair, User } from "./types.ts";

export interface ClientOptions {
  /** Where the service answers, for example `https://auth.example.com`. */
  baseUrl: string;
  /**
   * `cookie`: the browser keeps the refresh token where no script can read it, and a reload stays signed in; all tabs
   * of the origin share one session. `memory`: this page alone keeps it, and a reload signs out.
   */
  mode: "cookie" | "memory";
  /** Other origins that `client.fetch` sends the access token to. Nobody else gets it. */
  apis?: readonly string[];
  /** What the user's list of sessions shows, where a login does not say. */
  deviceName?: string;
  /** What to send requests with. */
  fetch?: Fetch;
}

/** Each method that asks the service, but for `fetch`, throws a `PosternError` where it refuses, or no answer comes. */
export interface Client {
  register(body: RegisterBody): Promise<Answer<"/api/v1/auth/register">>;
  /** With an email or a username. */
  login(body: LoginBody): Promise<User>;
  /**
   * Signs out here at once, and in the tabs that share the session; `all` ends every session of the user. Throws where
   * the service could not be told: its session lives on, and in cookie mode a reload would sign in again. Call it again.
   * With `all` throws a 401 too, where this session had ended before: the others live on, and it takes a login to end them.
   *
   * The page may be left right after the call: the request is on its way by then, unless it waits for a login of this tab
   * that is under way, which it then ends. A login that begins in any tab waits for the answer, which takes the cookie
   * away; not so where there are no Web Locks, or the page that logged out has been left. One that was under way in
   * another tab before may lose its cookie to the answer, and then ends: `session_ended`.
   */
  logout(options?: { all?: boolean }): Promise<void>;
  /** Replaces the access token now. Answers whether somebody is signed in; throws where that can't be known. */
  refresh(): Promise<boolean>;
  /** Who is signed in, freshly read; null where nobody is. */
  user(): Promise<User | null>;
  /**
   * `fetch` with the access token, for the service and the `apis`: refreshed ahead of its expiry, and once more where it
   * is refused, with the request sent again unless its body is a stream or it is a `Request` that has one. A path is the
   * service's. Other origins get the request without a token; so does whatever an answer redirects to on another origin
   * (Fetch standard, HTTP-redirect fetch). Throws a `PosternError` where a needed refresh fails for want of an answer.
   */
  fetch: Fetch;
  /**
   * Tells of each sign-in and sign-out, in other tabs too, and first of the present state where it is known: in cookie
   * mode a page that has just been loaded knows it once it has called `user()`.
   */
  onAuthStateChange(listener: (state: AuthState) => void): () => void;
  /** Stops listening to other tabs, and telling them. */
  close(): void;
}

/**
 * A client of the service. Make one for a page: on a server, it would sign in all who are served at once.
 *
 * @throws {TypeError} where an address is none that tokens may go to, or the mode is neither
 */
export function createClient(options: ClientOptions, surroundings: Surroundings = browser()): Client {
  const { baseUrl, mode, apis = [], deviceName } = options;
  refuseSlips(options);
  const world = { ...surroundings, fetch: options.fetch ?? surroundings.fetch };
  const usesCookie = mode === "cookie";
  const service = createService(baseUrl, usesCookie, world);
  const tabs = usesCookie ? joinTabs<Message>(`postern/1 ${new URL(baseUrl).origin}`, world, hear) : noTabs();
  const session = createSession(usesCookie, service, tabs, world);
  const authorizedFetch = createFetch([baseUrl, ...apis], session, world.fetch);

  let entering: Promise<unknown> | undefined;
  /** A logout that the service has not heard of, as far as we know. */
  let untold: { tokens: TokenPair | undefined } | undefined;

  function hear(message: Message): void {
    // The cookie is the new session's from here on.
    if (message.kind === "logged_in") untold = undefined;
    session.hear(message);
  }

  async function enter(body: LoginBody): Promise<User> {
    const since = world.readClocks();
    const { user, ...tokens } = await service.post("/api/v1/auth/login", {
      ...(deviceName === undefined ? {} : { device_name: deviceName }),
      ...body,
      cookie: usesCookie,
    });
    untold = undefined;
    session.begin(tokens, user, since);
    tabs.tell({ kind: "logged_in", tokens, user, sentAt: since.wall });
    return user;
  }

  /** After a logout: who is signed in by now came in through another tab meanwhile, and may have lost the cookie. */
  function lookForCookie(): void {
    if (session.tokens() !== undefined) session.refresh().catch(() => {});
  }

  async function user(): Promise<User | null> {
    await session.accessToken();
    const asked = session.tokens()?.session_id;
    if (asked === undefined) return null;
    const isStillSignedIn = () => session.tokens()?.session_id === asked;
    try {
      const answer = await readUser(await authorizedFetch("/api/v1/users/me"));
      if (isStillSignedIn()) return answer;
    } catch (cause) {
      if (isStillSignedIn()) throw asError(cause);
    }
    // Whoever that was has left meanwhile, or somebody else has come.
    return user();
  }

  return {
    register: (body) => service.post("/api/v1/auth/register", body),

    login(body) {
      const outcome = tabs.inTurn(() => tabs.atTheDoor(() => enter(body)));
      const land = () => {
        if (entering === outcome) entering = undefined;
      };
      outcome.then(land, land);
      entering = outcome;
      return outcome;
    },

    async logout({ all = false } = {}) {
      if (entering !== undefined) await entering.catch(() => {});
      const tokens = session.tokens() ?? untold?.tokens;
      session.end("logout");
      tabs.tell({ kind: "signed_out", reason: "logout", sessionId: tokens?.session_id });
      if (!usesCookie && tokens === undefined) return;
      const wish = { tokens };
      untold = wish;
      const proof = tokens?.refresh_token === undefined ? {} : { refresh_token: tokens.refresh_token };
      const more = { bearer: tokens?.access_token, keepalive: true };
      const outcome = service.post("/api/v1/auth/logout", { ...proof, all }, more);
      // The request is on its way: the page may be left at any time. Now the door is shut, until its answer is there.
      tabs.atTheDoor(() => outcome.then(lookForCookie, lookForCookie));
      const refusal = await outcome.then(() => undefined, asError);
      // With the service's 401 it had ended before; with a proxy's it has not.
      if (refusal !== undefined && (refusal.status !== 401 || refusal.code === "unexpected_answer")) throw refusal;
      if (untold === wish) untold = undefined;
      // The others have not ended: by the word of one that has, nobody ends them.
      if (all && refusal !== undefined && refusal.code !== "unauthorized") throw refusal;
    },

    // The cookie of a session that somebody wanted to end brings nobody back.
    refresh: async () => untold === undefined && session.refresh(),

    user,
    fetch: authorizedFetch,
    onAuthStateChange: session.listen,
    close: tabs.close,
  };
}

function asError(cause: unknown): PosternError {
  return cause instanceof PosternError ? cause : networkError(cause);
}

/** Nobody else than a web server is sent a token; `mode` and `baseUrl` are what they say, not what was meant. */
function refuseSlips({ baseUrl, mode, apis = [] }: ClientOptions): void {
  if (!/^(cookie|memory)$/.test(mode)) throw new TypeError("createClient takes the mode cookie or memory.");
  for (const url of [baseUrl, ...apis]) {
    if (!/^https?:$/.test(new URL(url).protocol))
      throw new TypeError(`createClient takes http(s) addresses, not ${url}`);
  }
  if (!/^\w+:\/\/[^/?#]*\/?$/.test(baseUrl)) {
    throw new TypeError("createClient takes a baseUrl without a path: the service stands at the root of its host.");
  }
}
