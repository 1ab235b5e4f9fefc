/**
 * Writes answers and ids into `deployments/<environment>.toml`. The file belongs to the operator: only single lines are
 * added or replaced, so that comments and all other lines stay.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { systemClock } from "../../platform/clock.ts";
import { createId, systemRandom } from "../../platform/random.ts";
import { deploymentPath } from "./environments.ts";
import { StepFailed } from "./step-failed.ts";
import { isTable, readToml, type Table } from "./tables.ts";

export function openDeploymentFile(root: string, environment: string) {
  const path = deploymentPath(root, environment);

  /** `isDone` checks the changed file as TOML, because the new line may have landed inside a multi-line string. */
  async function change(
    what: string,
    edit: (text: string) => string,
    isDone: (table: Table) => boolean,
    triesLeft = 5,
  ): Promise<void> {
    const before = readIfThere(path);
    mkdirSync(dirname(path), { recursive: true });
    const draft = writeDraft(path, edit(before ?? heading(environment)));
    try {
      // Fails, for example, if the operator has written the table or the list in one line.
      if (!(await isReadAs(draft, isDone)))
        throw new StepFailed(`${relative(root, path)} could not be changed. Add this to it yourself:\n\n${what}`);
      // Another run may have changed the file meanwhile.
      if (readIfThere(path) === before) return renameSync(draft, before === undefined ? path : realpathSync(path));
    } finally {
      rmSync(draft, { force: true });
    }
    if (triesLeft === 0)
      throw new StepFailed(`${relative(root, path)} changes all the time. Does another run write to it?`);
    return change(what, edit, isDone, triesLeft - 1);
  }

  return {
    path,
    /** The path in messages to the operator, relative to the checkout. */
    shown: relative(root, path),
    /** Sets a top-level key. */
    set(key: string, value: string) {
      const isDone = (table: Table) => holds(table, { [key]: value });
      return change(lineOf(key, value), (text) => setKey(text, undefined, key, value), isDone);
    },
    /** Sets a variable of the Worker. */
    setVar(name: string, value: string) {
      const isDone = (table: Table) => holds(table, { vars: { [name]: value } });
      return change(`vars.${lineOf(name, value)}`, (text) => setKey(text, "vars", name, value), isDone);
    },
    /** Adds an entry to a list of bindings. */
    addBinding(list: string, entry: Record<string, string>) {
      const lines = Object.entries(entry).map(([key, value]) => `${lineOf(key, value)}\n`);
      const block = `[[${list}]]\n${lines.join("")}`;
      const isDone = ({ [list]: all }: Table) => Array.isArray(all) && holds(all.at(-1), entry);
      return change(block, (text) => `${text.trimEnd()}\n\n${block}`, isDone);
    },
  };
}

export type DeploymentFile = ReturnType<typeof openDeploymentFile>;

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/**
 * Writes the changed text to a new file beside the old one, with the same permissions. If the command is interrupted,
 * the old file is still whole.
 */
function writeDraft(path: string, text: string): string {
  const draft = join(dirname(path), `.${createId(systemClock.now(), systemRandom)}.toml`);
  writeFileSync(draft, text, { flag: "wx", ...(existsSync(path) ? { mode: statSync(path).mode } : {}) });
  return draft;
}

async function isReadAs(path: string, isDone: (table: Table) => boolean): Promise<boolean> {
  try {
    return isDone(await readToml(path));
  } catch {
    return false;
  }
}

/** Whether a table has these values, and maybe others. */
function holds(table: unknown, values: Table): boolean {
  if (!isTable(table)) return false;
  return Object.entries(values).every(([key, value]) =>
    isTable(value) ? holds(table[key], value) : table[key] === value,
  );
}

function heading(environment: string): string {
  return `# The configuration of your environment "${environment}". \`npm run deploy -- --env ${environment}\` reads it and adds what
# is missing. It has the syntax of wrangler.toml, and its values win over those there. No secrets belong here.
`;
}

/** A JSON string is a valid TOML string too. */
function lineOf(key: string, value: string): string {
  return `${key} = ${JSON.stringify(value)}`;
}

/** Returns the text with `key` set in `table`, or at the top level if `table` is `undefined`. */
function setKey(text: string, table: string | undefined, key: string, value: string): string {
  const line = lineOf(key, value);
  const lines = text.trimEnd().split("\n");
  const isHeader = (one: string) => /^\s*\[/.test(one);
  const header = lines.findIndex((one) => isHeader(one) && one.trim().startsWith(`[${table}]`));
  if (table !== undefined && header === -1) return `${lines.join("\n")}\n\n[${table}]\n${line}\n`;
  const start = table === undefined ? 0 : header + 1;
  const next = lines.findIndex((one, index) => index >= start && isHeader(one));
  const end = next === -1 ? lines.length : next;
  const at = lines.findIndex((one, index) => index >= start && index < end && one.split("=")[0]?.trim() === key);
  if (at !== -1) return `${lines.with(at, line).join("\n")}\n`;
  const last = lines.findLastIndex((one, index) => index < end && one.trim() !== "");
  return `${lines.toSpliced(last + 1, 0, line).join("\n")}\n`;
}
