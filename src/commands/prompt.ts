/** Questions to the person at the terminal. Without a terminal the answers are read from the input, line by line. */
import { createInterface } from "node:readline";
import { Writable } from "node:stream";

/**
 * Asks for one line. At a terminal, the answer to a secret question is not shown and must be typed twice. The answer to
 * a question for a known secret is typed once, because the command can check it. Returns `undefined` if the input has
 * ended or the person gave up.
 */
export type Ask = (question: string, kind?: "secret" | "known-secret") => Promise<string | undefined>;

type Input = NodeJS.ReadableStream & { isTTY?: boolean; ref?(): unknown; unref?(): unknown };

/** `interrupt` does what Ctrl-C should do while no question is being asked. */
export function createAsk(
  input: Input,
  output: NodeJS.WritableStream,
  stop: AbortSignal,
  interrupt: () => void = interruptAll,
): Ask & { hideTyping(): void } {
  let keyboard: ReturnType<typeof openKeyboard> | undefined;
  let piped: AsyncIterator<string> | undefined;
  const stopped = new Promise<undefined>((resolve) => stop.addEventListener("abort", () => resolve(undefined)));

  function readTyped(question: string, isSecret: boolean): Promise<string | undefined> {
    keyboard ??= openKeyboard(input, output, stop, interrupt);
    return keyboard.read(question, isSecret);
  }

  async function readPiped(): Promise<string | undefined> {
    piped ??= createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
    input.resume();
    const line = await Promise.race([piped.next(), stopped]);
    // A pipe that stays open must not keep the command from ending.
    input.pause();
    return line === undefined || line.done ? undefined : line.value;
  }

  const ask: Ask = async (question, kind) => {
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
  return Object.assign(ask, {
    /** From now on the terminal shows nothing that is typed, except the answer to a question that is not secret. */
    hideTyping() {
      if (input.isTTY) keyboard ??= openKeyboard(input, output, stop, interrupt);
    },
  });
}

/**
 * Opens the terminal once for all questions. If the terminal were closed between two questions, it would show text that
 * is typed too early, which may be a secret. Lines that are typed early answer the next questions. Node restores the
 * terminal when the process ends.
 */
function openKeyboard(input: Input, output: NodeJS.WritableStream, stop: AbortSignal, interrupt: () => void) {
  let isShown = false;
  let isClosed = false;
  let answer: ((line: string | undefined) => void) | undefined;
  const early: string[] = [];
  const screen = new Writable({
    write(chunk, _encoding, done) {
      if (isShown) output.write(chunk);
      done();
    },
  });
  // No history, so that the arrow keys don't bring back a secret.
  const terminal = createInterface({ input, output: screen, terminal: true, historySize: 0 });
  // The process keeps running only while a question is being asked.
  input.unref?.();

  function settle(line: string | undefined): void {
    isShown = false;
    input.unref?.();
    answer?.(line);
    answer = undefined;
  }
  terminal.on("line", (line) => (answer === undefined ? early.push(line) : settle(line)));
  terminal.on("SIGINT", () => (answer === undefined ? interrupt() : settle(undefined)));
  terminal.on("close", () => {
    isClosed = true;
    settle(undefined);
  });
  stop.addEventListener("abort", () => settle(undefined));

  return {
    async read(question: string, isSecret: boolean): Promise<string | undefined> {
      if (isClosed) return undefined;
      const isEarly = early.length > 0;
      const isUnseen = isSecret || isEarly;
      if (isUnseen) output.write(question);
      const line = isEarly ? early.shift() : await waitFor(question, isSecret);
      if (isUnseen) output.write("\n");
      return line;
    },
  };

  function waitFor(question: string, isSecret: boolean): Promise<string | undefined> {
    const waiting = new Promise<string | undefined>((resolve) => {
      answer = resolve;
    });
    input.ref?.();
    isShown = !isSecret;
    // Readline draws the line again while the person types, so it must know the question.
    terminal.setPrompt(isSecret ? "" : question);
    terminal.prompt(true);
    return waiting;
  }
}

/** Sends SIGINT to the process group, as Ctrl-C usually does. In a terminal in raw mode, Ctrl-C is only a key. */
function interruptAll(): void {
  process.kill(0, "SIGINT");
}
