/** Redirects from paths that people and programs try, although Postern's own paths are different. */
import { type Endpoint, endpoint } from "../../endpoint/endpoint.ts";

const REDIRECTS = [
  {
    id: "leadToPasswordReset",
    path: "/forgot-password",
    location: "/reset-password",
    summary: "Lead to the password reset page",
  },
  {
    id: "leadToPasswordChange",
    path: "/.well-known/change-password",
    location: "/account#change-title",
    summary: "Lead password managers to the change of the password",
    description: "W3C: A Well-Known URL for Changing Passwords.",
  },
  {
    id: "leadToIcon",
    path: "/favicon.ico",
    location: "/static/logo.svg",
    summary: "Lead to the icon",
    description:
      "Browsers ask for this path when they show JSON, for example. Postern's pages name the icon themselves.",
  },
] as const;

export const redirects: readonly Endpoint[] = REDIRECTS.map(({ location, ...redirect }) =>
  endpoint(
    {
      ...redirect,
      method: "get",
      tag: "Service",
      success: { status: 302, description: "The address is in `Location`." },
    },
    async () => new Response(null, { status: 302, headers: { Location: location } }),
  ),
);
