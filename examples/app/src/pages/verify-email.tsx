/**
 * The page behind the mailed link (Postern's VERIFY_EMAIL_URL). The token is in the fragment, which goes to no server,
 * and a click spends it, so that what opens links in mails before people do spends nothing.
 */
import { useState } from "preact/hooks";
import { Failure, useAction } from "../form.tsx";
import { Page } from "../page.tsx";
import { Link } from "../router.tsx";
import { ask, POSTERN_URL } from "../session.ts";

// Out of the address bar, and so out of the history and of screenshots.
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
      <Page title="Your address is verified">
        <div class="card">
          <p>Your account is ready.</p>
          <Link to="/">Go on to your notes</Link>
        </div>
      </Page>
    );
  }
  if (token === null) {
    return (
      <Page title="Open the link from your mail">
        <p class="card">This page needs the whole link: open it from the mail, or copy all of it.</p>
      </Page>
    );
  }
  return (
    <Page title="One more click">
      <div class="card">
        <p>This proves that the address is yours.</p>
        <Failure error={verify.error} />
        <button type="button" aria-disabled={verify.busy} onClick={() => verify.run()}>
          Verify my address
        </button>
      </div>
    </Page>
  );
}
