/** What a request leaves for later, when it is answered: nobody waits for it, nor learns by the time that there was any. */
import { describeError, writeLog } from "./log.ts";

export class AfterResponse {
  readonly #noted: (() => Promise<void>)[] = [];

  /** Whether anything is left to do. */
  get isEmpty(): boolean {
    return this.#noted.length === 0;
  }

  /** Notes work for later. */
  add(work: () => Promise<void>): void {
    this.#noted.push(work);
  }

  /** Does it all, and what is noted meanwhile. What fails is logged, and keeps nothing else from being done. */
  async run(): Promise<void> {
    while (!this.isEmpty) await Promise.all(this.#noted.splice(0).map(doOrLog));
  }
}

async function doOrLog(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    writeLog("error", { event: "after_response_failed", error: describeError(error) });
  }
}
