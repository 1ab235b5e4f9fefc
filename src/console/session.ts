/** The operator's session. The refresh token is in a cookie that scripts can't read, as on the hosted pages. */
import { createClient } from "../client/index.ts";
import { language } from "./words.ts";

/**
 * Asks the operator to reauthenticate. Until `whenReauthenticationIsRequired` has set this function, requests that need
 * a recent login fail.
 */
let askAgain = async () => false;

export const client = createClient({
  baseUrl: location.origin,
  mode: "cookie",
  onReauthenticationRequired: () => askAgain(),
});

/** Sets the function that asks the operator to reauthenticate. `asks` resolves to whether the operator has done so. */
export function whenReauthenticationIsRequired(asks: () => Promise<boolean>): void {
  askAgain = asks;
}

/**
 * Opens the log-in page, which leads back to the view. The URL leaves out the view's parameters, because they can
 * contain an email address, and servers may log URLs. `news` selects the message that the log-in page shows.
 */
export function goToLogin(news: "" | "#logged-out" = ""): void {
  const [view = ""] = location.hash.split("?");
  location.replace(`/login?lang=${language}&return_to=${encodeURIComponent(location.pathname + view)}${news}`);
}
