import { type ExecFileOptions, execFile } from "node:child_process";
import { join } from "node:path";
import { TREE } from "./tree-files.ts";

/** Node's arguments before the command's file, as in an npm script. */
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

/**
 * The environment of a user's shell: without the variables of the test run. Only the folder of Node's compile cache
 * stays, to save time.
 */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|NODE_(?!COMPILE_CACHE$)|TEST$|DEV$|PROD$|MODE$|npm_)/.test(name),
  );
  return Object.fromEntries(entries);
}
