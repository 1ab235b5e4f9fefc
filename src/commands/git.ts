import { execFile } from "node:child_process";

/** Runs git with these arguments. `text` is git's output or, if git failed, its error message. */
export type Git = (...words: string[]) => Promise<{ code: number; text: string }>;

/** Returns a function that runs git in this folder. */
export function gitIn(folder: string): Git {
  return (...words) =>
    new Promise((done) => {
      execFile("git", words, { cwd: folder, encoding: "utf8" }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        const text = code === 0 ? stdout : stderr || stdout || String(error);
        done({ code, text: text.trimEnd() });
      });
    });
}
