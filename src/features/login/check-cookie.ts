import { holderOf } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { verifyRefreshToken } from "../../sessions/refresh-token.ts";
import { readRefreshCookies } from "./refresh-cookie.ts";

/** Makes no storage call, so the answer doesn't say whether the session still exists. A refresh says that. */
export const checkCookie = endpoint(
  {
    id: "checkCookie",
    method: "post",
    path: "/api/v1/auth/check-cookie",
    tag: "Authentication",
    summary: "Check the cookie",
    description:
      "After a login with `cookie: true`: whether the browser sends the cookie. A browser that refuses cookies doesn't say so by itself. Then end the session with the access token.",
    caller: holderOf("refresh_token"),
    success: { status: 204, description: "The browser sent the cookie." },
    refusals: ["invalid_refresh_token", "origin_not_allowed"],
  },
  async (services, { exchange }) => {
    const cookies = readRefreshCookies(services, exchange);
    if (isRefusal(cookies)) return cookies;
    const isSent = cookies.some((token) => verifyRefreshToken(token, services.secrets) !== undefined);
    return isSent ? undefined : refuse("invalid_refresh_token");
  },
);
