import { type ExecFileOptions, execFile } from "node:child_process";
import { join } from "node:path";
import { TREE } from "./tree-files.ts";

/** The words before a command's file with which its npm script starts it. */
export const AS_SCRIPT = ["-r", join(TREE, "src/commands/installed.cjs")];

/** Runs a program to its end, and returns its exit code and what it wrote. `input` goes into a pipe that stays open. */
export function runProgram(command: string, words: string[], options: ExecFileOptions = {}, input = "") {
  return new Promise<{ code: unknown; output: string }>((done) => {
    const child = execFile(command, words, { ...options, encoding: "utf8" }, (error, stdout, stderr) =>
      done({ code: error?.code ?? 0, output: stdout + stderr }),
    );
    if (input !== "") child.stdin?.write(input);
  });
}

/** What a user's shell has: nothing that belongs to the test run, but where compiled code is kept, to save time. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|NODE_(?!COMPILE_CACHE$)|TEST$|DEV$|PROD$|MODE$|npm_)/.test(name),
  );
  return Object.fromEntries(entries);
}
