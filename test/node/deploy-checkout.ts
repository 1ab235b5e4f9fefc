/** A checkout for `npm run deploy` whose wrangler is a stand-in, and the answers that a deployment needs. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { vi } from "vitest";
import type { Outside } from "../../src/commands/deploy/setting.ts";
import { deploy } from "../../src/commands/deploy.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { VERSION } from "../../src/version.ts";
import { TOKEN } from "./cloudflare-stand-in.ts";
import { makeTree } from "./stand-in.ts";
import { deployScript } from "./wrangler-stand-in.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** What a person types for a service that sends emails with Resend. */
export const ANSWERS = ["", "Example", "resend", "Example <no-reply@example.com>", "re_123456789", ""];

/** Environment variables that answer every question in a run without a terminal. */
export const VALUES = {
  MAIL_TRANSPORT: "resend",
  MAIL_FROM: "no-reply@example.com",
  RESEND_API_KEY: "re_123456789",
  AUTH_SECRET: "W4bq0Wb1xN1w9nYcQm7Jt3LZkEoU5sHrVd8TgAfC2iPjXy6B",
};

export const give = (values: Record<string, string>) => {
  for (const [name, value] of Object.entries(values)) vi.stubEnv(name, value);
};

export interface Wish {
  answers?: string[];
  isTerminal?: boolean;
  /** The database that the smoke test uses. Without it, the smoke test fails. */
  database?: { DB: D1Database };
  outside?: Outside;
}

/** A checkout in which wrangler is a stand-in that makes the same calls. */
export function makeCheckout({
  answers = [],
  isTerminal = answers.length > 0,
  database,
  outside = { ...CANNED, pause: async () => {}, random: systemRandom },
}: Wish = {}) {
  const tree = makeTree(deployScript(TOKEN), [...answers], database);
  cpSync(join(ROOT, "wrangler.toml"), join(tree.root, "wrangler.toml"));
  cpSync(join(ROOT, "migrations"), join(tree.root, "migrations"), { recursive: true });
  const world = { ...tree, isTerminal };
  const file = (name: string) => join(tree.root, "deployments", name);
  return {
    ...world,
    run: (flags: string[] = [], other: Partial<Outside> = {}) => deploy(flags, world, { ...outside, ...other }),
    path: file,
    read: (name: string) => readFileSync(file(name), "utf8"),
    write(name: string, text: string) {
      mkdirSync(join(tree.root, "deployments"), { recursive: true });
      writeFileSync(file(name), text);
    },
  };
}

/** A service that gives the right answers at once, for tests of the steps before the smoke test. */
export const CANNED: Pick<Outside, "fetch"> = {
  async fetch(url, request) {
    const path = new URL(url).pathname;
    if (path === "/health/ready") return Response.json({ status: "ok", version: VERSION });
    const isLoggedOut = request?.headers !== undefined && JSON.stringify(request.headers).includes("after-refresh");
    if (path.endsWith("/me") && request?.method === "GET")
      return Response.json({}, { status: isLoggedOut ? 401 : 200 });
    if (path.endsWith("/logout") || request?.method === "DELETE") return new Response(null, { status: 204 });
    const access_token = path.endsWith("/refresh") ? "after-refresh" : "first";
    return Response.json({ access_token, refresh_token: "r" });
  },
};
