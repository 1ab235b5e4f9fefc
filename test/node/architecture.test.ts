import { globSync, readFileSync } from "node:fs";
import { matchesGlob } from "node:path";
import { describe, expect, it } from "vitest";
import { STATEMENT_FILES } from "../budgets.ts";

interface SourceFile {
  path: string;
  text: string;
  imports: { from: string; typeOnly: boolean }[];
}

const files: SourceFile[] = globSync("src/**/*.{ts,tsx}").map((path) => {
  const text = readFileSync(path, "utf8");
  const imports = [...text.matchAll(/^(?:import|export) (type )?[^;]*?from "([^"]+)"|import\("([^"]+)"\)/gms)].map(
    ([, type, from, dynamic]) => ({ from: from ?? dynamic ?? "", typeOnly: type !== undefined }),
  );
  return { path, text, imports };
});

const folderOf = (path: string) => /^src\/(\w+)\//.exec(path)?.[1] ?? "";

/** The path that a relative import means, from the root of the repository. */
function resolve(path: string, from: string): string {
  return new URL(from, `file:///${path}`).pathname.slice(1);
}

/** Files that import a package without being allowed to. */
function importersOf(packageName: string, allowed: (path: string) => boolean): string[] {
  const names = (from: string) => from === packageName || from.startsWith(`${packageName}/`);
  return files
    .filter(({ path, imports }) => imports.some(({ from }) => names(from)) && !allowed(path))
    .map(({ path }) => path);
}

/** Lines that match a pattern, in files in which it is not allowed. */
function linesWith(pattern: RegExp, allowed: (path: string) => boolean): string[] {
  return files
    .filter(({ path }) => !allowed(path))
    .flatMap(({ path, text }) => text.split("\n").map((line) => `${path}: ${line.trim()}`))
    .filter((line) => pattern.test(line.slice(line.indexOf(": "))) && !/: (\*|\/\*|\/\/)/.test(line));
}

const inFolder =
  (...folders: string[]) =>
  (path: string) =>
    folders.includes(folderOf(path));

/**
 * The storeys (layers), top first. A file may import from its own folder, and from folders that come later. Biome's
 * import rules check the most important part in the editor; this test checks all of it.
 */
const STOREYS = [
  ["index.ts"],
  ["app.ts"],
  ["endpoints.ts", "services.ts", "cron-tasks.ts"],
  ["features"],
  ["endpoint"],
  ["bindings.ts"],
  ["access", "accounts"],
  ["tokens", "mail"],
  ["users"],
  ["sessions", "keys", "followups"],
  ["factors"],
  ["objects"],
  ["limits", "audit", "passwords", "links", "metrics"],
  ["http"],
  ["db", "config"],
  ["platform", "verify", "version.ts"],
];

const storeyOf = (path: string) => {
  const [, place = ""] = path.split("/");
  return STOREYS.findIndex((places) => places.includes(place));
};

describe("the architecture", () => {
  it("reads the sources that it speaks of", () => {
    expect(files.length).toBeGreaterThan(40);
    expect(files.find(({ path }) => path === "src/features/login/login.ts")?.imports.length).toBeGreaterThan(3);
  });

  it("lets imports point down alone", () => {
    const beside = inFolder("build", "client", "commands", "console", "container");
    const placed = files.filter(({ path }) => !beside(path));
    expect(placed.filter(({ path }) => storeyOf(path) === -1).map(({ path }) => path)).toEqual([]);
    const edges = placed.flatMap(({ path, imports }) =>
      imports
        .filter(({ from }) => from.startsWith(".") && !from.endsWith(".json"))
        .map(({ from }) => ({ path, leads: resolve(path, from) })),
    );
    const isDown = ({ path, leads }: { path: string; leads: string }) =>
      path.split("/")[1] === leads.split("/")[1] || storeyOf(leads) > storeyOf(path);
    expect(edges.filter((edge) => !isDown(edge)).map(({ path, leads }) => `${path} → ${leads}`)).toEqual([]);
  });

  it("lets no feature import another", () => {
    const featureOf = (path: string) => /^src\/features\/([\w-]+)\//.exec(path)?.[1];
    const offences = files.flatMap(({ path, imports }) =>
      imports
        .filter(({ from }) => from.startsWith("."))
        .map(({ from }) => resolve(path, from))
        .filter((leads) => featureOf(path) !== undefined && featureOf(leads) !== undefined)
        .filter((leads) => featureOf(path) !== featureOf(leads))
        .map((leads) => `${path} → ${leads}`),
    );
    expect(offences).toEqual([]);
  });

  it("keeps hono in http/ and endpoint/", () => {
    // The middleware for other Workers imports only types of hono.
    const allowed = ["src/app.ts", "src/verify/require-auth.ts"];
    expect(importersOf("hono", (path) => inFolder("http", "endpoint")(path) || allowed.includes(path))).toEqual([]);
    expect(importersOf("@hono/zod-validator", inFolder("http"))).toEqual([]);
  });

  it("keeps drizzle where rows are read and written", () => {
    const mayBuild = (path: string) => STATEMENT_FILES.some((pattern) => matchesGlob(path, pattern));
    const unused = STATEMENT_FILES.filter((pattern) => !files.some(({ path }) => matchesGlob(path, pattern)));
    expect(unused).toEqual([]);
    expect(importersOf("drizzle-orm", mayBuild)).toEqual([]);
  });

  it("keeps jose where tokens and keys are", () => {
    expect(importersOf("jose", inFolder("tokens", "keys", "verify"))).toEqual([]);
  });

  it("keeps the runtime's own module to the entry point and the objects", () => {
    const objects = [
      "src/index.ts",
      "src/container/gateway.ts",
      "src/sessions/user-sessions-object.ts",
      "src/factors/user-factors.ts",
      "src/limits/rate-limiter-object.ts",
      "src/limits/login-guard-object.ts",
      "src/metrics/metrics-object.ts",
    ];
    expect(importersOf("cloudflare:workers", (path) => objects.includes(path))).toEqual([]);
  });

  it.each(["verify", "client"])("lets %s/ stand by itself: it runs in other Workers or in browsers", (folder) => {
    const imports = files
      .filter(({ path }) => inFolder(folder)(path))
      .flatMap(({ imports, path }) => imports.map(({ from, typeOnly }) => ({ path, from, typeOnly })));
    expect(imports.length).toBeGreaterThan(10);
    const offences = imports.filter(({ path, from, typeOnly }) => {
      if (from.startsWith(".")) return !resolve(path, from).startsWith(`src/${folder}/`);
      return folder !== "verify" || (from !== "jose" && !(typeOnly && from === "hono"));
    });
    expect(offences).toEqual([]);
  });

  it("lets the console import the client, and otherwise only what is pure", () => {
    const pure = ["src/access/permissions.ts", "src/platform/user-agents.ts", "public/static/webauthn-json.js"];
    const packages = ["preact", "preact/hooks", "openapi-fetch"];
    const edges = files
      .filter(({ path }) => inFolder("console")(path))
      .flatMap(({ path, imports }) => imports.map(({ from, typeOnly }) => ({ path, from, typeOnly })));
    expect(edges.length).toBeGreaterThan(50);
    const offences = edges.filter(({ path, from, typeOnly }) => {
      if (!from.startsWith(".")) return !packages.includes(from);
      const leads = resolve(path, from);
      // The console has a text for every type of event, so it may import the event types.
      if (typeOnly && leads === "src/audit/event-types.ts") return false;
      return !/^src\/(console|client)\//.test(leads) && !pure.includes(leads);
    });
    expect(offences).toEqual([]);
    // The pure files import only these two files. Otherwise the console would contain other parts of the service.
    const behind = files.filter(({ path }) => pure.includes(path)).flatMap(({ imports }) => imports);
    expect(behind.map(({ from }) => from).toSorted()).toEqual(["../platform/records.ts", "../verify/claims.ts"]);
  });

  it("reads the clock and the generator in platform/ alone", () => {
    // The packages that others install can't import platform/. Each has one file that reads the clock.
    const clocks = ["src/client/browser.ts", "src/verify/clock.ts"];
    const platform = (path: string) => inFolder("platform", "commands")(path) || clocks.includes(path);
    expect(
      linesWith(
        /Date\.now|new Date\(\)|performance\.now|Math\.random|getRandomValues|randomUUID|randomBytes/,
        platform,
      ),
    ).toEqual([]);
  });

  it("reaches for storage in one place, where every call is counted", () => {
    const places = [
      "src/services.ts",
      "src/index.ts",
      "src/bindings.ts",
      "src/sessions/user-sessions-object.ts",
      "src/metrics/count-in-object.ts",
      "src/metrics/queue-depths.ts",
      "src/commands/d1.ts",
    ];
    const bindings =
      /\.(DB|AUDIT_DB|USER_SESSIONS|RATE_LIMITER|LOGIN_GUARD|REVOCATIONS|MAIL_QUEUE|MAIL_DEAD_LETTERS|AUDIT_QUEUE|AUDIT_DEAD_LETTERS|METRICS)\b/;
    expect(linesWith(bindings, (path) => places.includes(path))).toEqual([]);
    // This file reads a backup that the operator names, and no storage of a service.
    const backup = "src/commands/move/backup-reader.ts";
    // A user's object calls D1 itself. These calls count as part of the call of the object, or of its alarm.
    const ofObject = ["second-factor-flag", "imported-factors", "last-passkey"].map((name) => `src/factors/${name}.ts`);
    const others = files.filter(({ path }) => path !== backup && !ofObject.includes(path));
    const calls = /getByName\(|(?<!#factors)\.prepare\(|queue\.send\(|kv\.get\("/;
    const callers = others.filter(({ text }) => calls.test(text));
    for (const { path, text } of callers) expect(text, path).toContain("hops.hop(");
  });

  it("compares no secret character by character, because the time would tell how many characters are right", () => {
    const name = "(?<!typeof [\\w.?]*)[\\w.?]*(?:[fF]ingerprint|[dD]igest|[hH]ash|[sS]ecret|[pP]assword|[tT]oken)";
    const value = '(?!undefined|null|[A-Z_]+\\b|"")[\\w.("]+';
    const comparison = new RegExp(`${name}(?:\\(.*\\))? [=!]== ${value}|[=!]== ${name}\\b`);
    expect(comparison.test("if (fingerprint(state) !== link.fingerprint) return")).toBe(true);
    // This file compares the spelling of stored hashes, and not secrets.
    const spelling = (path: string) => path === "src/passwords/hash-format.ts";
    expect(linesWith(comparison, (path) => inFolder("commands")(path) || spelling(path))).toEqual([]);
  });

  it("casts nowhere but in platform/ and db/", () => {
    const casts = linesWith(/ as (?!const\b)[A-Za-z{(]/, inFolder("platform", "db", "commands", "build"));
    const prose = (line: string) => /\bimport\b|(["`])(?:(?!\1).)* as (?:(?!\1).)*\1/.test(line);
    expect(casts.filter((line) => !prose(line))).toEqual([]);
  });
});
