/**
 * The page behind the link in a verification mail: /verify-email#token=…
 *
 * The token travels in the fragment, which browsers send to no server, and is spent only by a person's click:
 * a mail scanner that opens the link, even one that runs scripts, cannot use it up.
 */
import {
  byId,
  focusHeading,
  offerAnotherLink,
  post,
  show,
  takeTokenFromAddress,
  waitAdvice,
  whileBusy,
} from "./page.js";

const verifyButton = byId("verify");
const usualLabel = verifyButton.textContent;

/** Kept in memory alone, so that a failed attempt can be repeated and nothing is left behind. */
let token = takeTokenFromAddress();

verifyButton.addEventListener("click", verify);
offerAnotherLink("/api/v1/auth/resend-verification");
// Pasting a second link into the same tab changes the fragment without loading the page again.
window.addEventListener("hashchange", () => {
  const anotherToken = takeTokenFromAddress();
  if (anotherToken) {
    token = anotherToken;
    verifyButton.textContent = usualLabel;
    show("ready");
    focusHeading();
  }
});

show(token ? "ready" : "missing");

async function verify() {
  const answer = await whileBusy(verifyButton, "Verifying…", () => post("/api/v1/auth/verify-email", { token }));
  if (answer.ok) {
    show("verified");
  } else if (answer.code === "expired_token") {
    show("expired");
  } else if (answer.code === "invalid_token" || answer.status === 422) {
    show("invalid");
  } else {
    show(answer.status === 429 ? "limited" : "unavailable");
    verifyButton.textContent = "Try again";
    for (const place of document.querySelectorAll("[data-wait]")) {
      place.textContent = waitAdvice(answer.retryAfterSeconds);
    }
    byId("reference").textContent = answer.requestId;
    byId("reference-line").hidden = !answer.requestId;
  }
  focusHeading();
}
