declare namespace Cloudflare {
  interface Env extends Omit<import("../../src/bindings.ts").Bindings, never> {
    AUTH_SECRET: string;
    TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
  }
  interface GlobalProps {
    mainModule: typeof import("../../src/index.ts");
  }
}
