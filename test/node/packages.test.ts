import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildClient } from "../../src/docs/build-client.ts";
import { plainEnvironment } from "./live-service.ts";

const TSC = resolve("node_modules/typescript/bin/tsc");

/** For each entry: what a consumer writes, and what must not compile. */
const ENTRIES = [
  {
    name: "client",
    exports: ["PosternError", "createClient"],
    lib: ["es2022", "dom"],
    source: `
      import { type AuthState, type Client, PosternError, type User, createClient } from "postern/client";
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
    `,
    mistakes: [
      `import { createClient } from "postern/client"; createClient({ baseUrl: "https://auth.example.com", mode: "local" });`,
      `import { createClient } from "postern/client"; createClient({ baseUrl: "/", mode: "memory" }).login({ email: "a" });`,
      `import type { PosternError } from "postern/client"; export const is = (e: PosternError) => e.code === "no_such";`,
    ],
  },
];

describe("the package", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-consumer-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (command: string, args: string[], cwd = folder) =>
    execFileSync(command, args, { cwd, env: plainEnvironment(), encoding: "utf8", stdio: "pipe" });

  // What npm does with a tarball, but for the dependencies, which no entry's types or code may need to be there.
  beforeAll(() => {
    run("npm", ["pack", "--pack-destination", folder], resolve("."));
    const [tarball = ""] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
    mkdirSync(join(folder, "node_modules/postern"), { recursive: true });
    run("tar", ["-xzf", tarball, "-C", "node_modules/postern", "--strip-components=1"]);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  });

  it("holds its entries, the licence and the readme, and none of the service", () => {
    const found = readdirSync(join(folder, "node_modules/postern")).sort();
    expect(found).toEqual(["LICENSE", "README.md", "dist", "package.json"]);
    expect(readdirSync(join(folder, "node_modules/postern/dist"))).toEqual(ENTRIES.map(({ name }) => name));
  });

  it.each(ENTRIES)("gives postern/$name to whoever imports it", ({ name, exports }) => {
    const script = `console.log(JSON.stringify(Object.keys(await import("postern/${name}")).sort()))`;
    expect(JSON.parse(run("node", ["--input-type=module", "-e", script]))).toEqual(exports);
  });

  it.each(ENTRIES)("types postern/$name for consumers that check every declaration", ({ lib, source, mistakes }) => {
    const compile = (text: string, module: string, moduleResolution: string) => {
      writeFileSync(join(folder, "consumer.ts"), text);
      const compilerOptions = {
        lib,
        module,
        moduleResolution,
        target: "es2022",
        types: [],
        strict: true,
        noEmit: true,
      };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
      run("node", [TSC, "-p", folder]);
    };
    compile(source, "esnext", "bundler");
    compile(source, "nodenext", "nodenext");
    for (const mistake of mistakes) expect(() => compile(mistake, "nodenext", "nodenext"), mistake).toThrow();
  });
});

describe("the client's bundle", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-client-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is one file of less than 5 KiB gzipped, which imports nothing", async () => {
    await buildClient(folder);
    expect(readdirSync(join(folder, "static"))).toEqual(["client.js"]);
    const bundle = readFileSync(join(folder, "static/client.js"));
    expect(gzipSync(bundle).byteLength).toBeLessThan(5 * 1024);
    expect(bundle.toString()).not.toMatch(/\bimport\b|\brequire\b|localStorage|sessionStorage/);
    expect(Object.keys(await import(join(folder, "static/client.js"))).sort()).toEqual([
      "PosternError",
      "createClient",
    ]);
  });
});
