/**
 * The routes of the hosted pages. The build has written each page in every language; the Worker chooses the language,
 * fills in values of the configuration (such as the product's name), and adds the headers.
 */
import type { Context } from "hono";
import type { Config } from "../config.ts";
import type { AppEnv } from "../http/app-env.ts";
import { type App, addOperation, defineOperation } from "../http/operation.ts";
import { chooseLocale, findLocale } from "../mail/languages.ts";
import { sha256 } from "../platform/crypto.ts";
import { encodeBase64url, escapeHtml, utf8 } from "../platform/encoding.ts";
import { CHALLENGED, PAGES, type PageName, PLACEHOLDERS, pagePath } from "./pages.ts";

/** With Trusted Types, so that no text can become markup or script on a page that holds a token. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors 'none'";

/** Allows Turnstile's script and frame, as Cloudflare documents. Turnstile does not support Trusted Types. */
const CHALLENGE_POLICY =
  "default-src 'none'; script-src 'self' https://challenges.cloudflare.com; frame-src https://challenges.cloudflare.com; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const LANGUAGE = "The language comes from `?lang=`, or else from `Accept-Language`.";

export function addPageRoutes(app: App, config: Config): void {
  const fill = fillIn(config);
  for (const name of Object.keys(PAGES).filter(isPageName)) {
    const { description, ...page } = PAGES[name];
    const hasChallenge = config.turnstile.siteKey !== undefined && CHALLENGED.includes(name);
    const policy = hasChallenge ? CHALLENGE_POLICY : PAGE_POLICY;
    const operation = defineOperation({
      ...page,
      description: `${description} ${LANGUAGE}`,
      method: "get",
      path: `/${name}`,
      tag: "Pages",
      success: { status: 200, description: "A page.", contentType: "text/html" },
      refusals: [],
    });
    addOperation(app, operation, (c) => answerPage(c, { name, policy, fill }));
  }
}

interface Answered {
  name: PageName;
  policy: string;
  fill: (text: string) => string;
}

async function answerPage(c: Context<AppEnv>, { name, policy, fill }: Answered): Promise<Response> {
  const locale = findLocale(c.req.query("lang") ?? "") ?? chooseLocale(c.req.header("Accept-Language"));
  const built = await c.env.ASSETS.fetch(new URL(pagePath(name, locale), c.req.url));
  if (!built.ok) throw new Error(`The page ${name} is missing from the assets. Run npm run build.`);
  const text = fill(await built.text());
  // Computed from the filled-in page, because the same asset with another product name is another page.
  const etag = `"${encodeBase64url(sha256(utf8(text)))}"`;
  const headers = {
    "Content-Language": locale,
    "Content-Security-Policy": policy,
    // Pages contain no user data. Revalidation shows a new version at once.
    "Cache-Control": "public, max-age=0, must-revalidate",
    ETag: etag,
    Vary: "Accept-Language",
  };
  return isKnown(etag, c.req.header("If-None-Match")) ? c.body(null, 304, headers) : c.html(text, 200, headers);
}

/** Whether the client already has this version (RFC 9110 §13.1.2, weak comparison). */
function isKnown(etag: string, ifNoneMatch = ""): boolean {
  const known = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return known.includes(etag) || known.includes("*");
}

/** Fills in the placeholders in one pass: a value that looks like a placeholder is not filled in again. */
function fillIn({ productName, passwords, registration, turnstile }: Config): (text: string) => string {
  const values = new Map<string, string>([
    [PLACEHOLDERS.product, escapeHtml(productName)],
    [PLACEHOLDERS.passwordMinimum, String(passwords.minimumLength)],
    [PLACEHOLDERS.passwordMaximum, String(passwords.maximumLength)],
    [PLACEHOLDERS.registration, registration.policy],
    [PLACEHOLDERS.turnstileSiteKey, turnstile.siteKey ?? ""],
  ]);
  return (text) => text.replaceAll(/\{\{\w+\}\}/g, (placeholder) => values.get(placeholder) ?? placeholder);
}

function isPageName(name: string): name is PageName {
  return name in PAGES;
}
