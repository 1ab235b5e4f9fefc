/**
 * The database of a container, reached through a socket on its volume. Postern answers on that socket with D1's own
 * protocol, so every statement runs in the process that has the database file open. A command must not open the file
 * itself: SQLite allows one writer at a time, and workerd does not wait for another one, so its requests would fail.
 */
import { closeSync, existsSync, openSync } from "node:fs";
import { request } from "node:http";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import * as z from "zod";
import { MINUTE } from "../platform/clock.ts";
import { parseJson } from "../platform/encoding.ts";
import { StepFailed } from "./deploy/step-failed.ts";

interface Statement {
  sql: string;
  params: unknown[];
}

/** The answer of workerd's `d1.js`: one member for each statement of the transaction, or an error. */
const answerSchema = z.union([
  z.array(
    z.object({
      results: z.object({ columns: z.array(z.string()), rows: z.array(z.array(z.unknown())) }),
      meta: z.looseObject({}),
    }),
  ),
  z.object({ success: z.literal(false), error: z.string() }),
]);

/** How long to wait for an answer: longer than any statement of a command takes. */
const PATIENCE = 2 * MINUTE;

/** Opens the database of the Postern that runs on the volume in this folder. */
export function openVolume(folder: string) {
  const path = resolve(process.env.INIT_CWD ?? ".", folder);
  const directory = openFolder(path);
  // The path of a socket may have at most 107 bytes, so this one goes through the descriptor of the folder.
  const socket = `/proc/self/fd/${directory}/commands`;
  return {
    DB: databaseBehind((body) => post(socket, body, path)),
    AUDIT_DB: undefined,
    dispose: async () => closeSync(directory),
  };
}

function openFolder(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw explain(error, path);
  }
}

/** Implements the methods of D1 that Drizzle calls. */
function databaseBehind(send: (body: string) => Promise<string>): D1Database {
  const statements = new WeakMap<object, Statement>();

  async function run(batch: (Statement | undefined)[]) {
    const answer = answerSchema.parse(parseJson(await send(JSON.stringify(batch))));
    if (Array.isArray(answer)) return answer.map(({ results, meta }) => ({ success: true, ...results, meta }));
    throw new Error(`D1_ERROR: ${answer.error}`);
  }

  function prepare(statement: Statement): D1PreparedStatement {
    const one = async () => (await run([statement]))[0] ?? { success: true, columns: [], rows: [], meta: {} };
    const all = async () => withObjects(await one());
    const prepared = {
      bind: (...params: unknown[]) => prepare({ ...statement, params }),
      all,
      run: all,
      raw: async () => (await one()).rows,
    } as unknown as D1PreparedStatement;
    statements.set(prepared, statement);
    return prepared;
  }

  return {
    prepare: (sql: string) => prepare({ sql, params: [] }),
    batch: async (batch: D1PreparedStatement[]) =>
      (await run(batch.map((each) => statements.get(each)))).map(withObjects),
  } as unknown as D1Database;
}

function withObjects<Answer extends { columns: string[]; rows: unknown[][] }>({ columns, rows, ...rest }: Answer) {
  return { ...rest, results: rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]]))) };
}

function post(socketPath: string, body: string, folder: string): Promise<string> {
  const path = "/query?resultsFormat=ROWS_AND_COLUMNS";
  return new Promise((done, failed) => {
    const sent = request({ socketPath, path, method: "POST", agent: false, timeout: PATIENCE }, (response) =>
      text(response).then(done, failed),
    );
    sent.once("timeout", () => sent.destroy(new Error("Postern does not answer on its volume.")));
    sent.once("error", (error) => failed(explain(error, folder)));
    sent.end(body);
  });
}

function explain(error: unknown, folder: string): unknown {
  switch (error instanceof Error && "code" in error ? error.code : undefined) {
    case "EACCES":
    case "EPERM":
      return new StepFailed(`This user can't use ${folder}. Run the command as the user who runs Postern there.`);
    case "ENOENT":
    case "ENOTDIR":
    case "ECONNREFUSED":
      return new StepFailed(
        existsSync(join(folder, "d1"))
          ? `Postern does not run on ${folder}. Start it, then run this again: a command works through the service that runs.`
          : `There is no database of Postern in ${folder}. --volume takes the folder that is DATA_DIRECTORY in the container.`,
      );
    default:
      return error;
  }
}
