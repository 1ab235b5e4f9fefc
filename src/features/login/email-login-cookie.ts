/** A cookie by which the service recognizes the browser that requested a link to log in. */
import type { Services } from "../../endpoint/services.ts";
import type { Exchange } from "../../http/exchange.ts";
import { browserKey, isBrowserKey } from "../../links/login-requests.ts";
import { EMAIL_LOGIN_LIFETIME } from "../../mail/requests.ts";
import { SECOND } from "../../platform/clock.ts";
import { readTokenCookies, writeTokenCookie } from "./token-cookies.ts";

type Parts = Pick<Services, "config" | "secrets">;

const NAME = "postern_email_login";

export function rememberBrowser({ config, secrets }: Parts, exchange: Exchange, mailId: string): void {
  const token = browserKey(mailId, secrets);
  writeTokenCookie(config, exchange, { name: NAME, token, maxAge: EMAIL_LOGIN_LIFETIME / SECOND });
}

/** Whether this browser asked for the email. `false` if a page of another site sends the request. */
export function isSameBrowser({ config, secrets }: Parts, exchange: Exchange, mailId: string): boolean {
  const keys = readTokenCookies(config, exchange, NAME);
  return keys.some((key) => isBrowserKey(key, mailId, secrets)) && exchange.hasAllowedOrigin();
}
