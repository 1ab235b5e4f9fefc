import { applyD1Migrations } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, vi } from "vitest";
import { captureLogs, expectNoSecretInLogs, neverLog } from "./logs.ts";

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
captureLogs();
neverLog(env.AUTH_SECRET);

// Files share isolates and a database, and some replace the signing keys. An unknown key makes the Worker read them again.
const part = (content: object) => btoa(JSON.stringify(content)).replaceAll("=", "");
const unknownKey = { alg: "ES256", typ: "at+jwt", kid: "A".repeat(43) };
const signature = "A".repeat(86);
await exports.default.fetch("http://localhost:8787/api/v1/users/me", {
  headers: { Authorization: `Bearer ${part(unknownKey)}.${part({})}.${signature}` },
});

// Every test also checks that no secret was logged.
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  expectNoSecretInLogs();
});
