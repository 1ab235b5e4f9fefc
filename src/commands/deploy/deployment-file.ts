/**
 * Writes answers and ids into `deployments/<environment>.toml`. The file belongs to the operator: lines are added or
 * replaced one by one, so that comments and everything else stay.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { deploymentPath, readToml } from "./configuration.ts";
import { StepFailed } from "./step-failed.ts";

export function openDeploymentFile(root: string, environment: string) {
  const path = deploymentPath(root, environment);

  async function change(what: string, edit: (text: string) => string): Promise<void> {
    const before = existsSync(path) ? readFileSync(path, "utf8") : heading(environment);
    const after = edit(before);
    mkdirSync(dirname(path), { recursive: true });
    // Replaced as a whole: a command that is ended in between leaves the old file.
    const draft = path.replace(/\.toml$/, ".new.toml");
    writeFileSync(draft, after);
    try {
      await readToml(draft);
      renameSync(draft, path);
    } catch {
      // For example where the operator has written the table or the list in one line.
      throw new StepFailed(`${relative(root, path)} could not be changed. Add this to it yourself:\n\n${what}`);
    } finally {
      rmSync(draft, { force: true });
    }
  }

  return {
    path,
    /** As the operator reads it. */
    shown: relative(root, path),
    /** Sets a key above all tables. */
    set(key: string, value: string) {
      return change(lineOf(key, value), (text) => setKey(text, undefined, key, value));
    },
    /** Sets a variable of the Worker. */
    setVar(name: string, value: string) {
      return change(`vars.${lineOf(name, value)}`, (text) => setKey(text, "vars", name, value));
    },
    /** Adds what a binding is bound to. */
    addBinding(list: string, entry: Record<string, string>) {
      const lines = Object.entries(entry).map(([key, value]) => `${lineOf(key, value)}\n`);
      const block = `[[${list}]]\n${lines.join("")}`;
      return change(block, (text) => `${text.trimEnd()}\n\n${block}`);
    },
  };
}

export type DeploymentFile = ReturnType<typeof openDeploymentFile>;

function heading(environment: string): string {
  return `# The configuration of your environment "${environment}". \`npm run deploy -- --env ${environment}\` reads it and adds what
# is missing. It has the syntax of wrangler.toml, and its values win over those there. No secrets belong here.
`;
}

/** JSON's texts are valid in TOML too. */
function lineOf(key: string, value: string): string {
  return `${key} = ${JSON.stringify(value)}`;
}

/** The text with this key in this table. */
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
