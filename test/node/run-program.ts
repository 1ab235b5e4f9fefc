import { type ExecFileOptions, execFile } from "node:child_process";

/** Runs a program to its end, and returns its exit code and what it wrote. `input` goes into a pipe that stays open. */
export function runProgram(command: string, words: string[], options: ExecFileOptions = {}, input = "") {
  return new Promise<{ code: unknown; output: string }>((done) => {
    const child = execFile(command, words, { ...options, encoding: "utf8" }, (error, stdout, stderr) =>
      done({ code: error?.code ?? 0, output: stdout + stderr }),
    );
    if (input !== "") child.stdin?.write(input);
  });
}
