/** The tabs of a browser that share a session because they share its cookie. They take turns and exchange messages. */
import type { Surroundings } from "./browser.ts";

/**
 * How long a tab waits for its turn before it goes ahead, since the tab at work may have been frozen. Longer than any
 * normal turn: a refresh with all its tries, or a login that waits for a log-out and checks its cookie, 2 · 15 + 4 s.
 */
const PATIENCE_MILLISECONDS = 35_000;
/** How long a turn is held after its work ends, so that its messages arrive before the next turn begins. */
const HANDOVER_MILLISECONDS = 50;

/**
 * Runs `work` while no other tab runs work of the same kind. Without Web Locks, or if they are refused, it only waits
 * for work in this tab.
 */
type TakeTurn = <Value>(work: () => Promise<Value>) => Promise<Value>;

export interface Tabs<Message> {
  /**
   * For refreshes, and for logins, which a refresh must not overtake. If two tabs refresh at the same time because
   * there are no Web Locks, the service gives both the same successor within 30 s.
   */
  inTurn: TakeTurn;
  /** For logins and log-outs: the response to a log-out deletes the cookie, even if it belongs to a newer session. */
  atTheDoor: TakeTurn;
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
  return {
    inTurn: takeTurns(name, world),
    atTheDoor: takeTurns(`${name} door`, world),
    tell: (message) => channel?.postMessage(message),
    close() {
      channel?.close();
      channel = undefined;
    },
  };
}

/**
 * `undefined` if the browser refuses, as Firefox does in a third-party frame. Then there are no messages between tabs;
 * all else works.
 */
function openChannel<Message>(name: string, world: Surroundings, listen: (message: Message) => void) {
  try {
    return world.openChannel?.(name, listen);
  } catch {
    return undefined;
  }
}

/** Without other tabs: in memory mode each tab has its own session. */
export function noTabs(): Tabs<unknown> {
  return { inTurn: (work) => work(), atTheDoor: takeTurnsAlone(), tell() {}, close() {} };
}

function takeTurns(name: string, { lock, pause, timeout }: Surroundings): TakeTurn {
  const alone = takeTurnsAlone();
  if (lock === undefined) return alone;
  return (work) =>
    new Promise((resolve, reject) => {
      let hasBegun = false;
      const turn = async () => {
        hasBegun = true;
        await work().then(resolve, reject);
        await pause(HANDOVER_MILLISECONDS);
      };
      lock(name, timeout(PATIENCE_MILLISECONDS), turn).catch(() => (hasBegun ? undefined : alone(turn)));
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
