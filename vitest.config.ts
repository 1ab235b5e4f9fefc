import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseEnv } from "node:util";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { STATEMENT_FILES } from "./test/budgets.ts";
import { createTrustedCertificate } from "./test/mail/transports/certificate.ts";
import { memoryFolder } from "./test/support/memory-folder.ts";
// Sets up Node's compile cache. The tests start hundreds of programs, which use this cache too.
import "./src/commands/installed.cjs";

// Before the plugin is loaded: puts the temporary storage of tests in memory, because a write to a disk takes longer
// than most requests.
const memory = memoryFolder();
if (memory !== undefined) process.env.TMPDIR = memory;

// Before the plugin is loaded: Miniflare reads NODE_EXTRA_CA_CERTS only once, when it is loaded.
const smtpCertificate = await createTrustedCertificate();
const { cloudflareTest, readD1Migrations } = await import("@cloudflare/vitest-plugin");

// In each project, the longest files start first. Otherwise, at the end, all workers could wait for one of them.
const LONGEST = [
  ...["faults/routes", "hostile/hostile", "access/step-up", "limits/current-password"],
  ...["node/deploy", "node/pages-look", "node/engines", "node/runbooks", "node/example", "node/docs-run", "node/crash"],
].map((name) => `/test/${name}.test.ts`);
const isShuffled = process.argv.some((word) => word.startsWith("--sequence.shuffle"));
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const isLongest = ({ moduleId }: TestSpecification) => LONGEST.some((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    // One project after the other, because a worker starts anew for each change of the project.
    return [...new Set(sorted.map(({ project }) => project))].flatMap((project) => {
      const own = sorted.filter((file) => file.project === project);
      return [...own.filter(isLongest), ...own.filter((file) => !isLongest(file))];
    });
  }
}

// By default, each run sends the same few thousand hostile requests. With HOSTILE_REQUESTS, each run sends others.
const { HOSTILE_REQUESTS, HOSTILE_SEED = HOSTILE_REQUESTS === undefined ? 1 : Date.now() % 2 ** 31 } = process.env;
const hostile = { requests: Number(HOSTILE_REQUESTS ?? 2_000), seed: Number(HOSTILE_SEED) };

// By default, each run makes the same few sequences of requests. With FAULT_RUNS, each run makes others.
const { FAULT_RUNS, FAULT_SEED = FAULT_RUNS === undefined ? 1 : Date.now() % 2 ** 31 } = process.env;
const faults = { runs: Number(FAULT_RUNS ?? 12), seed: Number(FAULT_SEED), isThorough: FAULT_RUNS !== undefined };

// The same number for both projects, so that they can share the workers.
const maxWorkers = Math.min(availableParallelism(), 4);

const migrations = await readD1Migrations("migrations");
const archiveMigrations = await readD1Migrations("migrations/audit");

// The databases of test/directories.test.ts, which tests the prototype in bench/directories.
const testDirectories = Object.fromEntries(
  [0, 1, 2, 3].map((number) => [`TEST_DIRECTORY_${number}`, `directory-${number}`]),
);

// The plugin would give the tested Worker the variables that the developer has set for `npm run dev`. So the tests give
// each of these variables an empty value, which counts as unset.
const localFiles = [".dev.vars", ".env", ".env.local"].filter((file) => existsSync(file));
const localNames = localFiles.flatMap((file) => Object.keys(parseEnv(readFileSync(file, "utf8"))));
const noLocalValues = Object.fromEntries(localNames.map((name) => [name, ""]));

// With `--shard`, only a part of the tests runs, which covers only a part of the statements.
const isPart = process.argv.some((word) => word.startsWith("--shard"));
const whole = { 100: true, perFile: true };
const statementThresholds = isPart ? {} : Object.fromEntries(STATEMENT_FILES.map((files) => [files, whole]));

export default defineConfig({
  test: {
    // With `--sequence.shuffle`, vitest needs its own sequencer.
    sequence: isShuffled ? {} : { sequencer: LongestFirst },
    coverage: {
      provider: "istanbul",
      include: ["src/**/*.ts"],
      // The console runs only in browsers, which measure no coverage.
      exclude: ["src/**/*.d.ts", "src/console/**"],
      reporter: ["text-summary", "json-summary", "html"],
      // Even if a test fails, report how much the other tests cover.
      reportOnFailure: true,
      thresholds: { lines: 95, branches: 95, ...statementThresholds },
    },
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              // Not named `AUDIT_DB`, because most tests are about a service without this optional database.
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
          // Long enough for a slow machine. No test waits for an amount of time to pass.
          testTimeout: 30_000,
          hookTimeout: 30_000,
          isolate: false,
          maxWorkers,
        },
      },
      {
        test: {
          name: "node",
          // The npm scripts load this file too. It makes Node load code faster.
          execArgv: ["-r", "./src/commands/installed.cjs"],
          // Files share processes, because a process for each file would load the same packages a hundred times. So
          // each test must undo its own changes to the process: vitest restores mocks and environment variables.
          isolate: false,
          restoreMocks: true,
          unstubEnvs: true,
          include: ["test/node/**/*.test.ts"],
          setupFiles: ["test/node/setup.ts"],
          globalSetup: ["test/node/live-shared.ts", "test/support/smtp-server.ts"],
          // How long a test waits for a page to show something. The default, a second, is too short for a slow machine.
          expect: { poll: { timeout: 20_000 } },
          maxWorkers,
          testTimeout: 240_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
