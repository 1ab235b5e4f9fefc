/** Checks whether the service accepts its configuration values. */

import { statSync } from "node:fs";
import { SECRET_VARIABLES } from "../../config/config.ts";
import { devVarsPath } from "../dev-vars.ts";
import { isAbsent } from "./absent.ts";
import type { Examination, Wish } from "./examination.ts";
import { type Finding, failed, ok, skipped, warning } from "./finding.ts";
import { examineVariables, unknownNames } from "./variables.ts";

const HOW = "docs/configuration.md lists every variable.";

export async function checkConfiguration(examination: Examination): Promise<Finding[]> {
  const { parts, wish, world } = examination;
  const given = await parts.variables;
  if (isAbsent(given)) return [skipped(given.absent, given.remedy)];
  const worker = await parts.worker;
  const { values, secrets } = given;
  const place = wish.kind === "local" ? ".dev.vars or [vars]" : "[vars], or the secrets of the Worker";
  const examined = examineVariables(values);
  const findings =
    "faults" in examined ? examined.faults.map((fault) => failed(fault, `Change it in ${place}. ${HOW}`)) : [];
  for (const name of unknownNames(values))
    findings.push(
      warning(`${name} is not a variable of Postern, which ignores it.`, `Remove it, or correct its name. ${HOW}`),
    );
  const vars = isAbsent(worker) ? {} : worker.vars;
  findings.push(...exposedSecrets(vars, wish.kind, devVarsPath(world.root)));
  if (findings.length > 0) return findings;
  const count = Object.values(values).filter((value) => value !== "").length;
  const rest = " Of secrets only the names are known: the Worker checks their values when it starts.";
  return [ok(`${count} values are set, and the service accepts them.${secrets === "named" ? rest : ""}`)];
}

function exposedSecrets(vars: object, kind: Wish["kind"], path: string): Finding[] {
  const written = SECRET_VARIABLES.filter((name) => Object.hasOwn(vars, name)).map((name) =>
    failed(
      `${name} is a secret, and wrangler.toml shows it.`,
      `Replace it, and set it with \`npx wrangler secret put ${name}\`.`,
    ),
  );
  // Windows has no such file permissions.
  const isReadable = kind === "local" && process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0;
  const advice = warning(
    "Other users of this machine can read .dev.vars, which has secrets.",
    "Run `chmod 600 .dev.vars`.",
  );
  return isReadable ? [...written, advice] : written;
}
