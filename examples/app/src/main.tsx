/** The app: its frame, and which page is shown. */
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { sentenceOf } from "./form.tsx";
import { Page, Told, tell } from "./page.tsx";
import { LoginPage } from "./pages/login.tsx";
import { NotesPage } from "./pages/notes.tsx";
import { RegisterPage } from "./pages/register.tsx";
import { SessionsPage } from "./pages/sessions.tsx";
import { VerifyEmailPage } from "./pages/verify-email.tsx";
import { go, Link, leadTo, usePath } from "./router.tsx";
import { client, POSTERN_URL, type Session, useSession } from "./session.ts";

/** The pages for users who are logged in. */
const PAGES = ["/", "/sessions", "/verify-email"];

function App() {
  const { session, retry } = useSession();
  const path = usePath();
  const isAstray = session.status === "signed_in" && !PAGES.includes(path);
  useEffect(() => {
    if (isAstray) leadTo("/");
  }, [isAstray]);
  return (
    <>
      <header>
        <Link to="/">
          <img src="/favicon.svg" alt="" width="28" height="28" /> Jotter
        </Link>
        {session.status === "signed_in" && <Navigation path={path} username={session.user.username} />}
      </header>
      <CurrentPage path={path} session={session} retry={retry} />
      {/* The key removes the message when the page or the user changes. */}
      <Told key={`${session.status} ${path}`} />
      {import.meta.env.DEV && (
        <footer>
          No emails are sent in development. <a href={`${POSTERN_URL}/dev/outbox`}>Open the outbox</a>
        </footer>
      )}
    </>
  );
}

function CurrentPage({ path, session, retry }: { path: string; session: Session; retry: () => void }) {
  // The link in an email works with or without a session.
  if (path === "/verify-email") return <VerifyEmailPage />;
  switch (session.status) {
    case "loading":
      return <main aria-busy="true" />;
    case "unknown":
      return (
        <Page title="Something went wrong">
          <div class="card">
            <p>{sentenceOf(session.error)}</p>
            <button type="button" onClick={retry}>
              Try again
            </button>
          </div>
        </Page>
      );
    case "signed_out":
      return path === "/register" ? <RegisterPage /> : <LoginPage reason={session.reason} />;
    case "signed_in":
      return path === "/sessions" ? <SessionsPage key={session.user.id} /> : <NotesPage key={session.user.id} />;
  }
}

function Navigation({ path, username }: { path: string; username: string }) {
  return (
    <nav aria-label="Main">
      <Link to="/" current={path !== "/sessions"}>
        Notes
      </Link>
      <Link to="/sessions" current={path === "/sessions"}>
        Sessions
      </Link>
      <span class="who">{username}</span>
      <button type="button" class="quiet" onClick={() => logOut()}>
        Log out
      </button>
    </nav>
  );
}

/** Logs out on this page at once. If Postern can't be reached, the session still exists, so the page tells the user. */
async function logOut() {
  go("/");
  try {
    await client.logout();
  } catch (error) {
    tell(`We couldn't end your session. ${sentenceOf(error)}`);
  }
}

const place = document.getElementById("app");
if (place !== null) render(<App />, place);
