/** `npm run emails:preview`: writes every email in every language into a folder, to look at. Sends nothing. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
import { here, type Surroundings } from "./surroundings.ts";

const USAGE = `Usage: npm run emails:preview [-- folder]

Writes every email in every language into the folder (dist/emails), as HTML and as text, with an index.html. The name,
the logo and the subjects are those of .dev.vars, the colors those of public/static/theme.css. Sends nothing.

  --help                show this text
`;

/** Values that every configuration needs, and no email shows. */
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
  write(folder, preview, product);
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

function write(folder: string, preview: Preview, product: string): void {
  for (const locale of SUPPORTED_LOCALES) {
    mkdirSync(join(folder, locale), { recursive: true });
    for (const { kind, html, text, subject } of preview[locale]) {
      writeFileSync(join(folder, locale, `${kind}.html`), html);
      writeFileSync(join(folder, locale, `${kind}.txt`), `Subject: ${subject}\n\n${text}`);
    }
  }
  writeFileSync(join(folder, "index.html"), indexOf(preview, product));
}

function indexOf(preview: Preview, product: string): string {
  const sections = preview.en.map(({ kind }) => {
    const versions = SUPPORTED_LOCALES.map((locale) => {
      const mail = preview[locale].find((candidate) => candidate.kind === kind);
      const file = `${locale}/${kind}`;
      return `<article lang="${locale}"><h3>${escapeHtml(mail?.subject ?? "")}</h3>
<p><a href="${file}.html">HTML</a> · <a href="${file}.txt">Text</a></p>
<iframe src="${file}.html" title="${escapeHtml(`${kind}, ${locale}`)}" loading="lazy" sandbox></iframe></article>`;
    });
    return `<section><h2 id="${kind}"><a href="#${kind}">${kind}</a></h2><div>${versions.join("\n")}</div></section>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Emails of ${escapeHtml(product)}</title>
<style>body{max-width:1300px;margin:0 auto;padding:24px;font:16px/1.5 system-ui,sans-serif}div{display:flex;flex-wrap:wrap;gap:24px}article{flex:1 1 400px}h2{margin:48px 0 0}h2 a{color:inherit}h3{margin:16px 0 0;font-size:16px}p{margin:0 0 8px}iframe{width:100%;height:640px;border:1px solid #8888;border-radius:8px}</style></head>
<body><h1>Emails of ${escapeHtml(product)}</h1>
<p>Made-up users and links. The look is light or dark as your browser asks for.</p>
${sections.join("\n")}
</body></html>
`;
}

if (import.meta.main) process.exitCode = previewEmails(process.argv.slice(2), here());
