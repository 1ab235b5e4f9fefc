/**
 * The session as this tab knows it: the access token, when to replace it, and whom to tell. The tokens live here, in
 * memory, and nowhere else.
 */
import { elapsedSince, type Reading, type Surroundings } from "./browser.ts";
import { isVerdict, refreshPatiently } from "./refresh.ts";
import type { Service } from "./service.ts";
import type { Tabs } from "./tabs.ts";
import type { TokenPair, User } from "./types.ts";

/** `logout`, here or in another tab; `session_ended`: the service ended it; `no_session`: there was none to restore. */
export type SignedOutReason = "logout" | "session_ended" | "no_session";

/** `user` is there after a login, not where a session was restored: ask `client.user()`. */
export type AuthState = { status: "signed_in"; user?: User } | { status: "signed_out"; reason: SignedOutReason };

/** What tabs tell each other. `sentAt` is a wall clock's time in milliseconds, the same clock for all of them. */
export type Message =
  | { kind: "logged_in"; tokens: TokenPair; user: User; sentAt: number }
  | { kind: "refreshed"; tokens: TokenPair; sentAt: number }
  | { kind: "signed_out"; reason: SignedOutReason; sessionId: string | undefined };

interface Held {
  tokens: TokenPair;
  /** Read before the tokens were asked for, so that they are never thought younger than they are. */
  since: Reading;
}

/** Replaced when less than this is left: a minute, or a tenth of the lifetime of a token that lives shortly. */
const MARGIN_MILLISECONDS = 60_000;
const MARGIN_SHARE = 0.1;
/** After a refresh that failed while the token was still good, the next one ahead of time waits for so long. */
const QUIET_MILLISECONDS = 10_000;

export type Session = ReturnType<typeof createSession>;

/** `usesCookie`: the browser keeps the refresh token, so there may be a session that nobody here has heard of yet. */
export function createSession(
  usesCookie: boolean,
  service: Service,
  tabs: Tabs<Message>,
  { readClocks, pause }: Pick<Surroundings, "readClocks" | "pause">,
) {
  let held: Held | undefined;
  let state: AuthState | undefined = usesCookie ? undefined : { status: "signed_out", reason: "no_session" };
  /** Changes with every login and logout: an answer to what was asked in an earlier one is not for us any more. */
  let era = 0;
  let flight: { era: number; outcome: Promise<boolean> } | undefined;
  let failedAt: Reading | undefined;
  const listeners = new Set<(state: AuthState) => void>();

  function enter(next: AuthState): void {
    state = next;
    // Each on its own: one that throws harms neither us nor the others.
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
    // The cookie may have become another session's behind our back: whoever that is, it is somebody else.
    const isAnother = held !== undefined && held.tokens.session_id !== tokens.session_id;
    if (isAnother) era += 1;
    hold(tokens, since);
    if (isAnother || state?.status !== "signed_in") enter({ status: "signed_in" });
  }

  /** The tokens that are held, unless they have become somebody else's: nobody's request is sent for another. */
  function tokensOf(sessionId: string | undefined): TokenPair | undefined {
    return sessionId === undefined || held?.tokens.session_id === sessionId ? held?.tokens : undefined;
  }

  async function refreshInTurn(begunIn: number, seen: Held | undefined): Promise<boolean> {
    // While we waited for our turn another tab may have refreshed, and anybody may have logged in or out.
    const isOutdated = () => era !== begunIn;
    if (isOutdated() || held !== seen) return held !== undefined;
    if (!usesCookie && held === undefined) return false;
    const since = readClocks();
    try {
      const tokens = await refreshPatiently(service, held?.tokens.refresh_token, pause, isOutdated);
      if (isOutdated()) return held !== undefined;
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
    const started = { era, outcome: tabs.inTurn(() => refreshInTurn(begunIn, seen)) };
    const land = () => {
      if (flight === started) flight = undefined;
    };
    started.outcome.then(land, land);
    flight = started;
    return started.outcome;
  }

  function isQuiet(): boolean {
    return failedAt !== undefined && elapsedSince(failedAt, readClocks()) < QUIET_MILLISECONDS;
  }

  return {
    begin,
    end,
    refresh,

    /** The tokens that are held: of no use to anybody but the client itself. */
    tokens: () => held?.tokens,

    /** A token that is good for a while, or nothing where nobody is signed in. Throws where that can't be known. */
    async accessToken(): Promise<TokenPair | undefined> {
      const sessionId = held?.tokens.session_id;
      if (held === undefined) {
        if (state === undefined) await refresh();
      } else {
        const lifetime = held.tokens.expires_in * 1_000;
        const left = lifetime - elapsedSince(held.since, readClocks());
        if (left <= 0) await refresh();
        // There is time: nobody waits for it, and nobody is told where it fails.
        else if (left < Math.min(MARGIN_MILLISECONDS, lifetime * MARGIN_SHARE) && !isQuiet()) refresh().catch(() => {});
      }
      return tokensOf(sessionId);
    },

    /** Another token of the same session than the one that an API refused, if there is one. */
    async replacementOf(refused: TokenPair): Promise<TokenPair | undefined> {
      if (held?.tokens === refused) await refresh();
      return tokensOf(refused.session_id);
    },

    /** What another tab tells. */
    hear(message: Message): void {
      if (message.kind === "signed_out") {
        const { reason, sessionId } = message;
        // A logout takes the cookie away, whoever has it. Of a session that is not ours there is nothing to learn.
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
      // Somebody else may listen with the same function, and stop.
      const listener = (next: AuthState) => tell(next);
      listeners.add(listener);
      const known = state;
      if (known !== undefined) queueMicrotask(() => listeners.has(listener) && listener(known));
      return () => void listeners.delete(listener);
    },
  };
}
