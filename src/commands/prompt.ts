/** Questions to the person at the terminal. Without a terminal the answers are read from the input, line by line. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/**
 * Asks for one line. At a terminal the answer to a secret question is not shown, and must be typed twice. A known
 * secret is typed once, because the command can check it. `undefined` if the input has ended or the person gave up.
 */
export type Ask = (question: string, kind?: "secret" | "known-secret") => Promise<string | undefined>;

type Input = NodeJS.ReadableStream & { isTTY?: boolean };

export function createAsk(input: Input, output: NodeJS.WritableStream, stop: AbortSignal): Ask {
  let piped: AsyncIterator<string> | undefined;

  async function readPiped(): Promise<string | undefined> {
    piped ??= createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
    input.resume();
    const line = await piped.next();
    // A pipe that stays open must not keep the command from ending.
    input.pause();
    return line.done ? undefined : line.value;
  }

  async function readTyped(question: string, isSecret: boolean): Promise<string | undefined> {
    if (isSecret) output.write(question);
    const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
    const terminal = createInterface({ input, output: isSecret ? silence : output, terminal: true });
    const over = new AbortController();
    const giveUp = () => over.abort();
    terminal.on("SIGINT", giveUp).on("close", giveUp);
    stop.addEventListener("abort", giveUp);
    try {
      // Readline draws the line again while the person types, so it must know the question.
      return await terminal.question(isSecret ? "" : question, { signal: over.signal });
    } catch {
      // The person gave up.
      return undefined;
    } finally {
      stop.removeEventListener("abort", giveUp);
      terminal.close();
      if (isSecret) output.write("\n");
    }
  }

  return async (question, kind) => {
    if (stop.aborted) return undefined;
    if (!input.isTTY) return readPiped();
    if (kind !== "secret") return readTyped(question, kind === "known-secret");
    for (;;) {
      const first = await readTyped(question, true);
      const second = first === undefined ? undefined : await readTyped("Once more: ", true);
      if (second === undefined || first === second) return second;
      output.write("The two do not match.\n");
    }
  };
}
