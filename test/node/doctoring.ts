/** Runs `npm run doctor` in this process, one check at a time. Also provides services that misbehave. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import * as z from "zod";
import { CHECKS } from "../../src/commands/doctor/checks.ts";
import type { Tools } from "../../src/commands/doctor/examination.ts";
import { doctor } from "../../src/commands/doctor.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { VERSION } from "../../src/version.ts";
import { makeTree, type Tree } from "./stand-in.ts";
import { TREE } from "./tree-files.ts";

const status = z.enum(["ok", "warning", "failed", "skipped"]);

/** The document of `--json`, exactly as docs/doctor.md describes it. */
export const reportSchema = z.strictObject({
  version: z.string(),
  target: z.strictObject({ kind: z.enum(["local", "deployed", "url"]), url: z.string().nullable() }),
  status: status.exclude(["skipped"]),
  findings: z.array(z.strictObject({ check: z.string(), status, message: z.string(), remedy: z.string().nullable() })),
});

const TOOLS: Tools = { clock: systemClock, random: systemRandom, env: {} };

export const SECRET = "kPz2mJu6gLs9dFa4iTqRvBHt5Xo1bQy8cNw3kVe7r";
export const DEV_VARS = `ENVIRONMENT=development\nAUTH_SECRET=${SECRET}\n`;

/** A new tree with `.dev.vars` and the repository's `wrangler.toml`, whose text `change` can change. */
export function makeConfigured(
  change: (toml: string) => string = (toml) => toml,
  vars = DEV_VARS,
  ...more: Parameters<typeof makeTree>
) {
  const tree = makeTree(...more);
  writeFileSync(join(tree.root, "wrangler.toml"), change(readFileSync(join(TREE, "wrangler.toml"), "utf8")));
  writeFileSync(join(tree.root, ".dev.vars"), vars, { mode: 0o600 });
  return tree;
}

/** Runs one check, and returns what it found. */
export async function examine(name: string, argv: string[], world: Tree, tools: Partial<Tools> = {}, timeout?: number) {
  const checks = CHECKS.filter((check) => check.name === name);
  if (checks.length !== 1) throw new Error(`There is no check ${name}.`);
  const limited = checks.map((check) => (timeout === undefined ? check : { ...check, timeout }));
  const before = world.said().length;
  const code = await doctor([...argv, "--json"], world, { ...TOOLS, ...tools }, limited);
  const { findings } = reportSchema.parse(JSON.parse(world.said().slice(before)));
  return { code, findings, lines: findings.map((each) => `${each.status}: ${each.message} → ${each.remedy}`) };
}

type Respond = (request: IncomingMessage, response: ServerResponse) => void;
/** For each path, the body of the answer or a function that answers. */
type Routes = Record<string, unknown>;

export const answer =
  (body: unknown, code = 200, headers: Record<string, string> = {}): Respond =>
  (_, response) =>
    void response.writeHead(code, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));

/** Starts a server that answers as Postern does, unless `routes` says otherwise. It stops when the test ends. */
export async function startStandIn(routes: Routes = {}): Promise<string> {
  const server = createServer((request, response) => {
    const route = all[request.url ?? ""] ?? answer({ code: "not_found" }, 404);
    if (typeof route === "function") route(request, response);
    else answer(route)(request, response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  const all: Routes = {
    "/": { version: VERSION, registration: "open", challenge: null, links: { jwks: `${origin}/jwks` } },
    "/health": { status: "ok", version: VERSION },
    "/.well-known/oauth-authorization-server": { issuer: origin },
    ...routes,
  };
  return origin;
}
