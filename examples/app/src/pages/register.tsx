/** Registration. Postern's answer does not reveal whether the address already has an account; the email does. */
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
    <Page title="Create an account">
      <Form button="Create account" submit={register}>
        {(messageOf) => (
          <>
            <Field
              name="email"
              label="Email address"
              input={{ inputMode: "email", autocomplete: "email" }}
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
              hint="At least 15 characters. A few unrelated words are easy to remember and hard to guess."
              message={messageOf("password")}
            />
          </>
        )}
      </Form>
      <p>
        Already have an account? <Link to="/">Log in</Link>
      </p>
    </Page>
  );
}

function MailedPage({ email }: { email: string }) {
  const resend = useAction(async () => {
    await ask(`${POSTERN_URL}/api/v1/auth/resend-verification`, "POST", { email });
    tell("Email sent.");
  });
  return (
    <Page title="Check your email">
      <div class="card">
        <p>
          We've sent a link to <strong>{email}</strong>. Open it to verify your address.
        </p>
        <Failure error={resend.error} />
        <button type="button" class="quiet" aria-disabled={resend.busy} onClick={() => resend.run()}>
          Resend email
        </button>
      </div>
    </Page>
  );
}
