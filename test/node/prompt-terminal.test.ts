/** What a terminal shows while a command asks for secrets: a fake terminal, and a real one that `script` makes. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createAsk } from "../../src/commands/prompt.ts";
import { eventually } from "../support/eventually.ts";
import { makeLocalDatabase } from "./local-database.ts";
import { AS_SCRIPT } from "./run-program.ts";

const SECRET = "correct horse battery staple";
/** From the package bsdutils, which every Debian has. */
const SCRIPT = "/usr/bin/script";

/** A fake terminal. `modes` records each change of its raw mode, in which a terminal shows nothing that is typed. */
function makeTerminal() {
  const modes: boolean[] = [];
  const references: string[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode(mode: boolean) {
      modes.push(mode);
      return this;
    },
    ref: () => references.push("ref"),
    unref: () => references.push("unref"),
  });
  const output = new PassThrough();
  const interrupt = vi.fn();
  const stopping = new AbortController();
  const ask = createAsk(input, output, stopping.signal, interrupt);
  return {
    ask,
    input,
    interrupt,
    modes,
    references,
    stopNow: () => stopping.abort(),
    shown: () => String(output.read() ?? ""),
  };
}

/** Gives readline time to handle what was written. */
const settled = () => pause(20);

describe("what is typed at a terminal", () => {
  it("stays hidden between a question and a secret one, and answers it", async () => {
    const { ask, input, modes, shown } = makeTerminal();
    const email = ask("Email: ");
    input.write(`ada@example.com\r${SECRET}\r${SECRET}\r`);
    expect(await email).toBe("ada@example.com");
    await settled();
    expect(await ask("Password: ", "secret")).toBe(SECRET);
    const text = shown();
    expect(text).toContain("ada@example.com");
    expect(text).toMatch(/Password: \nOnce more: \n$/);
    expect(text).not.toContain("horse");
    expect(modes).toEqual([true]);
  });

  it("stays hidden before the first question once the command has begun", async () => {
    const { ask, input, modes, shown } = makeTerminal();
    ask.hideTyping();
    ask.hideTyping();
    expect(modes).toEqual([true]);
    input.write(`${SECRET}\r${SECRET}`);
    await settled();
    expect(shown()).toBe("");
    const answer = ask("Password: ", "secret");
    input.write("\r");
    expect(await answer).toBe(SECRET);
    expect(shown()).not.toContain("horse");
  });

  it("is not shown when a whole line of it came before a question whose answer is shown", async () => {
    const { ask, input, shown } = makeTerminal();
    ask.hideTyping();
    input.write(`${SECRET}\r`);
    await settled();
    expect(await ask("Email: ")).toBe(SECRET);
    expect(shown()).toBe("Email: \n");
  });

  it("comes back with no arrow key at a later question", async () => {
    const { ask, input, shown } = makeTerminal();
    const secret = ask("Secret: ", "known-secret");
    input.write(`${SECRET}\r`);
    await secret;
    const answer = ask("Email: ");
    input.write("\u001b[A\u001b[A\r");
    expect(await answer).toBe("");
    expect(shown()).not.toContain("horse");
  });

  it("keeps the process running only while a question waits", async () => {
    const { ask, input, references } = makeTerminal();
    ask.hideTyping();
    const answer = ask("Email: ");
    expect(references).toEqual(["unref", "ref"]);
    input.write("ada@example.com\r");
    await answer;
    expect(references.at(-1)).toBe("unref");
  });

  it("means Ctrl-C between questions, too, and gives up a question that waits", async () => {
    const { ask, input, interrupt } = makeTerminal();
    ask.hideTyping();
    input.write("\u0003");
    await settled();
    expect(interrupt).toHaveBeenCalledOnce();
    const answer = ask("Password: ", "secret");
    input.write("\u0003");
    expect(await answer).toBeUndefined();
    expect(interrupt).toHaveBeenCalledOnce();
  });

  it("ends with Ctrl-D, also for the questions after it", async () => {
    const { ask, input } = makeTerminal();
    const answer = ask("Email: ");
    input.write("\u0004");
    expect(await answer).toBeUndefined();
    expect(await ask("Password: ", "secret")).toBeUndefined();
  });

  it("is not waited for once the command is to stop", async () => {
    const { ask, stopNow } = makeTerminal();
    const answer = ask("Password: ", "known-secret");
    stopNow();
    expect(await answer).toBeUndefined();
  });

  it("is not waited for once the command is to stop, from a pipe that stays open", async () => {
    const stopping = new AbortController();
    const answer = createAsk(new PassThrough(), new PassThrough(), stopping.signal)("Password: ", "secret");
    stopping.abort();
    expect(await answer).toBeUndefined();
  });

  it("is left alone where the input is no terminal", () => {
    const input = new PassThrough();
    createAsk(input, new PassThrough(), new AbortController().signal).hideTyping();
    expect(input.listenerCount("data")).toBe(0);
  });
});

const database = await makeLocalDatabase();

describe.skipIf(!existsSync(SCRIPT))("a command at a real terminal", () => {
  /** Runs the command in a separate terminal. */
  function run(...flags: string[]) {
    const command = join(import.meta.dirname, "../../src/commands/create-admin.ts");
    const line = [process.execPath, ...AS_SCRIPT, command, database.flag, ...flags]
      .map((word) => `'${word}'`)
      .join(" ");
    const child = spawn(SCRIPT, ["-qfec", line, "/dev/null"], { stdio: ["pipe", "pipe", "pipe"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    let shown = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      shown += text;
    });
    const ended = new Promise<number | null>((done) => child.once("close", done));
    const shows = (text: string) => vi.waitFor(() => expect(shown).toContain(text), { timeout: 60_000, interval: 20 });
    return { type: (text: string) => child.stdin.write(text), shown: () => shown, ended, shows };
  }

  it("shows no password that is pasted together with the email address", async () => {
    const work = run();
    await work.shows("Email: ");
    work.type(`pasted@example.com\r${SECRET}\r${SECRET}\r`);
    expect(await work.ended, work.shown()).toBe(0);
    expect(work.shown()).toContain("pasted@example.com is a superuser now");
    expect(work.shown()).not.toContain("horse");
    expect(database.rows("SELECT is_superuser FROM users WHERE email = 'pasted@example.com'")).toHaveLength(1);
  });

  it("shows no password that is typed while the database is being opened, and ends with Ctrl-C meanwhile", async () => {
    const work = run();
    await work.shows("Email: ");
    work.type("early@example.com\r");
    await eventually(() => expect(work.shown()).toMatch(/early@example\.com\s/));
    work.type(`${SECRET}\r`);
    await work.shows("Once more: ");
    work.type("\u0003");
    expect(await work.ended).not.toBe(0);
    expect(work.shown()).not.toContain("horse");
    expect(database.rows("SELECT id FROM users WHERE email = 'early@example.com'")).toEqual([]);

    const other = run("--email=stopped@example.com");
    await pause(1_500);
    other.type("\u0003");
    expect(await other.ended).not.toBe(0);
  });
});
