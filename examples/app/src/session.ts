/** The session: Postern's client, created once for the page, and a hook for the pages. */
import { type AuthState, createClient, readError, type SignedOutReason, type User } from "postern/client";
import { useEffect, useState } from "preact/hooks";

export const POSTERN_URL: string = import.meta.env.VITE_POSTERN_URL ?? "http://localhost:8787";
export const API_URL: string = import.meta.env.VITE_API_URL ?? "http://localhost:8790";

/**
 * The refresh token is in a cookie that scripts can't read, so the user stays logged in after a reload. The access
 * token is in memory. The client sends the access token only to Postern and to the APIs in `apis`.
 */
export const client = createClient({
  baseUrl: POSTERN_URL,
  mode: "cookie",
  apis: [API_URL],
  deviceName: nameOfBrowser(navigator.userAgent),
});

export type Session =
  | { status: "loading" }
  | { status: "signed_in"; user: User }
  | { status: "signed_out"; reason: SignedOutReason }
  /** Postern did not answer. */
  | { status: "unknown"; error: unknown };

/** The session. Follows changes in this page, in other tabs and on other devices. */
export function useSession(): { session: Session; retry: () => void } {
  const [session, setSession] = useState<Session>({ status: "loading" });
  const [attempt, setAttempt] = useState(0);

  // Runs again when `retry` changes `attempt`.
  useEffect(() => {
    let latest: AuthState | undefined;
    const follow = async (state: AuthState) => {
      latest = state;
      if (state.status === "signed_out") return setSession(state);
      try {
        // A restored session has no user yet.
        const user = state.user ?? (await client.user());
        if (user !== null && latest === state) setSession({ status: "signed_in", user });
      } catch (error) {
        if (latest === state) setSession({ status: "unknown", error });
      }
    };
    const unfollow = client.onAuthStateChange(follow);
    // Restores an earlier session. `follow` gets the result. `catch` only gets the error of a request that failed.
    client.refresh().catch((error) => setSession({ status: "unknown", error }));
    return unfollow;
  }, [attempt]);

  const retry = () => {
    setSession({ status: "loading" });
    setAttempt((attempts) => attempts + 1);
  };
  return { session, retry };
}

/**
 * Calls Postern or the API with the user's access token. Returns the JSON of the response; `null` if it has no body.
 * Throws a `PosternError` if the response is an error.
 */
export async function ask<Answer>(url: string, method = "GET", body?: object): Promise<Answer> {
  const response = await client.fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  if (!response.ok) throw await readError(response);
  // A 204 has no body.
  return JSON.parse((await response.text()) || "null");
}

/** Logs in with a passkey that the browser offers. Users add passkeys on Postern's page /account. */
export async function logInWithPasskey(): Promise<void> {
  const options: PublicKeyCredentialRequestOptionsJSON = await ask(
    `${POSTERN_URL}/api/v1/auth/passkey/options`,
    "POST",
    {},
  );
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = await navigator.credentials.get({ publicKey });
  // `JSON.stringify` calls the `toJSON()` of the credential.
  const answer: AuthenticationResponseJSON = JSON.parse(JSON.stringify(credential));
  await client.loginWithPasskey(answer);
}

/** The name of this device in the list of sessions, for example "Firefox on Windows". */
function nameOfBrowser(userAgent: string): string {
  const browser = /Edg|Firefox|Chrome|Safari/.exec(userAgent)?.[0].replace("Edg", "Edge") ?? "A browser";
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(userAgent)?.[0];
  return system === undefined ? browser : `${browser} on ${system}`;
}
