import { browser, type Surroundings } from "./browser.ts";
import { expectCookie } from "./cookie.ts";
import { networkError, PosternError } from "./error.ts";
import { createFetch } from "./fetch.ts";
import { createService, readUser } from "./service.ts";
import { type AuthState, createSession, type Message } from "./session.ts";
import { joinTabs, noTabs } from "./tabs.ts";
import type {
  Answer,
  EmailLink,
  EmailLoginBody,
  Fetch,
  LoginBody,
  NewSecondFactor,
  PasskeyCredential,
  ReauthenticateBody,
  RegisterBody,
  SecondFactor,
  TokenPair,
  User,
} from "./types.ts";

export interface ClientOptions {
  /** The origin of the service, for example `https://auth.example.com`. */
  baseUrl: string;
  /**
   * `cookie`: the browser keeps the refresh token where no script can read it. The user stays logged in after a reload,
   * and all tabs of the origin share one session. `memory`: only this page has the refresh token, so a reload logs the
   * user out.
   */
  mode: "cookie" | "memory";
  /** Other origins that `client.fetch` sends the access token to. No other origin gets it. */
  apis?: readonly string[];
  /** The name of this device in the user's list of sessions, if a login does not set one. */
  deviceName?: string;
  /**
   * Called if a response to `client.fetch` demands a recent or a stronger login. Ask the user to prove who they are,
   * call `client.reauthenticate`, then return true: the client sends the request again. Called once for requests that
   * fail at the same time. Not called if the body of the request is a stream, or for a `Request` with a body.
   */
  onReauthenticationRequired?: (error: PosternError) => Promise<boolean>;
  /** A replacement for the global `fetch`. */
  fetch?: Fetch;
}

/**
 * Every method that calls the service throws a `PosternError` if the service refuses or does not answer. Only `fetch`
 * returns refusals as responses.
 */
export interface Client {
  register(body: RegisterBody): Promise<Answer<"/api/v1/auth/register">>;
  /**
   * Logs in with an email or a username. In cookie mode, also checks that the browser kept the cookie. If the browser
   * did not, ends the session and throws `cookies_refused`.
   *
   * Throws `second_factor_required` if the password is right and the user has a second factor. Ask the user for one of
   * the error's `factors`, and call `proveSecondFactor`.
   */
  login(body: LoginBody): Promise<User>;
  /**
   * Emails the user a code, if the `factors` of the error `second_factor_required` contain `email`. Pass the code to
   * `proveSecondFactor` as `emailCode`. If the email doesn't arrive, call this again.
   */
  sendSecondFactorCode(login: { pendingToken: string }): Promise<Answer<"/api/v1/auth/second-factor/email">>;
  /**
   * Finishes a login that was refused with `second_factor_required`. Throws `invalid_factor` if the proof is wrong: ask
   * the user again. Throws `invalid_pending_token` if the login took too long: begin with `login` again.
   */
  proveSecondFactor(proof: SecondFactor): Promise<User>;
  /**
   * Finishes a login that was refused with `second_factor_enrolment_required`. Before this call, send the error's
   * `enrolmentToken` to `/api/v1/auth/enrolment/totp` or `/api/v1/auth/enrolment/passkey/options`, and have the user
   * set up the app or the passkey. Show the recovery codes: they can't be read again. Throws `invalid_factor`
   * or `invalid_passkey` if the proof is wrong, and `invalid_enrolment_token` if the setup took too long.
   */
  setUpSecondFactor(factor: NewSecondFactor): Promise<{ user: User; recoveryCodes: string[] }>;
  /** Logs in with a passkey instead of a password. Checks the cookie as `login` does. */
  loginWithPasskey(credential: PasskeyCredential): Promise<User>;
  /**
   * Emails a link that logs in, if the service offers this. Show the `login_code` of the answer: the user types it if
   * they open the link in another browser. In cookie mode, the service recognizes this browser, and doesn't ask for the
   * code here. In memory mode, keep the code, and pass it to `loginWithEmail`.
   */
  requestEmailLogin(body: EmailLoginBody): Promise<Answer<"/api/v1/auth/email-login">>;
  /**
   * Logs in with the token of an emailed link. Checks the cookie, and throws `second_factor_required`, as `login` does.
   * Throws `login_code_required` if this browser did not request the link: ask the user for the code, and call this
   * again with the code.
   */
  loginWithEmail(link: EmailLink): Promise<User>;
  /**
   * Logs out at once, here and in the tabs that share the session. With `all`, ends every session of the user.
   *
   * Throws if the service could not be reached. The session then still exists, and in cookie mode a reload would log in
   * again, so call `logout` again. With `all`, also throws the 401 if this session had already ended. The user's other
   * sessions then continue, and only a new login can end them.
   *
   * The page may be closed right after the call, because the request has been sent by then. One exception: if a login
   * is in progress in this tab, the log-out waits for the login, and then ends the new session.
   *
   * In cookie mode, the response to the log-out deletes the cookie. So a login that begins in any tab waits up to 10
   * seconds for that response. The login doesn't wait if the browser has no Web Locks, or if the page that logged out
   * was closed. A login that was already in progress in another tab may lose its new cookie; its session then ends with
   * `session_ended`.
   */
  logout(options?: { all?: boolean }): Promise<void>;
  /**
   * Proves again who the user is, in the same session. In all tabs that share the session, the new tokens then count as
   * those of a recent login. Throws `wrong_password` if the proof is wrong.
   */
  reauthenticate(body: ReauthenticateBody): Promise<void>;
  /**
   * The URL of the service's log-in page, which leads back to `returnTo`, an absolute URL of your app. The URL's origin
   * must be in the service's `ALLOWED_ORIGINS`. If not, the page leads to the user's account. In cookie mode, an app on
   * the service's site then finds the session with `user()`.
   */
  loginUrl(options: { returnTo: string }): string;
  /**
   * The URL of the service's log-out page, which asks the user and then leads back to `returnTo`. To log out without
   * asking, call `logout()`.
   */
  logoutUrl(options: { returnTo: string }): string;
  /** Refreshes the access token now. Returns whether a user is logged in. Throws if the service does not answer. */
  refresh(): Promise<boolean>;
  /** Reads the user who is logged in; `null` if there is none. */
  user(): Promise<User | null>;
  /**
   * Sends a request as `fetch` does, with the access token if it goes to the service or to the `apis`. Other origins
   * get no token, not even by a redirect (Fetch standard, HTTP-redirect fetch). Paths are relative to the service.
   *
   * The token is refreshed before it expires. After a 401, the token is refreshed once more and the request is sent
   * again, but not if its body is a stream or if you passed a `Request` with a body. Throws a `PosternError` if a
   * necessary refresh gets no answer.
   */
  fetch: Fetch;
  /**
   * Calls the listener on every login and log-out, including those in other tabs. Also calls it once with the current
   * state if that is known. In cookie mode, a page that was just loaded does not know its state until it calls
   * `user()`.
   */
  onAuthStateChange(listener: (state: AuthState) => void): () => void;
  /** Stops exchanging messages with other tabs. */
  close(): void;
}

/**
 * Creates a client of the service. Create one per page. Never share one on a server: all users would be logged in as
 * the same user.
 *
 * @throws {TypeError} if a URL is not http(s), `baseUrl` has a path, or `mode` is unknown
 */
export function createClient(options: ClientOptions, surroundings: Surroundings = browser()): Client {
  const { baseUrl, mode, apis = [], deviceName } = options;
  checkOptions(options);
  const world = { ...surroundings, fetch: options.fetch ?? surroundings.fetch };
  const usesCookie = mode === "cookie";
  const service = createService(baseUrl, usesCookie, world);
  const tabs = usesCookie ? joinTabs<Message>(`postern/1 ${new URL(baseUrl).origin}`, world, hear) : noTabs();
  const session = createSession(usesCookie, service, tabs, world);
  const authorizedFetch = createFetch([baseUrl, ...apis], session, world.fetch, options.onReauthenticationRequired);

  let entering: Promise<unknown> | undefined;
  /** A log-out that the service has not confirmed. */
  let unconfirmed: { tokens: TokenPair | undefined } | undefined;

  function hear(message: Message): void {
    // The cookie now belongs to the new session.
    if (message.kind === "logged_in") unconfirmed = undefined;
    session.hear(message);
  }

  const named = deviceName === undefined ? {} : { device_name: deviceName };

  async function enter(ask: () => Promise<Answer<"/api/v1/auth/login">>): Promise<User> {
    const since = world.readClocks();
    const { user, second_factor_required_from: _, ...tokens } = await ask();
    if (usesCookie) await expectCookie(service, tokens.access_token);
    unconfirmed = undefined;
    session.begin(tokens, user, since);
    tabs.tell({ kind: "logged_in", tokens, user, sentAt: since.wall });
    return user;
  }

  /** Logs in with the tokens that `ask` gets, and takes turns with other tabs. */
  function enterInTurn(ask: () => Promise<Answer<"/api/v1/auth/login">>): Promise<User> {
    const outcome = tabs.toLogIn(() => enter(ask));
    const land = () => {
      if (entering === outcome) entering = undefined;
    };
    outcome.then(land, land);
    entering = outcome;
    return outcome;
  }

  /**
   * Runs after the response to a log-out. If the client is logged in again by then, the login came from another tab,
   * and the response may have deleted that login's cookie. A refresh then shows whether the cookie still exists.
   */
  function lookForCookie(): void {
    if (session.tokens() !== undefined) session.refresh().catch(() => {});
  }

  async function user(): Promise<User | null> {
    await session.accessToken();
    const asked = session.tokens()?.session_id;
    if (asked === undefined) return null;
    const isStillSignedIn = () => session.tokens()?.session_id === asked;
    try {
      const answer = await readUser(await authorizedFetch("/api/v1/users/me"));
      if (isStillSignedIn()) return answer;
    } catch (cause) {
      if (isStillSignedIn()) throw asError(cause);
    }
    // The user logged out in the meantime, or another user logged in.
    return user();
  }

  const urlOf =
    (page: string) =>
    ({ returnTo }: { returnTo: string }) =>
      `${new URL(page, baseUrl).href}?return_to=${encodeURIComponent(returnTo)}`;

  return {
    register: (body) => service.post("/api/v1/auth/register", body),

    login: (body) => enterInTurn(() => service.post("/api/v1/auth/login", { ...named, ...body, cookie: usesCookie })),

    sendSecondFactorCode: ({ pendingToken: pending_token }) =>
      service.post("/api/v1/auth/second-factor/email", { pending_token }),

    proveSecondFactor({ pendingToken, recoveryCode, emailCode, trustDevice, ...proof }) {
      const code = {
        ...(recoveryCode === undefined ? {} : { recovery_code: recoveryCode }),
        ...(emailCode === undefined ? {} : { email_code: emailCode }),
      };
      // In memory mode, the client would lose the token of the trusted device when the page closes.
      const trust = trustDevice && usesCookie ? { trust_device: true } : {};
      const body = { pending_token: pendingToken, ...code, ...trust, ...proof };
      return enterInTurn(() => service.post("/api/v1/auth/second-factor", body));
    },

    async setUpSecondFactor({ enrolmentToken: enrolment_token, ...factor }) {
      let recoveryCodes: string[] = [];
      const user = await enterInTurn(async () => {
        const answer = await ("totp" in factor
          ? service.post("/api/v1/auth/enrolment/totp/confirm", { enrolment_token, code: factor.totp })
          : service.post("/api/v1/auth/enrolment/passkey", {
              enrolment_token,
              credential: factor.passkey,
              ...(factor.name === undefined ? {} : { name: factor.name }),
            }));
        const { recovery_codes, ...login } = answer;
        recoveryCodes = recovery_codes;
        return login;
      });
      return { user, recoveryCodes };
    },

    loginWithPasskey: (credential) =>
      enterInTurn(() => service.post("/api/v1/auth/passkey", { ...named, credential, cookie: usesCookie })),

    requestEmailLogin: (body) => service.post("/api/v1/auth/email-login", { ...body, cookie: usesCookie }),

    loginWithEmail: (link) =>
      enterInTurn(() => service.post("/api/v1/auth/email-login/confirm", { ...named, ...link, cookie: usesCookie })),

    async logout({ all = false } = {}) {
      if (entering !== undefined) await entering.catch(() => {});
      const tokens = session.tokens() ?? unconfirmed?.tokens;
      session.end("logout");
      tabs.tell({ kind: "signed_out", reason: "logout", sessionId: tokens?.session_id });
      if (!usesCookie && tokens === undefined) return;
      const attempt = { tokens };
      unconfirmed = attempt;
      const proof = tokens?.refresh_token === undefined ? {} : { refresh_token: tokens.refresh_token };
      const more = { bearer: tokens?.access_token, keepalive: true };
      const outcome = service.post("/api/v1/auth/logout", { ...proof, all }, more);
      // The request has been sent, so the page may be closed at any time. From here until the response, logins wait.
      tabs.toLogOut(() => outcome.then(lookForCookie, lookForCookie));
      const refusal = await outcome.then(() => undefined, asError);
      // A 401 of the service means that the session had already ended. A 401 of a proxy does not.
      if (refusal !== undefined && (refusal.status !== 401 || refusal.code === "unexpected_answer")) throw refusal;
      if (unconfirmed === attempt) unconfirmed = undefined;
      // `unauthorized`: there was no session. After any other 401, the session had already ended, so the service did
      // not end the user's other sessions.
      if (all && refusal !== undefined && refusal.code !== "unauthorized") throw refusal;
    },

    async reauthenticate(body) {
      await session.accessToken();
      await session.replace((tokens) =>
        service.post("/api/v1/auth/reauthenticate", body, { bearer: tokens.access_token }),
      );
    },

    loginUrl: urlOf("/login"),
    logoutUrl: urlOf("/logout"),

    // After an unconfirmed log-out, the cookie must not log the user in again.
    refresh: async () => unconfirmed === undefined && session.refresh(),

    user,
    fetch: authorizedFetch,
    onAuthStateChange: session.listen,
    close: tabs.close,
  };
}

function asError(cause: unknown): PosternError {
  return cause instanceof PosternError ? cause : networkError(cause);
}

/**
 * Checks the options. Tokens must only be sent to http(s) addresses, and a typo in `mode` or `baseUrl` must cause an
 * error.
 */
function checkOptions({ baseUrl, mode, apis = [] }: ClientOptions): void {
  if (!/^(cookie|memory)$/.test(mode)) throw new TypeError("createClient needs the mode cookie or memory.");
  for (const url of [baseUrl, ...apis]) {
    if (!/^https?:$/.test(new URL(url).protocol))
      throw new TypeError(`createClient takes http(s) addresses, not ${url}`);
  }
  if (!/^\w+:\/\/[^/?#]*\/?$/.test(baseUrl)) {
    throw new TypeError("createClient takes a baseUrl without a path: the service runs at the root of its host.");
  }
}
