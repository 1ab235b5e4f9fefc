/** The tabs of a browser that share a session because they share its cookie. They take turns and exchange messages. */
import type { Surroundings } from "./browser.ts";

/**
 * How long a tab waits for its turn before it goes ahead anyway: the browser may have frozen the tab whose turn it is.
 * Longer than any normal turn. A refresh with all its tries takes up to 28 s. A login that waits for a log-out and
 * checks its cookie takes up to 10 + 15 + 4 s.
 */
const PATIENCE_MILLISECONDS = 35_000;
/**
 * How long a login waits for its turn before it goes ahead anyway. Shorter, because a person waits, but still longer
 * than a turn on a network that works. If the login goes ahead too early, a response to another tab may replace its
 * cookie. The next refresh notices that.
 */
const LOGIN_PATIENCE_MILLISECONDS = 10_000;
/**
 * How long to wait for a lock if the last wait for the lock timed out. The tab that holds the lock is probably frozen,
 * but may have released the lock since.
 */
const SECOND_PATIENCE_MILLISECONDS = 1_000;
/** How long a turn is held after its work ends, so that its messages arrive before the next turn begins. */
const HANDOVER_MILLISECONDS = 50;

/**
 * Runs `work` while no other tab runs work of the same kind. Without Web Locks, or if the browser refuses them, only
 * waits for work in this tab.
 */
type TakeTurn = <Value>(work: () => Promise<Value>, deadline?: AbortSignal) => Promise<Value>;

export interface Tabs<Message> {
  /**
   * For refreshes. Without Web Locks, two tabs may refresh at the same time. Within 30 s, the service gives both tabs
   * the same new refresh token.
   */
  toRefresh: TakeTurn;
  /**
   * For logins. A login waits for refreshes, which must not run at the same time. It also waits for log-outs, because
   * the response to a log-out deletes the cookie, even that of a newer session. One deadline covers both waits.
   */
  toLogIn<Value>(work: () => Promise<Value>): Promise<Value>;
  /** For log-outs. Logins wait for them. */
  toLogOut: TakeTurn;
  tell(message: Message): void;
  close(): void;
}

/** Joins the tabs that use the same service. `listen` receives their messages. */
export function joinTabs<Message>(
  name: string,
  world: Surroundings,
  listen: (message: Message) => void,
): Tabs<Message> {
  let channel = openChannel(name, world, listen);
  const toRefresh = takeTurns(name, world);
  const atTheDoor = takeTurns(`${name} door`, world);
  return {
    toRefresh,
    toLogIn(work) {
      const deadline = world.timeout(LOGIN_PATIENCE_MILLISECONDS);
      return toRefresh(() => atTheDoor(work, deadline), deadline);
    },
    toLogOut: atTheDoor,
    tell: (message) => channel?.postMessage(message),
    close() {
      channel?.close();
      channel = undefined;
    },
  };
}

/**
 * `undefined` if the browser refuses a channel, as Firefox does in a third-party frame. The tabs then exchange no
 * messages; everything else works.
 */
function openChannel<Message>(name: string, world: Surroundings, listen: (message: Message) => void) {
  try {
    return world.openChannel?.(name, listen);
  } catch {
    return undefined;
  }
}

/** For memory mode, where each tab has its own session and there are no messages. */
export function noTabs(): Tabs<unknown> {
  const atTheDoor = takeTurnsAlone();
  return { toRefresh: (work) => work(), toLogIn: atTheDoor, toLogOut: atTheDoor, tell() {}, close() {} };
}

function takeTurns(name: string, { lock, pause, timeout }: Surroundings): TakeTurn {
  const alone = takeTurnsAlone();
  if (lock === undefined) return alone;
  /** Whether the lock was not granted in time when this tab last asked for it. */
  let isStuck = false;
  return (work, deadline = timeout(PATIENCE_MILLISECONDS)) =>
    new Promise((resolve, reject) => {
      let hasBegun = false;
      const turn = async () => {
        // The lock may be granted after the tab went ahead.
        if (hasBegun) return;
        hasBegun = true;
        await work().then(resolve, reject);
        await pause(HANDOVER_MILLISECONDS);
      };
      const granted = () => {
        isStuck = false;
        return turn();
      };
      const goAhead = () => {
        if (hasBegun) return;
        isStuck = true;
        alone(turn);
      };
      const patience = isStuck || deadline.aborted ? timeout(SECOND_PATIENCE_MILLISECONDS) : deadline;
      patience.addEventListener("abort", goAhead);
      lock(name, patience, granted).catch(goAhead);
    });
}

function takeTurnsAlone(): TakeTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const outcome = last.then(work);
    last = outcome.catch(() => {});
    return outcome;
  };
}
