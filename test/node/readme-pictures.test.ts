/**
 * The pictures in the README. `npm run docs:pictures` takes them from the running service. In any other run, the tests
 * only check that the pictures are there and small.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM, useVisitor } from "./live-browser.ts";
import { logIn, register } from "./live-person.ts";
import { changeDatabase, useService } from "./live-service.ts";
import { TREE } from "./tree-files.ts";

const FOLDER = join(TREE, "docs/pictures");
const SIZE = { width: 720, height: 680 };
const WIDE = { width: 1240, height: 900 };
const PEOPLE = [
  ["Grace", "Hopper"],
  ["Alan", "Turing"],
  ["Charles", "Babbage"],
  ["Barbara", "Liskov"],
  ["Edsger", "Dijkstra"],
  ["Radia", "Perlman"],
] as const;
const MOST_BYTES = 80_000;

const readme = readFileSync(join(TREE, "README.md"), "utf8");
const pictures = [...readme.matchAll(/docs\/pictures\/([\w-]+\.webp)/g)].map(([, name = ""]) => name);

/** Saves a picture of the window. Chromium turns the PNG into a WebP, which has a quarter of the size. */
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
    for (const [firstName, lastName] of PEOPLE) {
      const username = firstName.toLowerCase();
      const password = "correct horse battery staple";
      await register(service.origin, { email: `${username}@example.com`, username, password });
      const person = await logIn(service.origin, { email: `${username}@example.com`, username, password });
      const body = JSON.stringify({ first_name: firstName, last_name: lastName });
      const headers = { Authorization: `Bearer ${person.access_token}`, "Content-Type": "application/json" };
      await fetch(`${service.origin}/api/v1/users/me`, { method: "PUT", headers, body });
    }
    changeDatabase(service, "UPDATE users SET role = 'admin', is_superuser = 1 WHERE username = 'ada'");
    changeDatabase(service, "UPDATE users SET role = 'moderator' WHERE username = 'grace'");
    changeDatabase(service, "UPDATE users SET is_active = 0 WHERE username = 'charles'");

    const page = await visitor.arrive("/login", { viewport: SIZE, deviceScaleFactor: 1.25 });
    await page.locator("#login-button").waitFor();
    await save(page, "login");

    await page.setViewportSize(WIDE);
    await visitor.open("/login?return_to=%2Fadmin%23%2Fusers");
    await visitor.submit("login", { name: ada.email, password: ada.password });
    await page.getByText("grace@example.com").waitFor();
    await save(page, "console");
  }, 120_000);
});

describe("the pictures in the README", () => {
  it("are there, and small", () => {
    expect(pictures).toEqual(["login.webp", "console.webp"]);
    for (const name of pictures) expect(statSync(join(FOLDER, name)).size, name).toBeLessThan(MOST_BYTES);
  });
});
