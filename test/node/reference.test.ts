import { existsSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defaultDocument } from "../../src/build/default-document.ts";
import { CHROMIUM, mailedLink, useVisitor } from "./live-browser.ts";
import { useSharedService } from "./live-service.ts";

const OPERATIONS = Object.values(JSON.parse(JSON.stringify(defaultDocument().paths))).flatMap((methods) =>
  Object.values<{ operationId: string; tags: string[] }>(Object(methods)),
);

const EXECUTED = ["register", "login", "readMe", "logout"];
const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), z.looseObject({ operationId: z.string().optional() }))),
});

/** Opens an operation of the API reference, and executes the offered example unchanged. Returns the status. */
async function execute(page: Page, id: string): Promise<string> {
  const tag = OPERATIONS.find(({ operationId }) => operationId === id)?.tags[0];
  const operation = page.locator(`#operations-${tag}-${id}`);
  await operation.locator(".opblock-summary-control").click();
  await operation.locator("button.execute").click();
  const status = operation.locator(".live-responses-table tbody .response-col_status").first();
  await status.waitFor();
  return /\d{3}/.exec((await status.textContent()) ?? "")?.[0] ?? "";
}

describe.skipIf(!existsSync(CHROMIUM))("the API reference", () => {
  // This test registers ada@example.com. No other test of the shared service does.
  const service = useSharedService();
  const visitor = useVisitor(service);

  it("registers Ada, logs her in and out, and calls the API as her, without a change of the requests that it offers", async () => {
    const page = await visitor.arrive();
    page.setDefaultTimeout(60_000);
    await page.goto(`${service.origin}/docs`);
    await expect.poll(() => page.locator(".opblock").count(), { timeout: 60_000 }).toBe(OPERATIONS.length);
    await visitor.keepPicture("docs-desktop-light");

    // For each opened operation, Swagger UI works through the whole document, which takes seconds. So from here on, the
    // document has only the few operations that the test executes.
    await page.route("**/openapi.json", async (route) => {
      const response = await route.fetch();
      const { paths, ...others } = documentSchema.parse(await response.json());
      const few = Object.entries(paths).filter(([, methods]) =>
        Object.values(methods).some(({ operationId }) => EXECUTED.includes(operationId ?? "")),
      );
      await route.fulfill({ response, json: { ...others, paths: Object.fromEntries(few) } });
    });
    await page.reload();
    await page.locator(".opblock").first().waitFor();
    expect(await execute(page, "register")).toBe("202");
    const token = new URL(await mailedLink(service.origin, "ada@example.com", "verify-email")).hash.slice(
      "#token=".length,
    );
    const verified = await page.request.post(`${service.origin}/api/v1/auth/verify-email`, { data: { token } });
    expect(verified.status()).toBe(200);
    expect(await execute(page, "login")).toBe("200");
    expect(await execute(page, "readMe")).toBe("200");
    expect(await page.locator("#operations-Users-readMe .live-responses-table").textContent()).toContain(
      "ada@example.com",
    );

    expect(await execute(page, "logout")).toBe("204");
  });
});
