/**
 * The HTML of an email: one column of tables, which every email program lays out. Some programs drop `<style>`, so
 * every style that the layout needs is in an attribute of its element. Only the dark look and the smaller margins on
 * phones need `<style>`. test/mail/email-programs.ts lists what Gmail, Outlook and Apple Mail can't do, with the
 * sources.
 */
import { escapeHtml } from "../platform/escape-html.ts";
import type { Detail, Message } from "./messages.ts";
import type { MailColors, MailTheme } from "./theme.ts";

/** How the product's emails look. */
export interface MailLook {
  product: string;
  /** An image that replaces the product's name. `width` is in pixels. */
  logo: { url: string; width: number } | undefined;
  theme: MailTheme;
}

/** The texts around the message, in its language. */
interface Surroundings {
  locale: string;
  withoutButton: string;
  footer: string;
}

const WIDTH = 560;
const FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const BUTTON_RADIUS = 10;

/** Keeps programs from showing the beginning of the email after the preview. */
const NOTHING_MORE = "&zwnj;&nbsp;".repeat(80);

/**
 * The attributes of a table for layout. Outlook ignores the style `border-spacing`, so attributes remove the spacing.
 * Screen readers don't announce a table with `role="presentation"`.
 */
const TABLE = 'role="presentation" cellpadding="0" cellspacing="0" border="0"';

/**
 * Renders a message as HTML, which loads nothing but the logo, if there is one. A username can look like a telephone
 * number, a date or an address, so the HTML asks Apple's programs not to turn these into links.
 */
export function renderHtml(message: Message, { locale, withoutButton, footer }: Surroundings, look: MailLook): string {
  const { light, radius } = look.theme;
  const { action, body, closing, preview, subject } = message;
  const rows = [
    row(
      0,
      `<h1 class="heading" style="margin:0;font-size:24px;line-height:32px;font-weight:700;word-break:break-word">${escapeHtml(subject)}</h1>`,
      light,
    ),
    ...body.map((block) =>
      typeof block === "string"
        ? row(16, paragraph(escapeHtml(block)), light)
        : row(20, detailTable(block, light), light),
    ),
    ...(action === undefined ? [] : [row(28, button(action, look.theme), light)]),
    smallRow(action === undefined ? 20 : 28, escapeHtml(closing), light),
    ...(action === undefined ? [] : [row(24, plainLink(action.url, withoutButton, light), light)]),
  ];
  return `<!doctype html>
<html lang="${escapeHtml(locale)}" xmlns:o="urn:schemas-microsoft-com:office:office">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(subject)}</title>
<!--[if mso]><xml><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml><style>td,th,p,h1,a,span{font-family:Arial,sans-serif!important}</style><![endif]-->
<style>${darkLook(look.theme.dark)}</style>
<style>@media (max-width:480px){.page-cell{padding:20px 12px!important}.card{padding:28px 24px!important}.heading{font-size:21px!important;line-height:28px!important}}</style>
</head>
<body class="page" style="margin:0;padding:0;width:100%;background-color:${light.page}">
<div style="display:none;max-height:0;overflow:hidden;mso-hide:all;font-size:1px;line-height:1px;color:${light.page}">${escapeHtml(preview)}${NOTHING_MORE}</div>
<table ${TABLE} width="100%" class="page" bgcolor="${light.page}" style="background-color:${light.page}"><tr><td class="page-cell" align="center" style="padding:40px 16px">
<!--[if mso]><table ${TABLE} width="${WIDTH}" align="center"><tr><td><![endif]-->
<table ${TABLE} width="100%" style="width:100%;max-width:${WIDTH}px">
<tr><td align="left" style="padding:0 4px 20px">${look.logo === undefined ? nameOf(look) : logoOf(look.logo, look)}</td></tr>
<tr><td class="card" align="left" bgcolor="${light.surface}" style="padding:40px;border-radius:${radius}px;background-color:${light.surface}">
<table ${TABLE} width="100%">
${rows.join("\n")}
</table>
</td></tr>
<tr><td class="muted" align="left" style="padding:20px 4px 0;${type(13, 20)};color:${light.muted}">${escapeHtml(footer)}</td></tr>
</table>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr></table>
</body>
</html>
`;
}

/**
 * The CSS of the dark look. Gmail and Outlook for Windows ignore this CSS and darken the light look themselves. The CSS
 * has its own `<style>` block, because Gmail drops a whole block if it can't read one rule in it.
 */
function darkLook({ page, surface, text, muted, line, accent, onAccent }: MailColors): string {
  const rules = [
    `.page{background-color:${page}!important}`,
    `.card{background-color:${surface}!important}`,
    `.text{color:${text}!important}`,
    `.muted{color:${muted}!important}`,
    `.line{border-color:${line}!important}`,
    `.accent{background-color:${accent}!important}`,
    `.on-accent{color:${onAccent}!important}`,
  ];
  return `:root{color-scheme:light dark;supported-color-schemes:light dark}@media (prefers-color-scheme:dark){${rules.join("")}}`;
}

/** The product's first letter in a colored square, followed by its name. Screen readers skip the letter. */
function nameOf({ product, theme: { light } }: MailLook): string {
  const [first = ""] = product;
  const mark = /[\p{L}\p{N}]/u.test(first)
    ? `<td class="accent" width="32" height="32" align="center" bgcolor="${light.accent}" style="border-radius:8px;background-color:${light.accent}"><span class="on-accent" aria-hidden="true" style="${type(17, 32)};font-weight:700;color:${light.onAccent}">${escapeHtml(first.toUpperCase())}</span></td><td width="10" style="font-size:1px;line-height:1px">&nbsp;</td>`
    : "";
  return `<table ${TABLE}><tr>${mark}<td class="text" style="${type(18, 32)};font-weight:700;color:${light.text}">${escapeHtml(product)}</td></tr></table>`;
}

/**
 * The logo. Outlook reads the width from the attribute, other programs from the style. Programs that block images show
 * the product's name instead.
 */
function logoOf({ url, width }: { url: string; width: number }, { product, theme: { light } }: MailLook): string {
  return `<img class="text" src="${escapeHtml(url)}" width="${width}" alt="${escapeHtml(product)}" border="0" style="display:block;width:${width}px;max-width:100%;height:auto;${type(18, 32)};font-weight:700;color:${light.text}">`;
}

function row(space: number, content: string, { text }: MailColors): string {
  return `<tr><td class="text" style="padding:${space}px 0 0;${type(16, 25)};color:${text}">${content}</td></tr>`;
}

function smallRow(space: number, content: string, { muted }: MailColors): string {
  return `<tr><td class="muted" style="padding:${space}px 0 0;${type(14, 22)};color:${muted}">${paragraph(content)}</td></tr>`;
}

function paragraph(content: string): string {
  return `<p style="margin:0">${content}</p>`;
}

/** Labels and values, as a table with headings. A long value wraps, because an attacker may have chosen it. */
function detailTable(details: readonly Detail[], { line, muted, text }: MailColors): string {
  const rows = details.map(({ label, value }, index) => {
    const edge = `border-top:1px solid ${line}${index === details.length - 1 ? `;border-bottom:1px solid ${line}` : ""}`;
    return `<tr><th class="muted line" scope="row" align="left" valign="top" style="padding:10px 16px 10px 0;${edge};${type(14, 22)};font-weight:400;white-space:nowrap;color:${muted}">${escapeHtml(label)}</th><td class="text line" align="left" valign="top" width="100%" style="padding:10px 0;${edge};${type(14, 22)};word-break:break-word;color:${text}">${escapeHtml(value)}</td></tr>`;
  });
  return `<table width="100%" cellpadding="0" cellspacing="0" border="0">${rows.join("")}</table>`;
}

/**
 * A button: a link in a colored cell, because Outlook shows the color of a cell. In Outlook the cell has the padding;
 * in other programs the link has it, so that the whole button can be clicked.
 */
function button({ label, url }: { label: string; url: string }, { light, radius }: MailTheme): string {
  const corners = Math.min(radius, BUTTON_RADIUS);
  return `<table ${TABLE}><tr><td class="accent" align="center" bgcolor="${light.accent}" style="border-radius:${corners}px;background-color:${light.accent};mso-padding-alt:14px 28px"><a href="${escapeHtml(url)}" class="on-accent" style="display:inline-block;padding:14px 28px;border-radius:${corners}px;${type(16, 20)};font-weight:600;text-decoration:none;color:${light.onAccent}">${escapeHtml(label)}</a></td></tr></table>`;
}

function plainLink(url: string, withoutButton: string, { line, muted }: MailColors): string {
  return `<table ${TABLE} width="100%"><tr><td class="muted line" style="padding:20px 0 0;border-top:1px solid ${line};${type(13, 20)};color:${muted}">${escapeHtml(withoutButton)}<br><a href="${escapeHtml(url)}" class="muted" style="word-break:break-all;color:${muted}">${escapeHtml(url)}</a></td></tr></table>`;
}

/**
 * The font styles of a cell. In Outlook, tables don't inherit fonts, so each cell has these styles. Outlook shows
 * Arial, which is always installed: see the `[if mso]` style above.
 */
function type(size: number, lineHeight: number): string {
  return `font-family:${FONT};font-size:${size}px;line-height:${lineHeight}px`;
}
