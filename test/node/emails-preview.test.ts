import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { previewEmails } from "../../src/commands/emails-preview.ts";
import { MESSAGE_KINDS } from "../../src/config/email-subjects.ts";
import { SUPPORTED_LOCALES } from "../../src/config/languages.ts";

const base = mkdtempSync(join(tmpdir(), "postern-emails-"));
afterAll(() => rmSync(base, { recursive: true }));

/** Runs the command in a checkout with these files. */
function run(name: string, files: Record<string, string>, argv: string[] = []) {
  const root = join(base, name);
  mkdirSync(join(root, "public/static"), { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(root, file), text);
  let [said, complained] = ["", ""];
  const code = previewEmails(argv, {
    root,
    say: (text) => {
      said += text;
    },
    complain: (text) => {
      complained += text;
    },
  });
  return { code, said, complained, root };
}

describe("npm run emails:preview", () => {
  it("writes every email in every language, as HTML and as text, and a page that shows them", () => {
    const styles = "body { color: red; }\n";
    const { code, said, complained, root } = run("plain", { "public/static/postern.css": styles });
    expect([code, complained]).toEqual([0, ""]);
    const folder = join(root, "dist/emails");
    expect(said).toBe(`${MESSAGE_KINDS.length} emails in 2 languages: open ${join(folder, "index.html")}\n`);
    const index = readFileSync(join(folder, "index.html"), "utf8");
    expect(index).toContain('<link rel="stylesheet" href="postern.css">');
    expect(readFileSync(join(folder, "postern.css"), "utf8")).toBe(styles);
    for (const locale of SUPPORTED_LOCALES) {
      const expected = MESSAGE_KINDS.flatMap((kind) => [`${kind}.html`, `${kind}.txt`]).toSorted();
      expect(readdirSync(join(folder, locale)).toSorted()).toEqual(expected);
      for (const file of expected) expect(index).toContain(`href="${locale}/${file}"`);
    }
    expect(readFileSync(join(folder, "de/new_login.txt"), "utf8")).toMatch(/^Subject: Neue Anmeldung bei Postern\n\n/);
  });

  it("shows the operator's name, subjects, logo and colors, and says what can't be read", () => {
    const { code, complained, root } = run(
      "own",
      {
        ".dev.vars": `PRODUCT_NAME=Acme\nMAIL_LOGO_URL=/static/logo.png\nMAIL_SUBJECTS='{"new_login":{"en":"Hello from {product}"}}'\n`,
        "public/static/theme.css":
          ":root { --accent: #ffcc00; --text: oklch(20% 0 0); --radius: 50%; }\n@media (prefers-color-scheme: dark) { :root { --accent: #ffcc00; } }\n",
      },
      ["mails"],
    );
    expect(code).toBe(0);
    const html = readFileSync(join(root, "mails/en/new_login.html"), "utf8");
    expect(html).toContain("<title>Hello from Acme</title>");
    expect(html).toContain('src="http://localhost:8787/static/logo.png" width="120" alt="Acme"');
    expect(html).toContain('bgcolor="#ffcc00"');
    expect(complained.trim().split("\n")).toEqual([
      "theme.css: emails ignore the value of --radius, because they take corners in px or rem.",
      "theme.css: emails ignore the value of --text, because they take colors like #7a2048.",
      "theme.css: light: the contrast of --accent on --surface is 1.51:1. Text needs 4.5:1 (WCAG 2.2 AA).",
      "theme.css: light: the contrast of --on-accent on --accent is 1.51:1. Text needs 4.5:1 (WCAG 2.2 AA).",
    ]);
  });

  it("explains itself, and a configuration that is wrong, and writes nothing then", () => {
    expect(run("help", {}, ["--help"])).toMatchObject({ code: 0, said: expect.stringContaining("Usage:") });
    expect(run("flag", {}, ["--mail"])).toMatchObject({ code: 2, complained: expect.stringContaining("Usage:") });
    const wrong = run("wrong", { ".dev.vars": "MAIL_LOGO_URL=logo.svg\n" });
    expect(wrong.code).toBe(1);
    expect(wrong.complained).toContain("MAIL_LOGO_URL takes a path like /static/logo.png, or an https URL");
    expect(existsSync(join(wrong.root, "dist"))).toBe(false);
  });
});
