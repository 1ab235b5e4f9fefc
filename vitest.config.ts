import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseEnv } from "node:util";
import { defineConfig } from "vitest/config";
import { STATEMENT_FILES } from "./test/budgets.ts";
import { createTrustedCertificate } from "./test/mail/transports/certificate.ts";
import { memoryFolder } from "./test/support/memory-folder.ts";
// Tests start hundreds of programs, which find compiled code with it.
import "./src/commands/installed.cjs";

// Before the plugin: storage that is thrown away needs no disk, and each write to one takes longer than most requests.
const memory = memoryFolder();
if (memory !== undefined) process.env.TMPDIR = memory;

// Before the plugin: Miniflare reads NODE_EXTRA_CA_CERTS once, when it is loaded.
const smtpCertificate = await createTrustedCertificate();
const { cloudflareTest, readD1Migrations } = await import("@cloudflare/vitest-plugin");

// The same few thousand hostile requests each time, unless somebody asks for more, which are others each time.
const { HOSTILE_REQUESTS, HOSTILE_SEED = HOSTILE_REQUESTS === undefined ? 1 : Date.now() % 2 ** 31 } = process.env;
const hostile = { requests: Number(HOSTILE_REQUESTS ?? 2_000), seed: Number(HOSTILE_SEED) };

// The same few sequences of requests each time, unless somebody asks for more.
const { FAULT_RUNS, FAULT_SEED = FAULT_RUNS === undefined ? 1 : Date.now() % 2 ** 31 } = process.env;
const faults = { runs: Number(FAULT_RUNS ?? 12), seed: Number(FAULT_SEED), isThorough: FAULT_RUNS !== undefined };

// The same for both projects: files of one fill the workers that those of the other leave.
const maxWorkers = Math.min(availableParallelism(), 4);

const migrations = await readD1Migrations("migrations");
const archiveMigrations = await readD1Migrations("migrations/audit");

// For the prototype of several directories.
const testDirectories = Object.fromEntries(
  [0, 1, 2, 3].map((number) => [`TEST_DIRECTORY_${number}`, `directory-${number}`]),
);

// The plugin gives the Worker under test what the developer set for `npm run dev`. An empty value counts as unset.
const localFiles = [".dev.vars", ".env", ".env.local"].filter((file) => existsSync(file));
const localNames = localFiles.flatMap((file) => Object.keys(parseEnv(readFileSync(file, "utf8"))));
const noLocalValues = Object.fromEntries(localNames.map((name) => [name, ""]));

// A part of the tests runs a part of the statements.
const isPart = process.argv.some((word) => word.startsWith("--shard"));
const whole = { 100: true, perFile: true };
const statementThresholds = isPart ? {} : Object.fromEntries(STATEMENT_FILES.map((files) => [files, whole]));

export default defineConfig({
  test: {
    coverage: {
      provider: "istanbul",
      include: ["src/**/*.ts"],
      // Only browsers run the console.
      exclude: ["src/**/*.d.ts", "src/console/**"],
      reporter: ["text-summary", "json-summary", "html"],
      // A test that fails does not hide how much the others cover.
      reportOnFailure: true,
      thresholds: { lines: 95, branches: 95, ...statementThresholds },
    },
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              // Under a name of its own: most tests are about a service without the optional AUDIT_DB.
              d1Databases: { TEST_AUDIT_DB: "audit", ...testDirectories },
              bindings: {
                ...noLocalValues,
                TEST_MIGRATIONS: migrations,
                TEST_ARCHIVE_MIGRATIONS: archiveMigrations,
                ENVIRONMENT: "development",
                PUBLIC_URL: "http://localhost:8787",
                AUTH_SECRET: "a-secret-for-tests-that-is-long-enough-to-pass",
                EMAIL_LOGIN: "on",
                EMAIL_CODES: "on",
                SCRYPT_LN: "4",
                SCRYPT_P: "1",
              },
            },
          }),
        ],
        test: {
          name: "workerd",
          provide: { smtpCertificate, hostile, faults },
          include: ["test/**/*.test.ts"],
          exclude: ["test/node/**"],
          setupFiles: ["test/support/setup.ts"],
          globalSetup: ["test/support/smtp-server.ts"],
          // Generous, for a machine that does other things too: no test waits for a time.
          testTimeout: 30_000,
          hookTimeout: 30_000,
          isolate: false,
          maxWorkers,
        },
      },
      {
        test: {
          name: "node",
          // As the npm scripts do, so that what tests load in their own process loads as fast.
          execArgv: ["-r", "./src/commands/installed.cjs"],
          // A process for each file would load the same packages a hundred times. What a test changes in it ends with it.
          isolate: false,
          restoreMocks: true,
          unstubEnvs: true,
          include: ["test/node/**/*.test.ts"],
          setupFiles: ["test/node/setup.ts"],
          globalSetup: ["test/node/live-shared.ts", "test/support/smtp-server.ts"],
          maxWorkers,
          testTimeout: 240_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
