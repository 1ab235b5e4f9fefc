/** The operator's session. As on the hosted pages, the refresh token is in a cookie that scripts can't read. */
import { createClient } from "../client/index.ts";
import { language } from "./words.ts";

/** Asks the operator to prove again who they are. Until the dialog is there, requests that need it fail. */
let askAgain = async () => false;

export const client = createClient({
  baseUrl: location.origin,
  mode: "cookie",
  onReauthenticationRequired: () => askAgain(),
});

/** Sets the function that asks the operator to prove again who they are. It returns whether they did. */
export function whenReauthenticationIsRequired(asks: () => Promise<boolean>): void {
  askAgain = asks;
}

/**
 * Leads to the log-in page and back to the view. The parameters of the view stay here: they can contain an email
 * address, and the server logs the URLs of requests. `news`: what the log-in page shows.
 */
export function goToLogin(news: "" | "#logged-out" = ""): void {
  const [view = ""] = location.hash.split("?");
  location.replace(`/login?lang=${language}&return_to=${encodeURIComponent(location.pathname + view)}${news}`);
}
