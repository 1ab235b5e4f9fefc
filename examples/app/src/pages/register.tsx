/** Opening an account. Postern answers alike whether or not the address has one: the mail says which. */
import { useState } from "preact/hooks";
import { Failure, Field, Form, textOf, useAction } from "../form.tsx";
import { Page, tell } from "../page.tsx";
import { Link } from "../router.tsx";
import { ask, client, POSTERN_URL } from "../session.ts";

export function RegisterPage() {
  const [mailedTo, setMailedTo] = useState<string>();
  if (mailedTo !== undefined) return <MailedPage email={mailedTo} />;

  const register = async (data: FormData) => {
    const email = textOf(data, "email").trim();
    await client.register({ email, username: textOf(data, "username").trim(), password: textOf(data, "password") });
    setMailedTo(email);
  };
  return (
    <Page title="Open an account">
      <Form button="Open account" submit={register}>
        {(messageOf) => (
          <>
            <Field
              name="email"
              label="Email address"
              input={{ type: "email", autocomplete: "email" }}
              message={messageOf("email")}
            />
            <Field
              name="username"
              label="Username"
              input={{ autocomplete: "username" }}
              message={messageOf("username")}
            />
            <Field
              name="password"
              label="Password"
              input={{ type: "password", autocomplete: "new-password" }}
              hint="At least 15 characters. A few words that do not belong together are good."
              message={messageOf("password")}
            />
          </>
        )}
      </Form>
      <p>
        You have an account? <Link to="/">Log in</Link>
      </p>
    </Page>
  );
}

function MailedPage({ email }: { email: string }) {
  const resend = useAction(async () => {
    await ask(`${POSTERN_URL}/api/v1/auth/resend-verification`, "POST", { email });
    tell("Another mail is on its way.");
  });
  return (
    <Page title="Look in your mail">
      <div class="card">
        <p>
          A link went to <strong>{email}</strong>. Open it, and your account is ready.
        </p>
        <Failure error={resend.error} />
        <button type="button" class="quiet" aria-disabled={resend.busy} onClick={() => resend.run()}>
          Send it again
        </button>
      </div>
    </Page>
  );
}
