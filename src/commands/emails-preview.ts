/** `npm run emails:preview`: writes a sample of every email in every language into a folder. Sends nothing. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Config, ConfigurationError, parseConfig } from "../config/config.ts";
import { chosenSubject } from "../config/email-subjects.ts";
import { SUPPORTED_LOCALES } from "../config/languages.ts";
import type { MailLook } from "../mail/render-html.ts";
import { type SampleMail, sampleMails } from "../mail/samples.ts";
import { DEFAULT_THEME, readTheme } from "../mail/theme.ts";
import { contrastWarnings } from "../mail/theme-contrast.ts";
import { escapeHtml } from "../platform/escape-html.ts";
import { readVariables } from "./doctor/variables.ts";
import { readFlags, understand } from "./flags.ts";
import { endWith, here, type Surroundings } from "./surroundings.ts";

const USAGE = `Usage: npm run emails:preview [-- folder]

Writes every email in every language into the folder (dist/emails), as HTML and as text, with an index.html. The name,
the logo and the subjects are those of .dev.vars, the colors those of public/static/theme.css. Sends nothing.

  --help                show this text
`;

/** Values that every configuration needs, but that no email shows. */
const REQUIRED = { ENVIRONMENT: "development", AUTH_SECRET: "an example: no email contains anything of it" };

type Preview = Record<(typeof SUPPORTED_LOCALES)[number], SampleMail[]>;

/** Runs the command. Returns its exit code. */
export function previewEmails(argv: readonly string[], world: Pick<Surroundings, "root" | "say" | "complain">): number {
  const parsed = readFlags(argv, { help: { type: "boolean", short: "h" } }, true);
  const flags =
    "fault" in parsed ? parsed : { help: parsed.values.help ?? false, folder: parsed.positionals[0] ?? "dist/emails" };
  const command = understand(flags, USAGE, world);
  if (typeof command === "number") return command;
  const configuration = readConfiguration(join(world.root, ".dev.vars"));
  if (configuration instanceof ConfigurationError) {
    world.complain(`${configuration.message}\n`);
    return 1;
  }
  const { theme, ignored } = readOwnTheme(join(world.root, "public/static/theme.css"));
  const { productName: product, mail, publicUrl: origin } = configuration;
  const look: MailLook = { product, logo: mail.logo, theme };
  const mailsIn = (locale: (typeof SUPPORTED_LOCALES)[number]) =>
    sampleMails(locale, look, {
      origin,
      subjectOf: (kind) => chosenSubject(mail.subjects, { kind, locale, product }),
    });
  const preview: Preview = { en: mailsIn("en"), de: mailsIn("de") };
  const folder = resolve(world.root, command.folder);
  write(folder, preview, product, world.root);
  for (const warning of [...ignored.map(ignoredWarning), ...contrastWarnings(theme)]) {
    world.complain(`theme.css: ${warning}\n`);
  }
  world.say(
    `${preview.en.length} emails in ${SUPPORTED_LOCALES.length} languages: open ${join(folder, "index.html")}\n`,
  );
  return 0;
}

function readConfiguration(path: string): Config | ConfigurationError {
  try {
    return parseConfig({ ...REQUIRED, ...readVariables(path) });
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
}

function readOwnTheme(path: string): ReturnType<typeof readTheme> {
  return existsSync(path) ? readTheme(readFileSync(path, "utf8")) : { theme: DEFAULT_THEME, ignored: [] };
}

function ignoredWarning(variable: string): string {
  const takes = variable === "--radius" ? "corners in px or rem" : "colors like #7a2048";
  return `emails ignore the value of ${variable}, because they take ${takes}.`;
}

/** The files that the index shares with the pages of the service. */
const SHARED = ["postern.css", "theme.css", "logo.svg"];

function write(folder: string, preview: Preview, product: string, root: string): void {
  for (const locale of SUPPORTED_LOCALES) {
    mkdirSync(join(folder, locale), { recursive: true });
    for (const { kind, html, text, subject } of preview[locale]) {
      writeFileSync(join(folder, locale, `${kind}.html`), html);
      writeFileSync(join(folder, locale, `${kind}.txt`), `Subject: ${subject}\n\n${text}`);
    }
  }
  writeFileSync(join(folder, "index.html"), indexOf(preview, product));
  for (const file of SHARED) {
    const source = join(root, "public/static", file);
    if (existsSync(source)) cpSync(source, join(folder, file));
  }
}

const STYLES = `.preview { width: 100%; max-width: 90rem; margin: 0 auto; padding: 0.5rem 1rem 3rem; }
.kinds { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin: 0; padding: 0; list-style: none; }
.preview h2 { margin: 2.5rem 0 0.75rem; font-size: 1.25rem; scroll-margin-top: 1rem; }
.versions { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1.25rem; }
.preview .card { max-width: none; padding: 1.25rem; }
iframe { width: 100%; height: 40rem; border: 1px solid var(--line); border-radius: 0.625rem; background: var(--page); }`;

function indexOf(preview: Preview, product: string): string {
  const name = escapeHtml(product);
  const links = preview.en.map(({ kind }) => `<li><a href="#${kind}">${wordsOf(kind)}</a></li>`);
  const sections = preview.en.map(({ kind }) => {
    const versions = SUPPORTED_LOCALES.map((locale) => {
      const mail = preview[locale].find((candidate) => candidate.kind === kind);
      const file = `${locale}/${kind}`;
      return `<article class="card" lang="${locale}">
<h3>${escapeHtml(mail?.subject ?? "")}</h3>
<p><a href="${file}.html">HTML</a> · <a href="${file}.txt">Text</a></p>
<iframe src="${file}.html" title="${escapeHtml(`${kind}, ${locale}`)}" loading="lazy" sandbox></iframe>
</article>`;
    });
    return `<section aria-labelledby="${kind}">
<h2 id="${kind}">${wordsOf(kind)}</h2>
<div class="versions">${versions.join("\n")}</div>
</section>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Emails · ${name}</title>
<link rel="icon" href="logo.svg" type="image/svg+xml">
<link rel="stylesheet" href="postern.css">
<link rel="stylesheet" href="theme.css">
<style>
${STYLES}
</style>
</head>
<body>
<header class="site-header">
<h1 class="brand"><img class="brand-mark" src="logo.svg" alt="" width="28" height="28">${name} <span class="brand-place">Emails</span></h1>
</header>
<main class="preview">
<p>Made-up users and links. The look is light or dark as your browser asks for.</p>
<nav aria-label="Emails"><ul class="kinds">${links.join("\n")}</ul></nav>
${sections.join("\n")}
</main>
</body>
</html>
`;
}

function wordsOf(kind: string): string {
  return kind.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
}

if (import.meta.main) await endWith(previewEmails(process.argv.slice(2), here()));
