import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { buildDocumentation } from "../../src/build/build.ts";
import { SUPPORTED_LOCALES } from "../../src/config/languages.ts";
import { buildPages } from "../../src/features/pages/build.ts";
import { CONSOLE_PAGE, PAGES, PAGES_BESIDE_JSON } from "../../src/features/pages/hosted-pages.ts";
import { FLOOD_PERIOD } from "../../src/http/flood-shield.ts";
import { MOST_TRIES, retryDelay } from "../../src/mail/deliver.ts";
import { SIZE_BUDGETS, START_BUDGETS } from "../budgets.ts";
import { askShared, type Prepared } from "./live-service.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-build-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("npm run build", () => {
  it("writes the OpenAPI document and what the reference needs, licence included", () => {
    buildDocumentation(folder);
    expect(JSON.parse(readFileSync(join(folder, "openapi.json"), "utf8"))).toMatchObject({ openapi: "3.1.1" });
    const files = ["LICENSE", "NOTICE", "swagger-ui-bundle.js", "swagger-ui.css"];
    expect(readdirSync(join(folder, "static", "docs")).sort()).toEqual(files);
  });

  it("writes every page in every language of the mails", () => {
    buildPages(folder);
    for (const locale of SUPPORTED_LOCALES) {
      const names = readdirSync(join(folder, "pages", locale));
      expect(names.toSorted()).toEqual(
        [...Object.keys(PAGES), ...PAGES_BESIDE_JSON, CONSOLE_PAGE.name].map((name) => `${name}.html`).toSorted(),
      );
      for (const name of names) {
        expect(readFileSync(join(folder, "pages", locale, name), "utf8")).toContain(`<html lang="${locale}"`);
      }
    }
  });
});

describe("the bundle", () => {
  it("holds neither the document nor the reference nor the words of the pages, and stays within its budget gzipped, Argon2 included", async () => {
    // The bundle is what `wrangler deploy` would upload.
    const { bundle: out } = await askShared<Prepared>("prepared");
    const bundle = readFileSync(join(out, "index.js"));
    expect(bundle.includes("nodemailer") || bundle.includes("STARTTLS"), "it is the bundle").toBe(true);
    for (const word of ["3.1.1", "SwaggerUI", "securitySchemes", "Create account", "Passwort vergessen?"])
      expect(bundle.includes(word), word).toBe(false);
    const wasm = readdirSync(out).filter((name) => name.endsWith(".wasm"));
    expect(wasm).toEqual([expect.stringMatching(/argon2\.wasm$/)]);
    const gzipped = [bundle, ...wasm.map((name) => readFileSync(join(out, name)))].map(
      (part) => gzipSync(part).byteLength,
    );
    expect(gzipped.reduce((sum, part) => sum + part)).toBeLessThan(SIZE_BUDGETS.worker);
    expect(bundle.byteLength).toBeLessThan(START_BUDGETS.scriptBytes);
    expect(gzipped.length).toBeLessThanOrEqual(START_BUDGETS.modules);
  });
});

describe("wrangler.toml", () => {
  const toml = readFileSync("wrangler.toml", "utf8");

  it("retries a mail for about a day, and then keeps it in the dead-letter queue", () => {
    const retries = Number(/max_retries = (\d+)/.exec(toml)?.[1]);
    const seconds = Array.from({ length: retries }, (_, index) => retryDelay(index + 1)).reduce(
      (sum, one) => sum + one,
    );
    expect(seconds / 3_600).toBeGreaterThan(20);
    expect(seconds / 3_600).toBeLessThan(26);
    expect(toml).toContain('dead_letter_queue = "postern-mail-dead"');
    expect(MOST_TRIES).toBe(retries + 1);
  });

  it("fires the cron several times within the time for which a key is published before it signs", () => {
    const minutes = Number(/crons = \["\*\/(\d+) \* \* \* \*"\]/.exec(toml)?.[1]);
    expect(minutes * 3).toBeLessThanOrEqual(60);
  });

  it("shields for as long as a refused client is told to wait", () => {
    expect(toml).toContain(`simple = { limit = 300, period = ${FLOOD_PERIOD} }`);
  });

  it("is production's, whose development surfaces are off", () => {
    expect(toml).toContain('ENVIRONMENT = "production"');
    expect(toml).not.toMatch(/AUTH_SECRET|RATE_LIMITING/);
  });
});
