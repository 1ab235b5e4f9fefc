/** The tabs of one browser that share one session, because they share its cookie: they take turns, and tell each other. */
import type { Surroundings } from "./browser.ts";

/**
 * How long a tab waits for its turn before it goes ahead: another one may have been frozen while it was at work. Longer
 * than a turn that is not: a refresh with all its tries, or a login that waits for a logout, 2 · 15 s.
 */
const PATIENCE_MILLISECONDS = 35_000;
/** How long a turn is held after its end, so that what was told is there before the next turn begins. */
const HANDOVER_MILLISECONDS = 50;

/**
 * Does this while no other tab does anything of the kind. Where there are no Web Locks, or they are refused, it waits for
 * this tab alone.
 */
type TakeTurn = <Value>(work: () => Promise<Value>) => Promise<Value>;

export interface Tabs<Message> {
  /**
   * For a refresh, and for a login, which must not be overtaken by one. Two tabs that refresh at the same time for want of
   * Web Locks get the same successor from the service, within 30 s.
   */
  inTurn: TakeTurn;
  /** For whoever enters or leaves: the answer to a logout takes the cookie away, whoever has it by then. */
  atTheDoor: TakeTurn;
  tell(message: Message): void;
  close(): void;
}

/** Joins the tabs that use the same service. `listen` is handed what they tell. */
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

/** Nothing where the browser refuses, as Firefox does to a foreign frame: the others are not reached, and that is all. */
function openChannel<Message>(name: string, world: Surroundings, listen: (message: Message) => void) {
  try {
    return world.openChannel?.(name, listen);
  } catch {
    return undefined;
  }
}

/** Nobody else: each tab has a session of its own, which no answer takes from another. */
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
