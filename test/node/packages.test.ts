import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildClient, buildConsole } from "../../src/build/bundles.ts";
import { SUPPORTED_LOCALES } from "../../src/config/languages.ts";
import { renderConsole } from "../../src/features/pages/console-page.ts";
import { SIZE_BUDGETS } from "../budgets.ts";
import { plainEnvironment } from "./run-program.ts";

const TSC = resolve("node_modules/typescript/bin/tsc");

/** For each entry of the package: code of a consumer, and code that must not compile. */
const ENTRIES = [
  {
    name: "client",
    exports: ["PosternError", "createClient", "readError"],
    lib: ["es2022", "dom"],
    source: `
      import { type AuthState, type Client, PosternError, type User, createClient, readError } from "postern/client";
      const client: Client = createClient({ baseUrl: "https://auth.example.com", mode: "cookie", apis: ["https://api.example.com"] });
      const stop: () => void = client.onAuthStateChange((state: AuthState) => state.status === "signed_in" && state.user?.email);
      export async function logIn(email: string, password: string): Promise<User | string> {
        try {
          return await client.login({ email, password });
        } catch (error) {
          if (error instanceof PosternError && error.code === "rate_limited") return String(error.retryAfter);
          throw error;
        } finally {
          stop();
        }
      }
      export const answer: Promise<Response> = client.fetch("/api/v1/users/me", { method: "PUT", body: "{}" });
      export const problem: Promise<PosternError> = answer.then(readError);
    `,
    mistakes: [
      `import { createClient } from "postern/client"; createClient({ baseUrl: "https://auth.example.com", mode: "local" });`,
      `import { createClient } from "postern/client"; createClient({ baseUrl: "/", mode: "memory" }).login({ email: "a" });`,
      `import type { PosternError } from "postern/client"; export const is = (e: PosternError) => e.code === "no_such";`,
    ],
  },
  {
    name: "verify",
    exports: ["POSTERN_PERMISSIONS", "VerificationError", "createVerifier", "requireAuth"],
    lib: ["es2022", "dom"],
    source: `
      import { Hono } from "hono";
      import { type AuthService, type AuthVariables, createVerifier, requireAuth, VerificationError } from "postern/verify";
      interface Env { AUTH: AuthService; REVOCATIONS: { get(key: string): Promise<string | null> } }
      const app = new Hono<{ Bindings: Env; Variables: AuthVariables }>();
      const permissions = { publish: ["moderator", "admin"] } as const;
      const options = { issuer: "https://auth.example.com", audience: "https://auth.example.com" };
      app.use("/posts", requireAuth({ ...options, permissions, permission: "publish" }));
      app.use(requireAuth<Env>((c) => ({ ...options, fetcher: c.env.AUTH, revocations: c.env.REVOCATIONS, role: "user" })));
      app.get("/", async (c) => c.json({ sub: c.get("auth").sub, user: (await c.env.AUTH.user(c.get("auth").sub))?.email }));
      export async function codeOf(token: string): Promise<string> {
        try {
          return (await createVerifier(options)(token)).role;
        } catch (error) {
          return error instanceof VerificationError ? error.code : "unknown";
        }
      }
      export default app;
    `,
    mistakes: [
      `import { createVerifier } from "postern/verify"; createVerifier({ issuer: "https://auth.example.com" });`,
      `import { requireAuth } from "postern/verify"; requireAuth({ issuer: "x", audience: "x", role: "root" });`,
      `import { requireAuth } from "postern/verify"; requireAuth({ issuer: "x", audience: "x", permission: "publish" });`,
      `import type { VerificationError } from "postern/verify"; export const is = (e: VerificationError) => e.code === "no";`,
    ],
  },
];

describe("the package", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-consumer-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (command: string, args: string[], cwd = folder) =>
    execFileSync(command, args, { cwd, env: plainEnvironment(), encoding: "utf8", stdio: "pipe", timeout: 240_000 });

  // Installs only the tarball and these packages, offline. Any other package that an entry needs would be missing.
  beforeAll(() => {
    run(".ci/package", [folder], resolve("."));
    const [tarball = ""] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const packages = [`./${tarball}`, ...["hono", "jose"].map((name) => resolve("node_modules", name))];
    run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--install-links", ...packages]);
  });

  it("brings jose, and takes the hono that is there", () => {
    const installed = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
    expect(installed).toEqual(["hono", "jose", "postern"]);
    expect(readdirSync(join(folder, "node_modules/postern"))).not.toContain("node_modules");
    const { dependencies } = JSON.parse(readFileSync(join(folder, "node_modules/postern/package.json"), "utf8"));
    expect(Object.keys(dependencies)).toEqual(["jose"]);
  });

  it("holds its entries, the licence and the readme, and none of the service", () => {
    const found = readdirSync(join(folder, "node_modules/postern")).sort();
    expect(found).toEqual(["LICENSE", "README.md", "dist", "package.json"]);
    expect(readdirSync(join(folder, "node_modules/postern/dist"))).toEqual(ENTRIES.map(({ name }) => name));
  });

  it.each(ENTRIES)("exports from postern/$name what consumers import, and no more", ({ name, exports }) => {
    const script = `console.log(JSON.stringify(Object.keys(await import("postern/${name}")).sort()))`;
    expect(JSON.parse(run("node", ["--input-type=module", "-e", script]))).toEqual(exports);
  });

  it.each(["cookie", "memory"])(
    "lets a process end that has made a client in %s mode, as one that renders pages",
    (mode) => {
      const script = `
      import { createClient } from "postern/client";
      const client = createClient({ baseUrl: "https://auth.example.com", mode: "${mode}" });
      client.onAuthStateChange(() => {});
      console.log("made");`;
      expect(run("node", ["--input-type=module", "-e", script])).toBe("made\n");
    },
  );

  it.each(ENTRIES)("types postern/$name for consumers that check every declaration", ({ lib, source, mistakes }) => {
    const compile = (texts: string[], module: string, moduleResolution: string) => {
      const files = texts.map((text, index) => {
        writeFileSync(join(folder, `consumer-${index}.ts`), text);
        return `consumer-${index}.ts`;
      });
      const compilerOptions = {
        lib,
        module,
        moduleResolution,
        target: "es2022",
        types: [],
        strict: true,
        noEmit: true,
      };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
      const { stdout } = spawnSync("node", [TSC, "-p", "."], {
        cwd: folder,
        env: plainEnvironment(),
        encoding: "utf8",
      });
      const errors = stdout.split("\n").filter((line) => line.includes("error TS"));
      const wrong = texts.filter((_, index) => errors.some((line) => line.startsWith(`consumer-${index}.ts(`)));
      return { wrong, others: errors.filter((line) => !line.startsWith("consumer-")) };
    };
    expect(compile([source], "esnext", "bundler")).toEqual({ wrong: [], others: [] });
    expect(compile([source, ...mistakes], "nodenext", "nodenext")).toEqual({ wrong: mistakes, others: [] });
  });
});

describe("the client's bundle", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-client-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is one file of less than 6 KiB gzipped, which imports nothing", async () => {
    await buildClient(folder);
    expect(readdirSync(join(folder, "static"))).toEqual(["client.js"]);
    const bundle = readFileSync(join(folder, "static/client.js"));
    expect(gzipSync(bundle).byteLength).toBeLessThan(SIZE_BUDGETS.client);
    expect(bundle.toString()).not.toMatch(/\bimport\b|\brequire\b|localStorage|sessionStorage/);
    expect(Object.keys(await import(join(folder, "static/client.js"))).sort()).toEqual([
      "PosternError",
      "createClient",
      "readError",
    ]);
  });
});

describe("the console's bundle", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-console-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("needs less than 60 KiB gzipped for the page with the largest view, and loads the other views later", async () => {
    await buildConsole(folder);
    const scripts = join(folder, "static/console");
    const text = (name: string) => readFileSync(join(scripts, name), "utf8");
    const sizeOf = (content: string) => gzipSync(content).byteLength;
    /** A script with everything that it imports statically. */
    const withImports = (first: string): Set<string> => {
      const seen = new Set([first]);
      for (const name of seen)
        for (const [, next = ""] of text(name).matchAll(/from"\.\/([\w.-]+\.js)"/g)) seen.add(next);
      return seen;
    };
    for (const { locale, page } of SUPPORTED_LOCALES.map((tag) => ({ locale: tag, page: renderConsole(tag) }))) {
      const ahead = [...page.matchAll(/\/static\/console\/([\w-]+\.js)/g)].map(([, name = ""]) => name);
      const atOnce = withImports(`${locale}.js`);
      expect([...atOnce].toSorted()).toEqual(ahead.toSorted());
      const styles = ["postern.css", "console.css", "theme.css", "logo.svg"].map((name) =>
        readFileSync(join("public/static", name), "utf8"),
      );
      const frame = [page, ...styles, ...[...atOnce].map(text)].reduce((sum, content) => sum + sizeOf(content), 0);
      const views = readdirSync(scripts).filter((name) => /-view-[\w-]+\.js$/.test(name));
      expect(views.length).toBeGreaterThan(2);
      const added = views.map((view) =>
        [...withImports(view)].filter((name) => !atOnce.has(name)).reduce((sum, name) => sum + sizeOf(text(name)), 0),
      );
      expect(frame + Math.max(...added)).toBeLessThan(SIZE_BUDGETS.console);
    }
    expect(text("main.js")).not.toMatch(/\beval\b|localStorage|sessionStorage/);
    for (const name of ["preact", "openapi-fetch"]) expect(text("LICENSES")).toContain(`${name}\n`);
  });
});

describe("a verifier's bundle", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-verify-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is less than 12 KiB gzipped, with jose as its only package", async () => {
    const { output } = await bundle(folder);
    expect(gzipSync(output.code).byteLength).toBeLessThan(SIZE_BUDGETS.verifier);
    expect(output.imports).toEqual([]);
    const packages = output.moduleIds.flatMap((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1] ?? []);
    expect([...new Set(packages)]).toEqual(["jose"]);
    expect(output.code).not.toMatch(/localStorage|process\.env|node:/);
  });
});

/** Bundles all of `postern/verify` into one file, as a consumer's bundler does. */
async function bundle(outDir: string) {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    publicDir: false,
    build: {
      outDir,
      minify: true,
      target: "es2022",
      lib: { entry: "src/verify/index.ts", formats: ["es"], fileName: "verify" },
    },
  });
  const [result] = Array.isArray(built) ? built : [built];
  if (result === undefined || !("output" in result)) throw new Error("Nothing was built.");
  return { output: result.output[0] };
}
