import { applyD1Migrations } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterAll, afterEach, vi } from "vitest";
import { captureLogs, expectNoSecretInLogs, neverLog } from "./logs.ts";
import { expectIndexedStatements, watchStatements } from "./statement-plans.ts";

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
await applyD1Migrations(env.TEST_AUDIT_DB, env.TEST_ARCHIVE_MIGRATIONS);
// Test files share a database, and tests often search it for emails. Emails of earlier files would slow each search.
await env.DB.prepare("DELETE FROM outbox").run();
captureLogs();
await watchStatements();
neverLog(env.AUTH_SECRET);

// Test files share isolates and a database, and some files replace the signing keys. A token with an unknown key makes
// the Worker read the keys again.
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

// After each file: every statement that the service has run must have a plan that does not grow with its tables.
afterAll(expectIndexedStatements);
