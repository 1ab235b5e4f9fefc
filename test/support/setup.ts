import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, vi } from "vitest";
import { captureLogs, expectNoSecretInLogs, neverLog } from "./logs.ts";

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
captureLogs();
neverLog(env.AUTH_SECRET);

// Every test also checks that no secret was logged.
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  expectNoSecretInLogs();
});
