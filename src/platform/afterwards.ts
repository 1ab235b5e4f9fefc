/** Work that may wait until the request is answered, so that nobody waits for it, nor learns by the time that there was any. */
export class Afterwards {
  readonly #noted: (() => Promise<void>)[] = [];

  /** Whether anything was noted. */
  get isEmpty(): boolean {
    return this.#noted.length === 0;
  }

  /** Notes work for later. It must not throw: there is nobody left to tell. */
  note(work: () => Promise<void>): void {
    this.#noted.push(work);
  }

  /** Does it all, and what is noted meanwhile. */
  async run(): Promise<void> {
    while (!this.isEmpty) await Promise.all(this.#noted.splice(0).map((work) => work()));
  }
}
