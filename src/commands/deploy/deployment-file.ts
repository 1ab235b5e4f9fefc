/**
 * Writes answers and ids into `deployments/<environment>.toml`. The file belongs to the operator: lines are added or
 * replaced one by one, so that comments and everything else stay.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { deploymentPath } from "./configuration.ts";

export function openDeploymentFile(root: string, environment: string) {
  const path = deploymentPath(root, environment);

  function change(edit: (text: string) => string): void {
    const before = existsSync(path) ? readFileSync(path, "utf8") : heading(environment);
    const after = edit(before);
    mkdirSync(dirname(path), { recursive: true });
    // Replaced as a whole: a command that is ended in between leaves the old file.
    writeFileSync(`${path}.new`, after);
    renameSync(`${path}.new`, path);
  }

  return {
    path,
    /** Sets a key above all tables. */
    set(key: string, value: string) {
      change((text) => setKey(text, undefined, key, value));
    },
    /** Sets a variable of the Worker. */
    setVar(name: string, value: string) {
      change((text) => setKey(text, "vars", name, value));
    },
    /** Adds what a binding is bound to. */
    addBinding(list: string, entry: Record<string, string>) {
      const lines = Object.entries(entry).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
      change((text) => `${text.trimEnd()}\n\n[[${list}]]\n${lines.join("")}`);
    },
  };
}

export type DeploymentFile = ReturnType<typeof openDeploymentFile>;

function heading(environment: string): string {
  return `# The configuration of your environment "${environment}". \`npm run deploy -- --env ${environment}\` reads it and adds what
# is missing. It has the syntax of wrangler.toml, and its values win over those there. No secrets belong here.
`;
}

/** The text with this key in this table. JSON's texts are valid in TOML too. */
function setKey(text: string, table: string | undefined, key: string, value: string): string {
  const line = `${key} = ${JSON.stringify(value)}`;
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
