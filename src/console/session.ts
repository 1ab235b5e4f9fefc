/** The operator's session. As on the hosted pages, the refresh token is in a cookie that scripts can't read. */
import { createClient } from "../client/index.ts";
import { language } from "./words.ts";

/**
 * Asks the operator to prove again who they are. Until `whenReauthenticationIsRequired` has set this function, requests
 * that need a recent login fail.
 */
let askAgain = async () => false;

export const client = createClient({
  baseUrl: location.origin,
  mode: "cookie",
  onReauthenticationRequired: () => askAgain(),
});

/** Sets the function that asks the operator to prove again who they are. `asks` resolves to whether they did. */
export function whenReauthenticationIsRequired(asks: () => Promise<boolean>): void {
  askAgain = asks;
}

/**
 * Opens the log-in page, which leads back to the view. The URL leaves out the view's parameters: they can contain an
 * email address, and the server logs the URLs of requests. `news` is the message that the log-in page shows.
 */
export function goToLogin(news: "" | "#logged-out" = ""): void {
  const [view = ""] = location.hash.split("?");
  location.replace(`/login?lang=${language}&return_to=${encodeURIComponent(location.pathname + view)}${news}`);
}
