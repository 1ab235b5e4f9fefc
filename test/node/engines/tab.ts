/** One tab of a browser of any engine, with the few actions that a walk through the pages needs. */
import { setTimeout as pause } from "node:timers/promises";

/** How long a page may take for one step. */
const PATIENCE_MILLISECONDS = 60_000;

export interface Tab {
  open(url: string): Promise<void>;
  /** Types into a field that is empty. */
  type(selector: string, text: string): Promise<void>;
  click(selector: string): Promise<void>;
  /** The value of an expression in the page, or what its promise resolves to. */
  evaluate<Value>(expression: string): Promise<Value>;
  /** The errors of the pages, as far as the engine reports them. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** Waits until an expression in the page is true. Ignores errors: a page that is being replaced can't evaluate it. */
export async function until(tab: Tab, expression: string): Promise<void> {
  const end = Date.now() + PATIENCE_MILLISECONDS;
  let last: unknown;
  while (Date.now() < end) {
    try {
      last = await tab.evaluate(expression);
      if (last === true) return;
    } catch (error) {
      last = error;
    }
    await pause(50);
  }
  const seen = await tab.evaluate<string>("location.href + ': ' + document.body.innerText").catch(String);
  throw new Error(`"${expression}" did not become true. At last: ${last}. ${seen}`);
}

/** Waits until an element can be seen and used. */
export async function untilThere(tab: Tab, selector: string): Promise<void> {
  const element = `document.querySelector(${JSON.stringify(selector)})`;
  await until(tab, `${element} !== null && ${element}.getClientRects().length > 0 && !${element}.disabled`);
}
