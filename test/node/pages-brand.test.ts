import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { accentStrong, type Brand, brandFiles } from "../../src/build/brand-kit.ts";
import { DEFAULT_THEME, readTheme } from "../../src/mail/theme.ts";
import { CHROMIUM, DESKTOP, expectAccessible, overflowOf, PHONE, useVisitor } from "./live-browser.ts";
import { useSharedService } from "./live-service.ts";

describe.skipIf(!existsSync(CHROMIUM))("the brand page", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);

  it("shows the pages and the emails in another brand, warns about its contrast, and prints the files for it", async () => {
    // This window is wide enough to show the previews side by side.
    const page = await visitor.arrive("/", { viewport: { width: 1600, height: 1000 }, colorScheme: "light" });
    await page.click("text=Brand");
    await page.locator("#workshop").waitFor();
    const hosted = page.frameLocator("#page-frame");
    const email = page.frameLocator("#email-frame");
    // No script runs in the frames. So the outer page reads styles in the first frame, and the test reads attributes in
    // the second.
    const background = (selector: string) =>
      page.evaluate<string>(
        `getComputedStyle(document.getElementById("page-frame").contentDocument.querySelector("${selector}")).backgroundColor`,
      );
    await hosted.locator("#product", { hasText: "Postern" }).waitFor();
    expect(await page.locator("#css").textContent()).toBe("/* The default colors. */\n");
    expect(await page.locator("#warnings li").count()).toBe(0);

    await page.fill("#product", "Acme & Söhne");
    await page.fill("#sender", "Acme <hello@acme.example>");
    await page.fill("#light-accent", "#7a2048");
    await page.fill("#radius", "4");
    await hosted.locator("#product", { hasText: "Acme & Söhne" }).waitFor();
    await expect.poll(() => background("#login-button")).toBe("rgb(122, 32, 72)");
    await hosted.locator("#passkey-login-button").waitFor();
    await email.locator("h1", { hasText: "Verify your email address for Acme & Söhne" }).waitFor();
    await email.locator('td.accent[bgcolor="#7a2048"]').last().waitFor();
    await visitor.reads("#email-subject", "Verify your email address for Acme & Söhne");

    await page.fill("#light-muted", "#bbbbbb");
    await visitor.reads("#warnings", "light: the contrast of --muted on --surface is 1.91:1");
    await page.fill("#light-muted", DEFAULT_THEME.light.muted);
    expect(await page.locator("#warnings li").count()).toBe(0);
    await visitor.reads("#variables", "PRODUCT_NAME='Acme & Söhne'\nMAIL_FROM='Acme <hello@acme.example>'\n");
    const css = (await page.locator("#css").textContent()) ?? "";
    expect(css).toContain("--accent-strong: #5c1836;");
    expect(readTheme(css).theme.light.accent).toBe("#7a2048");

    await page.setInputFiles("#logo", {
      name: "logo.svg",
      mimeType: "image/svg+xml",
      buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1H0z"/></svg>'),
    });
    await hosted.locator('.brand-mark[src^="blob:"]').waitFor();
    await visitor.keepPicture("brand-desktop-light");

    await page.selectOption("#page", "/register");
    await page.selectOption("#language", "de");
    await page.selectOption("#look", "dark");
    await page.selectOption("#email", "new_login");
    await hosted.locator("h1:visible", { hasText: "Konto erstellen" }).waitFor();
    await expect.poll(() => background(".card")).toBe("rgb(28, 31, 38)");
    await email.locator("h1", { hasText: "Neue Anmeldung bei Acme & Söhne" }).waitFor();
    expect(await email.locator("td.card").getAttribute("bgcolor")).toBe(DEFAULT_THEME.dark.surface);
    await page.fill("#logo-url", "/static/logo.svg");
    await visitor.reads("#warnings", "Gmail and Outlook show no SVG.");
    const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    await page.route("**/static/logo.png", (route) =>
      route.fulfill({ contentType: "image/png", body: Buffer.from(png, "base64") }),
    );
    await page.fill("#logo-url", "/static/logo.png");
    await email.locator('img[width="120"][src$="/static/logo.png"]').waitFor();
    expect(await page.locator("#warnings li").count()).toBe(0);
    await visitor.reads("#toml", 'MAIL_LOGO_WIDTH = "120"');
    await visitor.keepPicture("brand-desktop-light-dark-look");

    await page.click("button[type=reset]");
    await hosted.locator("#product", { hasText: "Postern" }).waitFor();
    await visitor.reads("#css", "The default colors.");
  });

  it("is accessible, and has room on a phone", async () => {
    for (const viewport of [DESKTOP, PHONE]) {
      const page = await visitor.arrive("/dev/brand", { viewport, colorScheme: "dark", bypassCSP: true });
      await page.locator("#workshop").waitFor();
      await page.frameLocator("#page-frame").locator("#product").waitFor();
      await page.frameLocator("#email-frame").locator("h1").waitFor();
      await expectAccessible(page, "brand");
      expect(await overflowOf(page)).toBeLessThanOrEqual(0);
      await visitor.keepPicture(`brand-${viewport.width}`);
      if (viewport === DESKTOP) await visitor.leave();
    }
  });
});

describe("the files of a brand", () => {
  const brand: Brand = {
    ...{ product: "Acme", sender: "", logoUrl: "", logoWidth: 120 },
    theme: DEFAULT_THEME,
  };

  it("say only what is chosen", () => {
    expect(brandFiles(brand)).toEqual({
      variables: "PRODUCT_NAME=Acme\n",
      toml: '[vars]\nPRODUCT_NAME = "Acme"\n',
      css: "",
    });
    const { variables } = brandFiles({ ...brand, product: `Ada's "Acme"`, logoUrl: "/static/logo.png" });
    expect(variables).toBe(`PRODUCT_NAME="Ada's \\"Acme\\""\nMAIL_LOGO_URL=/static/logo.png\nMAIL_LOGO_WIDTH=120\n`);
  });

  it.each([
    ["one light color", { light: { accent: "#7a2048" }, dark: {} }],
    ["one dark color", { light: {}, dark: { page: "#000000" } }],
    ["a light color beside a default dark one", { light: { page: "#fafafa" }, dark: { accent: "#f3a6c4" } }],
    ["the same color in both", { light: { accent: "#777777" }, dark: { accent: "#777777" } }],
  ])("are read back as the theme that they were written for: %s", (_, { light, dark }) => {
    const theme = {
      light: { ...DEFAULT_THEME.light, ...light },
      dark: { ...DEFAULT_THEME.dark, ...dark },
      radius: 4,
    };
    expect(readTheme(brandFiles({ ...brand, theme }).css)).toEqual({ theme, ignored: [] });
  });

  it("make the color under the pointer darker in the light look, and lighter in the dark one", () => {
    expect([accentStrong("#808080", "light"), accentStrong("#808080", "dark")]).toEqual(["#606060", "#a6a6a6"]);
  });
});
