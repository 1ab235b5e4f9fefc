import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { SUPPORTED_LOCALES } from "../../src/config/languages.ts";
import type { MailLook } from "../../src/mail/render-html.ts";
import { sampleMails } from "../../src/mail/samples.ts";
import { DEFAULT_THEME, readTheme } from "../../src/mail/theme.ts";
import { createMailThemeReader } from "../../src/mail/theme-reader.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { contrast, LEAST_TEXT_CONTRAST } from "../../src/platform/contrast.ts";
import { Hops } from "../../src/platform/hops.ts";
import { RULES, readEmail } from "./email-programs.ts";
import { shownText } from "./shown-text.ts";

const origin = "https://auth.example.com";
const LOGO = { url: `${origin}/static/logo.png`, width: 120 };
const look = (more: Partial<MailLook> = {}): MailLook => ({
  ...{ product: "Acme & Söhne", logo: undefined, theme: DEFAULT_THEME },
  ...more,
});
const emails = (more?: Partial<MailLook>) =>
  SUPPORTED_LOCALES.flatMap((locale) => sampleMails(locale, look(more), { origin }));

describe("every email, in Gmail, Outlook and Apple Mail,", () => {
  const all = [...emails(), ...emails({ logo: LOGO })].map(({ kind, html }) => ({ kind, email: readEmail(html) }));

  it.each(RULES)("$says", ({ offences, breakIt }) => {
    for (const { kind, email } of all) expect(offences(email), kind).toEqual([]);
    // The first email has every element except the table of details.
    const [first] = all;
    expect(offences(readEmail(breakIt(first?.email.html ?? ""))), "the rule finds what breaks it").not.toEqual([]);
  });
});

describe("an email", () => {
  const [verification] = emails();
  const html = verification?.html ?? "";

  it("shows the product's first letter and name without a logo, and loads nothing", () => {
    expect(shownText(html)).toMatch(/\nA\n+ \n+Acme & Söhne\n/);
    expect(html).toContain('aria-hidden="true"');
    expect(html).not.toContain("<img");
    const [unnamed] = emails({ product: "«Acme»" });
    expect(unnamed?.html).not.toContain("aria-hidden");
  });

  it("shows the logo with the name as its words, for readers whose program blocks images", () => {
    const [withLogo] = emails({ logo: LOGO });
    expect(withLogo?.html).toContain(
      `<img class="text" src="${LOGO.url}" width="120" alt="Acme &amp; Söhne" border="0"`,
    );
    expect(withLogo?.html.match(/<img/g)).toHaveLength(1);
  });

  it("begins with a preview that no stranger's words are in", () => {
    for (const { kind, html: body } of emails()) {
      const [, preview = ""] = /<body[^>]*>\s*<div style="display:none[^>]*>([^<&]+)&zwnj;/.exec(body) ?? [];
      expect(preview.length, kind).toBeGreaterThan(15);
      expect(preview.length, kind).toBeLessThan(110);
      expect(preview, kind).not.toMatch(/\bada\b|grace|example/);
    }
  });

  it("has a button, and the same link alone on a line of the text, unless there is nowhere to go", () => {
    for (const { kind, text, html: body } of emails()) {
      const [, url] = /class="accent"[^>]*><a href="([^"]+)"/.exec(body) ?? [];
      expect(url === undefined, kind).toBe(/^(account_deleted|second_factor_code)$/.test(kind));
      if (url !== undefined) expect(text.split("\n"), kind).toContain(`<${url.replaceAll("&amp;", "&")}>`);
    }
  });

  it("leads from a notice about a device to the devices, which it calls by name", () => {
    for (const { kind, text } of emails()) {
      if (!/^(new_login|refresh_reused)$/.test(kind)) continue;
      expect(text).toMatch(/(Review your devices|Geräte prüfen):\n<https:\/\/auth\.example\.com\/account>/);
      expect(text).toMatch(/: Firefox (on|unter) Windows\n/);
    }
  });

  it("can have another subject, which is also its heading", () => {
    const [mail] = sampleMails("en", look(), { origin, subjectOf: () => "Welcome" });
    expect([mail?.subject, mail?.html.match(/<h1[^>]*>([^<]*)/)?.[1]]).toEqual(["Welcome", "Welcome"]);
  });
});

describe("the colors of an email", () => {
  const themed = (css: string) => readTheme(css);

  it("are those of the pages, where theme.css sets none", async () => {
    const pages = await (await env.ASSETS.fetch("http://localhost/static/postern.css")).text();
    expect(themed(pages)).toEqual({ theme: DEFAULT_THEME, ignored: [] });
    const theme = await (await env.ASSETS.fetch("http://localhost/static/theme.css")).text();
    expect(themed(theme), "its examples are comments").toEqual({ theme: DEFAULT_THEME, ignored: [] });
  });

  it("follow theme.css as browsers do: the dark look has the other colors too, unless it sets its own", () => {
    const css =
      "@media print { :root { --text: #000 } } :root { --accent: #7A2048; --page: #FFF; --radius: 0.25rem }\n@media (prefers-color-scheme: dark) { :root { --accent: #f3a6c4; } } :root{--muted:#555}";
    const { theme, ignored } = themed(css);
    expect(theme.light).toEqual({ ...DEFAULT_THEME.light, accent: "#7a2048", page: "#ffffff", muted: "#555555" });
    expect(theme.dark).toEqual({ ...DEFAULT_THEME.dark, accent: "#f3a6c4", page: "#ffffff", muted: "#555555" });
    expect([theme.radius, ignored]).toEqual([4, []]);
    const [mail] = emails({ theme });
    expect(mail?.html).toContain('bgcolor="#7a2048"');
    expect(mail?.html).toContain(".accent{background-color:#f3a6c4!important}");
    expect(mail?.html).toContain("border-radius:4px");
  });

  it.each([
    ["10px", 10, []],
    ["0", 0, []],
    ["1.5rem", 24, []],
    ["50%", DEFAULT_THEME.radius, ["--radius"]],
    ["7", DEFAULT_THEME.radius, ["--radius"]],
  ])("come with corners of %s", (value, radius, ignored) => {
    expect(themed(`:root { --radius: ${value}; }`)).toMatchObject({ theme: { radius }, ignored });
  });

  it.each(["oklch(50% 0.1 20)", "rgb(1 2 3)", "#12345678", "light-dark(#fff, #000)", "var(--brand)", '#fff"><b>'])(
    "keep their default for %s, which email programs can't read",
    (value) => {
      expect(themed(`:root { --accent: ${value}; }`)).toEqual({ theme: DEFAULT_THEME, ignored: ["--accent"] });
    },
  );

  it("can be read on each other", () => {
    for (const { page, surface, text, muted, accent, onAccent } of [DEFAULT_THEME.light, DEFAULT_THEME.dark]) {
      for (const [front, back] of [
        ...[text, muted].flatMap((color) => [page, surface].map((ground) => [color, ground] as const)),
        [onAccent, accent] as const,
      ]) {
        expect(contrast(front, back), `${front} on ${back}`).toBeGreaterThanOrEqual(LEAST_TEXT_CONTRAST);
      }
    }
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
    expect(contrast("#ffffff", "#777777")).toBeCloseTo(4.48, 2);
  });

  const readerOf = (response: () => Response) =>
    createMailThemeReader({ fetch: async () => response(), connect: vi.fn() }, new Hops(systemClock));

  it("are the defaults without a theme.css, and a failure to read it is one of storage, so that the email is retried", async () => {
    expect(await readerOf(() => new Response("", { status: 404 }))()).toEqual(DEFAULT_THEME);
    expect((await readerOf(() => new Response(":root{--accent:#123456}"))()).light.accent).toBe("#123456");
    await expect(readerOf(() => new Response("", { status: 500 }))()).rejects.toThrow("assets did not answer");
  });
});
