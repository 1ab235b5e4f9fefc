/** Login, with an email address or a username, or with a passkey. */
import type { SignedOutReason } from "postern/client";
import { Failure, Field, Form, textOf, useAction } from "../form.tsx";
import { Page } from "../page.tsx";
import { Link } from "../router.tsx";
import { client, logInWithPasskey } from "../session.ts";

const WHY: Record<SignedOutReason, string> = {
  no_session: "",
  logout: "You've been logged out.",
  session_ended: "Your session has ended. Log in again.",
};

export function LoginPage({ reason }: { reason: SignedOutReason }) {
  // After a successful login, the session changes and the app shows another page.
  const logIn = (data: FormData) => {
    const name = textOf(data, "name").trim();
    const who = name.includes("@") ? { email: name } : { username: name };
    return client.login({ ...who, password: textOf(data, "password") });
  };
  const passkey = useAction(logInWithPasskey);
  return (
    <Page title="Log in">
      {WHY[reason] !== "" && <p class="note">{WHY[reason]}</p>}
      <Form button="Log in" submit={logIn}>
        {(messageOf) => (
          <>
            <Field
              name="name"
              label="Email address or username"
              input={{ autocomplete: "username" }}
              message={messageOf("email") ?? (messageOf("username") && "Enter your email address or username.")}
            />
            <Field
              name="password"
              label="Password"
              input={{ type: "password", autocomplete: "current-password" }}
              message={messageOf("password")}
            />
          </>
        )}
      </Form>
      <Failure error={passkey.error} />
      {"PublicKeyCredential" in window && (
        <button type="button" class="quiet" aria-disabled={passkey.busy} onClick={() => passkey.run()}>
          Log in with a passkey
        </button>
      )}
      <p>
        No account yet? <Link to="/register">Create one</Link>
      </p>
    </Page>
  );
}
