/** The tabs of one browser that share one session, because they share its cookie: they take turns, and tell each other. */
import type { Surroundings } from "./browser.ts";

/**
 * How long a tab waits for its turn before it goes ahead: another one may have been frozen while it was at work. Longer
 * than a turn that is not, which is a refresh with all its tries.
 */
const PATIENCE_MILLISECONDS = 35_000;
/** How long a turn is held after its end, so that what was told is there before the next turn begins. */
const HANDOVER_MILLISECONDS = 50;

export interface Tabs<Message> {
  /**
   * Does this while no other tab does anything of the kind. Where there are no Web Locks it waits for this tab alone:
   * two tabs that refresh at the same time get the same successor from the service, within 30 s.
   */
  inTurn<Value>(work: () => Promise<Value>): Promise<Value>;
  tell(message: Message): void;
  close(): void;
}

/** Joins the tabs that use the same service. `listen` is handed what they tell. */
export function joinTabs<Message>(
  name: string,
  { lock, openChannel, pause, timeout }: Surroundings,
  listen: (message: Message) => void,
): Tabs<Message> {
  let channel = openChannel?.(name, listen);
  let last: Promise<unknown> = Promise.resolve();
  return {
    inTurn(work) {
      if (lock === undefined) {
        const outcome = last.then(work);
        last = outcome.catch(() => {});
        return outcome;
      }
      return new Promise((resolve, reject) => {
        let hasBegun = false;
        const turn = async () => {
          hasBegun = true;
          await work().then(resolve, reject);
          await pause(HANDOVER_MILLISECONDS);
        };
        lock(name, timeout(PATIENCE_MILLISECONDS), turn).catch(() => (hasBegun ? undefined : turn()));
      });
    },
    tell: (message) => channel?.postMessage(message),
    close() {
      channel?.close();
      channel = undefined;
    },
  };
}

/** Nobody else: each tab has a session of its own. */
export const NO_TABS = { inTurn: <Value>(work: () => Promise<Value>) => work(), tell() {}, close() {} };
