/** Logging in, by email or username. */
import type { SignedOutReason } from "postern/client";
import { Field, Form, textOf } from "../form.tsx";
import { Page } from "../page.tsx";
import { Link } from "../router.tsx";
import { client } from "../session.ts";

const WHY: Record<SignedOutReason, string> = {
  no_session: "",
  logout: "You are logged out.",
  session_ended: "Your session was ended. Log in again to go on.",
};

export function LoginPage({ reason }: { reason: SignedOutReason }) {
  // Where it succeeds, the session changes and another page takes this one's place.
  const logIn = (data: FormData) => {
    const name = textOf(data, "name").trim();
    const who = name.includes("@") ? { email: name } : { username: name };
    return client.login({ ...who, password: textOf(data, "password") });
  };
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
              message={messageOf("email") ?? (messageOf("username") && "Type your email address or your username.")}
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
      <p>
        New here? <Link to="/register">Open an account</Link>
      </p>
    </Page>
  );
}
