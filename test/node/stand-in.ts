/** A tree with a stand-in for wrangler: the command under test runs in this process, and wrangler is a short script. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Place } from "../../src/commands/flags.ts";
import type { Surroundings } from "../../src/commands/surroundings.ts";

export interface Tree extends Surroundings {
  /** Everything that the command has printed so far. */
  said(): string;
  complained(): string;
  /** The arguments of each call of the stand-in. */
  calls(): string[][];
  /** The questions that were asked, each with its kind. */
  asked: string[];
  /** The places whose databases the command has opened. */
  places: Place[];
  stopNow(): void;
}

/**
 * An empty tree, which is deleted when the test ends. `script` is the code that the stand-in runs after it has recorded
 * its arguments. In it, `call` is the number of the current call. `answers` are what the person types at questions. The
 * command always gets `database`, whichever database it asks for. Without `database`, the command can't open any.
 */
export function makeTree(
  script?: string,
  answers: string[] = [],
  database?: { DB: D1Database; AUDIT_DB?: D1Database | undefined },
): Tree {
  const root = mkdtempSync(join(tmpdir(), "postern-commands-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, "node_modules", "wrangler", "bin");
  const notes = join(root, "calls");
  writeFileSync(notes, "");
  if (script !== undefined) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, "wrangler.js"),
      `const fs = require("node:fs"), http = require("node:http"), args = process.argv.slice(2);
       fs.appendFileSync(${JSON.stringify(notes)}, JSON.stringify(args) + "\\n");
       const call = fs.readFileSync(${JSON.stringify(notes)}, "utf8").trim().split("\\n").length;
       const port = Number((args.find((arg) => arg.startsWith("--port=")) ?? "").slice(7));
       const tellReady = (ip = "localhost") => process.send(JSON.stringify({ event: "DEV_SERVER_READY", ip, port }));
       ${script}`,
    );
  }
  const said: string[] = [];
  const complained: string[] = [];
  const asked: string[] = [];
  const places: Place[] = [];
  const stopping = new AbortController();
  return {
    root,
    isTerminal: true,
    stop: stopping.signal,
    say: (text) => said.push(text),
    show: (text) => said.push(`${text}\n`),
    complain: (text) => complained.push(text),
    async ask(question, kind) {
      asked.push(`${question}${kind ?? ""}`);
      return answers.shift();
    },
    hideTyping() {},
    async openD1(place) {
      places.push(place);
      if (database === undefined) throw new Error("D1_ERROR: no such table: users: SQLITE_ERROR");
      return { ...database, dispose: async () => {} };
    },
    asked,
    places,
    said: () => said.join(""),
    complained: () => complained.join(""),
    calls: () =>
      readFileSync(notes, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line)),
    stopNow: () => stopping.abort(),
  };
}
