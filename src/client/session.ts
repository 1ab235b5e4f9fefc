/**
 * The session in this tab: the access token, its refresh, and the listeners. Tokens are stored only here, in memory.
 */
import { elapsedSince, type Reading, type Surroundings } from "./browser.ts";
import { notLoggedIn, PosternError } from "./error.ts";
import { isVerdict, refreshPatiently } from "./refresh.ts";
import type { Service } from "./service.ts";
import type { Tabs } from "./tabs.ts";
import type { TokenPair, User } from "./types.ts";

/**
 * `logout`: the user logged out, here or in another tab. `session_ended`: the service ended the session. `no_session`:
 * there was no session to restore.
 */
export type SignedOutReason = "logout" | "session_ended" | "no_session";

/** `user` is present after a login, but not after a session was restored: then call `client.user()`. */
export type AuthState = { status: "signed_in"; user?: User } | { status: "signed_out"; reason: SignedOutReason };

/** The messages between tabs. `sentAt` is the wall clock in milliseconds, which all tabs share. */
export type Message =
  | { kind: "logged_in"; tokens: TokenPair; user: User; sentAt: number }
  | { kind: "refreshed"; tokens: TokenPair; sentAt: number }
  | { kind: "signed_out"; reason: SignedOutReason; sessionId: string | undefined };

interface Held {
  tokens: TokenPair;
  /** The clocks, read before the tokens were requested, so that the tokens never seem newer than they are. */
  since: Reading;
}

/** A token is refreshed when less than this is left of its lifetime: a minute, or a tenth of a short lifetime. */
const MARGIN_MILLISECONDS = 60_000;
const MARGIN_SHARE = 0.1;
/** The pause after a failed refresh, while the token is still valid. */
const QUIET_MILLISECONDS = 10_000;

export type Session = ReturnType<typeof createSession>;

/** `usesCookie`: the browser keeps the refresh token, so there may be a session that this page does not know yet. */
export function createSession(
  usesCookie: boolean,
  service: Service,
  tabs: Tabs<Message>,
  { readClocks, pause }: Pick<Surroundings, "readClocks" | "pause">,
) {
  let held: Held | undefined;
  let state: AuthState | undefined = usesCookie ? undefined : { status: "signed_out", reason: "no_session" };
  /** Incremented by every login and log-out, so that responses to earlier requests are ignored. */
  let era = 0;
  let flight: { era: number; outcome: Promise<boolean> } | undefined;
  let failedAt: Reading | undefined;
  const listeners = new Set<(state: AuthState) => void>();

  function enter(next: AuthState): void {
    state = next;
    // In separate microtasks, so that a listener that throws affects neither the session nor the other listeners.
    for (const listener of listeners) queueMicrotask(() => listeners.has(listener) && listener(next));
  }

  function hold(tokens: TokenPair, since: Reading): void {
    held = { tokens, since };
    failedAt = undefined;
  }

  function begin(tokens: TokenPair, user: User, since: Reading): void {
    era += 1;
    hold(tokens, since);
    enter({ status: "signed_in", user });
  }

  function end(reason: SignedOutReason): void {
    const wasSignedOut = state?.status === "signed_out";
    era += 1;
    held = undefined;
    if (!wasSignedOut) enter({ status: "signed_out", reason });
  }

  function renew(tokens: TokenPair, since: Reading): void {
    // The cookie may now belong to another session, which may be another user's.
    const isAnother = held !== undefined && held.tokens.session_id !== tokens.session_id;
    if (isAnother) era += 1;
    hold(tokens, since);
    if (isAnother || state?.status !== "signed_in") enter({ status: "signed_in" });
  }

  /** The current tokens, unless they belong to another session by now: a request must not be sent as another user. */
  function tokensOf(sessionId: string | undefined): TokenPair | undefined {
    return sessionId === undefined || held?.tokens.session_id === sessionId ? held?.tokens : undefined;
  }

  async function refreshInTurn(begunIn: number, seen: Held | undefined): Promise<boolean> {
    // While this call waited for its turn, another tab may have refreshed, or the user may have logged in or out.
    const isOutdated = () => era !== begunIn;
    if (isOutdated() || held !== seen) return held !== undefined;
    if (!usesCookie && held === undefined) return false;
    const since = readClocks();
    try {
      const tokens = await refreshPatiently(service, held?.tokens, pause, isOutdated);
      if (isOutdated()) return held !== undefined;
      if (!tokens) {
        end("no_session");
        return false;
      }
      renew(tokens, since);
      tabs.tell({ kind: "refreshed", tokens, sentAt: since.wall });
      return true;
    } catch (error) {
      if (isOutdated()) return held !== undefined;
      failedAt = readClocks();
      if (!isVerdict(error)) throw error;
      const sessionId = held?.tokens.session_id;
      end(held === undefined ? "no_session" : "session_ended");
      if (sessionId !== undefined) tabs.tell({ kind: "signed_out", reason: "session_ended", sessionId });
      return false;
    }
  }

  function refresh(): Promise<boolean> {
    if (flight?.era === era) return flight.outcome;
    const [begunIn, seen] = [era, held];
    const started = { era, outcome: tabs.toRefresh(() => refreshInTurn(begunIn, seen)) };
    const land = () => {
      if (flight === started) flight = undefined;
    };
    started.outcome.then(land, land);
    flight = started;
    return started.outcome;
  }

  /**
   * Replaces the tokens with the new ones that `ask` gets. Takes turns with refreshes, because a refresh at the same
   * time would use the old tokens.
   */
  async function replace(ask: (tokens: TokenPair) => Promise<TokenPair>): Promise<void> {
    const sessionId = held?.tokens.session_id;
    try {
      await tabs.toRefresh(async () => {
        const [begunIn, current, since] = [era, tokensOf(sessionId), readClocks()];
        if (current === undefined) throw notLoggedIn();
        const tokens = await ask(current);
        if (era !== begunIn) return;
        renew(tokens, since);
        tabs.tell({ kind: "refreshed", tokens, sentAt: since.wall });
      });
    } catch (error) {
      // The service may have replaced the tokens although its answer did not arrive. Within 30 s, a refresh still gets
      // the new tokens.
      if (error instanceof PosternError && error.status === 0) refresh().catch(() => {});
      throw error;
    }
  }

  function isQuiet(): boolean {
    return failedAt !== undefined && elapsedSince(failedAt, readClocks()) < QUIET_MILLISECONDS;
  }

  return {
    begin,
    end,
    refresh,
    replace,

    /** The current tokens. Only for the client itself. */
    tokens: () => held?.tokens,

    /**
     * The tokens of the session, refreshed first if they have expired; `undefined` if no user is logged in. Throws if a
     * necessary refresh gets no answer.
     */
    async accessToken(): Promise<TokenPair | undefined> {
      const sessionId = held?.tokens.session_id;
      if (held === undefined) {
        if (state === undefined) await refresh();
      } else {
        const lifetime = held.tokens.expires_in * 1_000;
        const left = lifetime - elapsedSince(held.since, readClocks());
        if (left <= 0) await refresh();
        // The token is still valid, so the request does not wait for the refresh, and a failure is ignored.
        else if (left < Math.min(MARGIN_MILLISECONDS, lifetime * MARGIN_SHARE) && !isQuiet()) refresh().catch(() => {});
      }
      return tokensOf(sessionId);
    },

    /** Newer tokens of the same session, after an API refused the tokens `refused`; `undefined` if there are none. */
    async replacementOf(refused: TokenPair): Promise<TokenPair | undefined> {
      if (held?.tokens === refused) await refresh();
      return tokensOf(refused.session_id);
    },

    /** Handles a message from another tab. */
    hear(message: Message): void {
      if (message.kind === "signed_out") {
        const { reason, sessionId } = message;
        // A tab without tokens depends on the cookie, which every log-out deletes. A tab with tokens ends its session
        // only if the message names this session or no session.
        const isOurs = held === undefined ? reason === "logout" : sessionId === held.tokens.session_id;
        if (isOurs || sessionId === undefined) end(reason);
        return;
      }
      const since = { wall: message.sentAt, stopwatch: readClocks().stopwatch };
      if (message.kind === "logged_in") begin(message.tokens, message.user, since);
      else if (state === undefined || held?.tokens.session_id === message.tokens.session_id) {
        renew(message.tokens, since);
      }
    },

    listen(tell: (state: AuthState) => void): () => void {
      // A wrapper, so that the same function can be registered twice and removed once.
      const listener = (next: AuthState) => tell(next);
      listeners.add(listener);
      const known = state;
      if (known !== undefined) queueMicrotask(() => listeners.has(listener) && listener(known));
      return () => void listeners.delete(listener);
    },
  };
}
