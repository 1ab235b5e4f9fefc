/**
 * The page that verification emails link to (Postern's VERIFY_EMAIL_URL). The token is in the fragment, which browsers
 * don't send to servers, and is only used on a click. So email scanners that open links can't use up the token.
 */
import { useState } from "preact/hooks";
import { Failure, useAction } from "../form.tsx";
import { Page } from "../page.tsx";
import { Link } from "../router.tsx";
import { ask, POSTERN_URL } from "../session.ts";

// Removes the token from the address bar, the history and screenshots.
const isHere = location.pathname === "/verify-email";
const token = isHere ? new URLSearchParams(location.hash.slice(1)).get("token") : null;
if (isHere) history.replaceState(null, "", location.pathname);

export function VerifyEmailPage() {
  const [isVerified, setVerified] = useState(false);
  const verify = useAction(async () => {
    await ask(`${POSTERN_URL}/api/v1/auth/verify-email`, "POST", { token });
    setVerified(true);
  });
  if (isVerified) {
    return (
      <Page title="Email address verified">
        <div class="card">
          <p>Your account is ready.</p>
          <Link to="/">Go to your notes</Link>
        </div>
      </Page>
    );
  }
  if (token === null) {
    return (
      <Page title="Open the link in your email">
        <p class="card">Open this page from the link in your verification email, or copy the complete link.</p>
      </Page>
    );
  }
  return (
    <Page title="Verify your email address">
      <div class="card">
        <p>Confirm that this address is yours.</p>
        <Failure error={verify.error} />
        <button type="button" aria-disabled={verify.busy} onClick={() => verify.run()}>
          Verify email address
        </button>
      </div>
    </Page>
  );
}
