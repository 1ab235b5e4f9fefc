/** Serves a built page: chooses the language, fills in the operator's values, and adds the headers. */
import type { Config } from "../../config/config.ts";
import { findLocale, formatDays, type Locale } from "../../config/languages.ts";
import type { Client, Exchange } from "../../http/exchange.ts";
import { allowedReturnTo } from "../../links/return-to.ts";
import { escapeHtml } from "../../platform/escape-html.ts";
import { CHALLENGED, PAGES_BESIDE_JSON, type PageName, PLACEHOLDERS, pagePath } from "./hosted-pages.ts";

/** Requires Trusted Types, so that no text becomes markup or script on a page that holds a token. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors 'none'";

/**
 * Allows Turnstile's script and frame (Cloudflare's documentation on CSP). Turnstile does not support Trusted Types.
 */
const CHALLENGE_POLICY =
  "default-src 'none'; script-src 'self' https://challenges.cloudflare.com; frame-src https://challenges.cloudflare.com; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

export type ServePage = (name: PageName, client: Client, exchange: Exchange, status?: number) => Promise<Response>;

export function pageServer(config: Config): ServePage {
  const fill = fillIn(config);
  return async (name, client, exchange, status = 200) => {
    const locale = findLocale(exchange.query("lang") ?? "") ?? client.locale;
    const hasChallenge = config.turnstile.siteKey !== undefined && CHALLENGED.includes(name);
    const built = await exchange.fetchAsset(pagePath(name, locale));
    if (!built.ok) throw new Error(`The page ${name} is not among the assets: npm run build makes it.`);
    const returnTo = allowedReturnTo(exchange.query("return_to"), config);
    return new Response(fill(await built.text(), locale, returnTo), {
      status,
      headers: {
        "Content-Type": "text/html; charset=UTF-8",
        "Content-Language": locale,
        "Content-Security-Policy": hasChallenge ? CHALLENGE_POLICY : PAGE_POLICY,
        // A page holds no data of any user, so a cache may store it. Caches must check each time for a new version.
        "Cache-Control": status === 200 ? "public, max-age=0, must-revalidate" : "no-store",
        Vary: PAGES_BESIDE_JSON.some((page) => page === name) ? "Accept, Accept-Language" : "Accept-Language",
      },
    });
  };
}

/**
 * Replaces the placeholders with the operator's values and the address to return to. A placeholder inside a value
 * stays as it is.
 */
function fillIn({
  adminPath,
  development,
  emailCodes,
  emailLogin,
  productName,
  passwords,
  registration,
  sessions,
  turnstile,
}: Config): (text: string, locale: Locale, returnTo: string | undefined) => string {
  const values = new Map<string, string>([
    [PLACEHOLDERS.product, escapeHtml(productName)],
    [PLACEHOLDERS.passwordMinimum, String(passwords.minimumLength)],
    [PLACEHOLDERS.passwordMaximum, String(passwords.maximumLength)],
    [PLACEHOLDERS.registration, registration.policy],
    [PLACEHOLDERS.adminPath, adminPath ?? ""],
    [PLACEHOLDERS.emailLogin, emailLogin ? "on" : "off"],
    [PLACEHOLDERS.emailCodes, emailCodes ? "on" : "off"],
    [PLACEHOLDERS.environment, development ? "development" : "production"],
    [PLACEHOLDERS.turnstileSiteKey, turnstile.siteKey ?? ""],
    [PLACEHOLDERS.trustedDeviceDays, String(sessions.trustedDeviceDays)],
  ]);
  return (text, locale, returnTo = "") => {
    const trustedTime = formatDays(sessions.trustedDeviceDays, locale);
    const ofPage = new Map([
      ...values,
      [PLACEHOLDERS.trustedDeviceTime, trustedTime],
      [PLACEHOLDERS.returnTo, escapeHtml(returnTo)],
    ]);
    return text.replaceAll(/\{\{\w+\}\}/g, (placeholder) => ofPage.get(placeholder) ?? placeholder);
  };
}
