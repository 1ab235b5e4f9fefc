declare namespace Cloudflare {
  interface Env extends Omit<import("../../src/bindings.ts").Bindings, never> {
    AUTH_SECRET: string;
    TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
    TEST_ARCHIVE_MIGRATIONS: import("cloudflare:test").D1Migration[];
    TEST_AUDIT_DB: D1Database;
    TEST_DIRECTORY_0: D1Database;
    TEST_DIRECTORY_1: D1Database;
    TEST_DIRECTORY_2: D1Database;
    TEST_DIRECTORY_3: D1Database;
  }
  interface GlobalProps {
    mainModule: typeof import("../../src/index.ts");
  }
}
