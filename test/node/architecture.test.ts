import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface SourceFile {
  path: string;
  text: string;
  imports: { from: string; typeOnly: boolean }[];
}

const files: SourceFile[] = globSync("src/**/*.ts").map((path) => {
  const text = readFileSync(path, "utf8");
  const imports = [...text.matchAll(/^(?:import|export) (type )?[^;]*?from "([^"]+)"|import\("([^"]+)"\)/gms)].map(
    ([, type, from, dynamic]) => ({ from: from ?? dynamic ?? "", typeOnly: type !== undefined }),
  );
  return { path, text, imports };
});

const folderOf = (path: string) => /^src\/(\w+)\//.exec(path)?.[1] ?? "";

/** Where a relative import leads, from the root of the repository. */
function resolve(path: string, from: string): string {
  return new URL(from, `file:///${path}`).pathname.slice(1);
}

/** Files that import a package, and may not. */
function importersOf(packageName: string, allowed: (path: string) => boolean): string[] {
  const names = (from: string) => from === packageName || from.startsWith(`${packageName}/`);
  return files
    .filter(({ path, imports }) => imports.some(({ from }) => names(from)) && !allowed(path))
    .map(({ path }) => path);
}

/** Lines that hold a pattern, outside the files that may. */
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

describe("the architecture", () => {
  it("reads the sources that it speaks of", () => {
    expect(files.length).toBeGreaterThan(40);
    expect(files.find(({ path }) => path === "src/auth/login.ts")?.imports.length).toBeGreaterThan(3);
  });

  it("keeps hono at the HTTP rim", () => {
    const rim = (path: string) =>
      /\/(routes|limited|refresh-cookie|require-user|bearer-token)\.ts$/.test(path) ||
      path === "src/app.ts" ||
      // Of hono's types alone.
      path === "src/verify/require-auth.ts" ||
      inFolder("http")(path);
    expect(importersOf("hono", rim)).toEqual([]);
    expect(importersOf("@hono/zod-validator", inFolder("http"))).toEqual([]);
  });

  it("keeps drizzle in the database folder and the stores", () => {
    const stores = (path: string) => inFolder("db")(path) || /(\/|-)store\.ts$|\/outbox\.ts$/.test(path);
    expect(importersOf("drizzle-orm", stores)).toEqual([]);
  });

  it("keeps jose where tokens and keys are", () => {
    expect(importersOf("jose", inFolder("tokens", "keys", "verify"))).toEqual([]);
  });

  it("keeps the runtime's own module to the entry point and the objects", () => {
    const objects = [
      "src/index.ts",
      "src/sessions/user-sessions.ts",
      "src/limits/rate-limiter.ts",
      "src/limits/login-guard.ts",
    ];
    expect(importersOf("cloudflare:workers", (path) => objects.includes(path))).toEqual([]);
  });

  it("lets platform/ and http/ know no feature", () => {
    const allowed: Record<string, RegExp> = {
      platform: /^src\/platform\//,
      http: /^src\/(http|platform)\/|^src\/config\.ts$/,
    };
    const offences = files.flatMap(({ path, imports }) =>
      imports
        .filter(({ from, typeOnly }) => from.startsWith(".") && !(typeOnly && path === "src/http/app-env.ts"))
        .filter(({ from }) => allowed[folderOf(path)]?.test(resolve(path, from)) === false)
        .map(({ from }) => `${path} → ${from}`),
    );
    expect(offences).toEqual([]);
  });

  it("lets verify/ stand by itself, on jose alone", () => {
    const imports = files
      .filter(({ path }) => inFolder("verify")(path))
      .flatMap(({ imports, path }) => imports.map(({ from, typeOnly }) => ({ path, from, typeOnly })));
    expect(imports.length).toBeGreaterThan(10);
    const offences = imports.filter(({ path, from, typeOnly }) => {
      if (from.startsWith(".")) return !resolve(path, from).startsWith("src/verify/");
      return from !== "jose" && !(typeOnly && from === "hono");
    });
    expect(offences).toEqual([]);
  });

  it("lets no feature use another's routes", () => {
    const offences = files
      .filter(({ path }) => path !== "src/app.ts")
      .flatMap(({ path, imports }) => imports.filter(({ from }) => from.endsWith("/routes.ts")).map(() => path));
    expect(offences).toEqual([]);
  });

  it("lets the client know nothing but itself: it runs in browsers", () => {
    const offences = files
      .filter(({ path }) => folderOf(path) === "client")
      .flatMap(({ path, imports }) => imports.map(({ from }) => ({ path, leads: resolve(path, from) })))
      .filter(({ leads }) => !leads.startsWith("src/client/"))
      .map(({ path, leads }) => `${path} → ${leads}`);
    expect(offences).toEqual([]);
  });

  it("reads the clock and the generator in platform/ alone", () => {
    // What others import has no platform/ to import: each has one file for it.
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
    const places = ["src/services.ts", "src/index.ts", "src/bindings.ts", "src/sessions/user-sessions.ts"];
    const bindings = /\.(DB|USER_SESSIONS|RATE_LIMITER|LOGIN_GUARD|REVOCATIONS|MAIL_QUEUE|AUDIT_QUEUE)\b/;
    expect(linesWith(bindings, (path) => places.includes(path))).toEqual([]);
    const callers = files.filter(({ text }) => /getByName\(|\.prepare\(|queue\.send\(|kv\.get\("/.test(text));
    for (const { path, text } of callers) expect(text, path).toContain("hops.hop(");
  });

  it("compares nothing secret by its characters, which takes the longer the more of them are right", () => {
    const name = "(?<!typeof [\\w.?]*)[\\w.?]*(?:[fF]ingerprint|[dD]igest|[hH]ash|[sS]ecret|[pP]assword|[tT]oken)";
    const value = '(?!undefined|null|[A-Z_]+\\b|"")[\\w.("]+';
    const comparison = new RegExp(`${name}(?:\\(.*\\))? [=!]== ${value}|[=!]== ${name}\\b`);
    expect(comparison.test("if (fingerprint(state) !== link.fingerprint) return")).toBe(true);
    // How a password is spelt is no comparison with another one.
    const spelling = (path: string) => path === "src/passwords/hash-reading.ts";
    expect(linesWith(comparison, (path) => inFolder("commands")(path) || spelling(path))).toEqual([]);
  });

  it("casts nowhere but in platform/ and db/", () => {
    const casts = linesWith(/ as (?!const\b)[A-Za-z{(]/, inFolder("platform", "db", "commands"));
    const prose = (line: string) => /\bimport\b|(["`])(?:(?!\1).)* as (?:(?!\1).)*\1/.test(line);
    expect(casts.filter((line) => !prose(line))).toEqual([]);
  });

  it("opens each feature's main file with what it owns", () => {
    for (const { path, text } of files.filter(({ path }) =>
      /\/(routes|store|user-sessions|rate-limiter|keyring|scrypt)\.ts$/.test(path),
    )) {
      if (!/\/store\.ts$/.test(path) || folderOf(path) === "users") expect(text, path).toMatch(/^\/\*\*/);
    }
  });
});
