/** Who is signed in: Postern's client, made once for the page, and what the pages see of it. */
import { type AuthState, createClient, readError, type SignedOutReason, type User } from "postern/client";
import { useEffect, useState } from "preact/hooks";

export const POSTERN_URL: string = import.meta.env.VITE_POSTERN_URL ?? "http://localhost:8787";
export const API_URL: string = import.meta.env.VITE_API_URL ?? "http://localhost:8790";

/**
 * The refresh token lives in a cookie that no script can read, so a reload stays signed in. The access token lives in
 * memory, and only goes to Postern and to the API that is named here.
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
  /** Nobody can tell: Postern did not answer. */
  | { status: "unknown"; error: unknown };

/** The session, kept up to date: by this page, by other tabs, and by whoever ends it elsewhere. */
export function useSession(): { session: Session; retry: () => void } {
  const [session, setSession] = useState<Session>({ status: "loading" });
  const [attempt, setAttempt] = useState(0);

  // Each attempt begins anew.
  useEffect(() => {
    let latest: AuthState | undefined;
    const follow = async (state: AuthState) => {
      latest = state;
      if (state.status === "signed_out") return setSession(state);
      try {
        // A session that was restored says nothing of its user: ask.
        const user = state.user ?? (await client.user());
        if (user !== null && latest === state) setSession({ status: "signed_in", user });
      } catch (error) {
        if (latest === state) setSession({ status: "unknown", error });
      }
    };
    const unfollow = client.onAuthStateChange(follow);
    // Is there a session from before? The listener hears it, unless nobody answers.
    client.refresh().catch((error) => setSession({ status: "unknown", error }));
    return unfollow;
  }, [attempt]);

  const retry = () => {
    setSession({ status: "loading" });
    setAttempt((attempts) => attempts + 1);
  };
  return { session, retry };
}

/** Asks Postern or the API, as who is signed in. Answers what their JSON says, or null; throws a `PosternError` where they refuse. */
export async function ask<Answer>(url: string, method = "GET", body?: object): Promise<Answer> {
  const response = await client.fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  if (!response.ok) throw await readError(response);
  // A 204 has no body.
  return JSON.parse((await response.text()) || "null");
}

/** What the list of sessions calls this one, for example "Firefox on Windows". */
function nameOfBrowser(userAgent: string): string {
  const browser = /Edg|Firefox|Chrome|Safari/.exec(userAgent)?.[0].replace("Edg", "Edge") ?? "A browser";
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(userAgent)?.[0];
  return system === undefined ? browser : `${browser} on ${system}`;
}
