/**
 * The pictures in the README. `npm run docs:pictures` takes them from the running service; without that, the tests only
 * check that they are there and small.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { codeOf } from "../support/totp-code.ts";
import { addAuthenticator, CHROMIUM, useVisitor } from "./live-browser.ts";
import { logIn, post, register } from "./live-person.ts";
import { useService } from "./live-service.ts";
import { TREE } from "./tree-files.ts";

const FOLDER = join(TREE, "docs/pictures");
const FACTORS = "/api/v1/users/me/factors";
const SIZE = { width: 720, height: 680 };
const MOST_BYTES = 60_000;
const secretSchema = z.object({ secret: z.string() });

const readme = readFileSync(join(TREE, "README.md"), "utf8");
const pictures = [...readme.matchAll(/docs\/pictures\/([\w-]+\.webp)/g)].map(([, name = ""]) => name);

/** Saves what the window shows. Chromium itself turns the PNG into a WebP, which is a quarter of its size. */
async function save(page: Page, name: string): Promise<void> {
  const png = (await page.screenshot({ animations: "disabled" })).toString("base64");
  const blank = await page.context().newPage();
  const webp = await blank.evaluate<string>(`(async () => {
    const image = new Image();
    image.src = "data:image/png;base64,${png}";
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", 0.85);
  })()`);
  await blank.close();
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${name}.webp`), Buffer.from(webp.split(",")[1] ?? "", "base64"));
}

describe.skipIf(process.env.PICTURES === undefined || !existsSync(CHROMIUM))("npm run docs:pictures", () => {
  const service = useService(["RATE_LIMITING:off", "EMAIL_LOGIN:on", "PRODUCT_NAME:Acme"]);
  const visitor = useVisitor(service);

  it("takes them", async () => {
    const ada = { email: "ada@example.com", username: "ada", password: "correct horse battery staple" };
    await register(service.origin, ada);
    const { access_token } = await logIn(service.origin, ada);
    const added = await post(service.origin, `${FACTORS}/totp`, {}, access_token);
    const { secret } = secretSchema.parse(await added.json());
    await post(service.origin, `${FACTORS}/totp/confirm`, { code: await codeOf(secret, -1) }, access_token);

    const page = await visitor.arrive("/login", { viewport: SIZE, deviceScaleFactor: 1.5 });
    await page.locator("#login-button").waitFor();
    await save(page, "login");

    await addAuthenticator(page);
    await visitor.submit("login", { name: ada.email, password: ada.password });
    await page.locator("#totp-code").waitFor();
    await page.fill("#totp-code", await codeOf(secret));
    await page.keyboard.press("Enter");
    await page.locator("#view-account").waitFor();
    await page.click("#passkey-open");
    await page.locator("#factors li").nth(1).waitFor();
    // Without what it says about the change.
    await page.reload();
    await page.locator("#recovery").waitFor();
    await page.evaluate(
      "document.querySelector('#security-title').closest('section').scrollIntoView({ block: 'start' })",
    );
    await save(page, "account");
  }, 120_000);
});

describe("the pictures in the README", () => {
  it("are there, and small", () => {
    expect(pictures).toEqual(["login.webp", "account.webp"]);
    for (const name of pictures) expect(statSync(join(FOLDER, name)).size, name).toBeLessThan(MOST_BYTES);
  });
});
