/**
 * The service's code that the page `/dev/brand` uses: sample emails as the service sends them, warnings about the
 * contrast of colors, and the lines of configuration for a brand. The build bundles this file for the browser; no
 * Worker contains it.
 */
import { COLOR_VARIABLES, DEFAULT_THEME, type MailColors, type MailTheme } from "../mail/theme.ts";

export { sampleMails } from "../mail/samples.ts";
export { COLOR_VARIABLES, DEFAULT_THEME, readTheme } from "../mail/theme.ts";
export { contrastWarnings } from "../mail/theme-contrast.ts";

export interface Brand {
  product: string;
  /** `Name <address>`, or empty to keep the configured sender. */
  sender: string;
  /** `MAIL_LOGO_URL`, or empty. */
  logoUrl: string;
  logoWidth: number;
  theme: MailTheme;
}

/** The settings of a brand, as lines to put into the files of a checkout. */
interface BrandFiles {
  /** The lines for `.dev.vars`. */
  variables: string;
  /** The lines for `deployments/production.toml`. */
  toml: string;
  /** The content of `public/static/theme.css`; empty if the theme is the default one. */
  css: string;
}

const PIXELS_PER_REM = 16;

export function brandFiles({ product, sender, logoUrl, logoWidth, theme }: Brand): BrandFiles {
  const texts = [
    ["PRODUCT_NAME", product],
    ["MAIL_FROM", sender],
    ["MAIL_LOGO_URL", logoUrl],
    ["MAIL_LOGO_WIDTH", logoUrl === "" ? "" : String(logoWidth)],
  ].filter(([, value]) => value !== "");
  return {
    variables: texts.map(([name, value = ""]) => `${name}=${quote(value)}\n`).join(""),
    toml: ["[vars]\n", ...texts.map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)].join(""),
    css: themeCss(theme),
  };
}

/** The color of a button or link while the pointer is on it: darker in the light look, lighter in the dark one. */
export function accentStrong(accent: string, look: "light" | "dark"): string {
  const [target, share] = look === "light" ? [0, 0.25] : [255, 0.3];
  const channels = [1, 3, 5].map((start) => Number.parseInt(accent.slice(start, start + 2), 16));
  const mixed = channels.map((channel) => Math.round(channel + (target - channel) * share));
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}

/** The CSS of a brand. Leaves out each value that `postern.css` or an earlier declaration already sets. */
function themeCss({ light, dark, radius }: MailTheme): string {
  const lightLines = declare(light, DEFAULT_THEME.light, "light");
  if (radius !== DEFAULT_THEME.radius) lightLines.push(`--radius: ${radius / PIXELS_PER_REM}rem;`);
  // A declared light color also applies in the dark look, instead of the default dark color.
  const inherited = { ...DEFAULT_THEME.dark };
  for (const name of NAMES) if (light[name] !== DEFAULT_THEME.light[name]) inherited[name] = light[name];
  const darkLines = declare(dark, inherited, "dark");
  const block = (lines: string[], indent: string) =>
    `${indent}:root {\n${lines.map((line) => `${indent}  ${line}\n`).join("")}${indent}}\n`;
  return [
    ...(lightLines.length === 0 ? [] : [block(lightLines, "")]),
    ...(darkLines.length === 0 ? [] : [`@media (prefers-color-scheme: dark) {\n${block(darkLines, "  ")}}\n`]),
  ].join("\n");
}

const NAMES = [
  "page",
  "surface",
  "text",
  "muted",
  "line",
  "accent",
  "onAccent",
] as const satisfies (keyof MailColors)[];

function declare(colors: MailColors, known: MailColors, look: "light" | "dark"): string[] {
  return NAMES.filter((name) => colors[name] !== known[name]).flatMap((name) => [
    `${COLOR_VARIABLES[name]}: ${colors[name]};`,
    ...(name === "accent" ? [`--accent-strong: ${accentStrong(colors.accent, look)};`] : []),
  ]);
}

/** Quotes a value for `.dev.vars`, where text in single quotes is taken literally. */
function quote(value: string): string {
  if (/^[\w./:@-]+$/.test(value)) return value;
  return value.includes("'") ? JSON.stringify(value) : `'${value}'`;
}
