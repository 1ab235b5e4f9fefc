/**
 * A login by a passkey alone proves two factors: the user has the passkey, and the authenticator has verified the user.
 * The passkey's user handle names the user. The login takes four round trips: limit → user → [check the passkey and
 * open the session] → record the login.
 */
import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { perNetwork, takenByHandler } from "../../endpoint/limits.ts";
import { openChallenge } from "../../factors/passkeys/challenge.ts";
import { challengeOf } from "../../factors/passkeys/client-data.ts";
import { authenticationResponse } from "../../factors/passkeys/credential-json.ts";
import { readPasskeyProof } from "../../factors/passkeys/read-proof.ts";
import { readUserHandle } from "../../factors/passkeys/user-handle.ts";
import { encodeBase64url } from "../../platform/encoding.ts";
import { refuse } from "../../platform/refusal.ts";
import { personName } from "../../users/fields.ts";
import { completeLogin } from "./complete-login.ts";
import { loginSchema } from "./login-schema.ts";
import { isUnproved } from "./refuse-factor.ts";
import { refuseState } from "./refuse-state.ts";
import { startSession } from "./start-session.ts";

/**
 * Lets the page tell the authenticator that this passkey no longer works (WebAuthn §5.1.10.1). The answer is the same
 * for a user who does not exist and for a user without this passkey.
 */
const UNKNOWN_CREDENTIAL = { members: { reason: "unknown_credential" } };

export const logInWithPasskey = endpoint(
  {
    id: "logInWithPasskey",
    method: "post",
    path: "/api/v1/auth/passkey",
    tag: "Authentication",
    summary: "Log in with a passkey",
    description:
      "`credential` is what `navigator.credentials.get()` returned, as JSON. No password and no name are needed. Whether an account is unverified or disabled is revealed only after its passkey. If the service doesn't have this passkey, `invalid_passkey` has the `reason` `unknown_credential`: call `PublicKeyCredential.signalUnknownCredential` with its id.",
    body: () =>
      z.strictObject({
        credential: authenticationResponse,
        device_name: personName.optional(),
        cookie: z.boolean().optional(),
      }),
    // The same check as in `login.ts`, against login CSRF.
    admit: (_, { body, exchange }) =>
      body.cookie && !exchange.hasAllowedOrigin() ? refuse("origin_not_allowed") : undefined,
    limits: [perNetwork("passkeyLoginPerAddress"), takenByHandler("loginsPerUser")],
    outcomes: "logins",
    success: { status: 200, description: "A new session.", schema: loginSchema },
    refusals: [
      "invalid_passkey",
      "invalid_credentials",
      "email_not_verified",
      "account_disabled",
      "origin_not_allowed",
      "rate_limited",
    ],
  },
  async (services, { body, client, exchange }) => {
    const { keyring, loginAttempts, sessions, users } = services;
    const { userHandle } = body.credential.response;
    // An invalid challenge is refused without a call to storage.
    if (!userHandle || !openChallenge("login", challengeOf(body.credential) ?? "", services))
      return refuse("invalid_passkey");
    const finding = users.findByHandle(readUserHandle(userHandle), encodeBase64url(userHandle));
    const [{ user, keyringVersion }] = await Promise.all([finding, keyring.warm()]);
    const userId = user?.id;
    if (!userId) return refuse("invalid_passkey", UNKNOWN_CREDENTIAL);
    const proof = readPasskeyProof(services, body.credential, "login", userId);
    if (!proof) return refuse("invalid_passkey");

    const requested = {
      userId,
      epoch: user.sessionEpoch,
      deviceName: body.device_name ?? null,
      isAnnounced: user.lastLoginAt !== null,
      client,
      methods: [],
      step: { isExpected: true, proof },
    };
    return startSession(services, requested, async (started) => {
      const opened = await started.opening;
      if (isUnproved(opened)) {
        const isUnknown = opened.outcome === "invalid" && opened.isUnknown;
        return refuse("invalid_passkey", { userId, ...(isUnknown ? UNKNOWN_CREDENTIAL : {}) });
      }
      // If the user's object runs an earlier release, it opens a session without checking the passkey.
      if (!opened?.factor) {
        if (opened !== null) await sessions.end(userId, started.sessionId);
        return refuse("invalid_passkey", { userId });
      }
      const state = refuseState(services, user);
      if (state !== undefined) {
        await sessions.end(userId, opened.id);
        return state;
      }
      const login = { user, rehash: undefined, keyringVersion, attempt: loginAttempts.proved(client.network, false) };
      const completed = { exchange, cookie: body.cookie ?? false, details: { factor: "passkey" } };
      return completeLogin(services, login, { started, opened }, completed);
    });
  },
);
