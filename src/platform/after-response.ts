/**
 * Work that a request does only after its response was sent. The client does not wait for this work, and the response
 * time does not show whether there was any.
 */
import { describeError, writeLog } from "./log.ts";

export class AfterResponse {
  readonly #noted: (() => Promise<void>)[] = [];

  /** Whether anything is left to do. */
  get isEmpty(): boolean {
    return this.#noted.length === 0;
  }

  /** Adds work to do after the response. */
  add(work: () => Promise<void>): void {
    this.#noted.push(work);
  }

  /** Does all the work, including what is added in the meantime. A failure is logged and does not affect the rest. */
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
