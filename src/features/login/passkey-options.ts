import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { createChallenge } from "../../factors/passkeys/challenge.ts";
import { requestOptions } from "../../factors/passkeys/options.ts";
import { openPendingLogin } from "../../factors/pending-login.ts";
import { refuse } from "../../platform/refusal.ts";
import { pendingTokenField } from "./login-schema.ts";

/**
 * Without `pending_token`, the service needs no storage and reveals nothing. So only the flood shield (Cloudflare's
 * rate limiting) limits the route. An exact limit would cost a call to an object and a written row, and would save only
 * an HMAC. A challenge is useful only with the routes that accept it, and those routes have limits. A client gets a
 * `pending_token` only after a right password or link.
 */
export const readLoginPasskeyOptions = endpoint(
  {
    id: "readLoginPasskeyOptions",
    method: "post",
    path: "/api/v1/auth/passkey/options",
    tag: "Authentication",
    summary: "Begin to use a passkey",
    description:
      "What a page passes to `navigator.credentials.get()`, by `PublicKeyCredential.parseRequestOptionsFromJSON()`. With the `pending_token` of a login, for its second factor; without, for a login by passkey alone, or to reauthenticate. The challenge can be used once, within five minutes.",
    body: () => z.strictObject({ pending_token: pendingTokenField.optional() }),
    bodyOptional: true,
    success: {
      status: 200,
      description: "`PublicKeyCredentialRequestOptionsJSON` (WebAuthn §5.1.9).",
      schema: z.looseObject({ challenge: z.string() }).meta({ id: "PasskeyRequestOptions" }),
    },
    refusals: ["invalid_pending_token"],
  },
  async (services, { body }) => {
    const { config, factors } = services;
    const { rpId } = config.passkeys;
    if (body.pending_token === undefined) return requestOptions(rpId, createChallenge("login", undefined, services));
    const pending = await openPendingLogin(body.pending_token, services);
    if (pending === undefined) return refuse("invalid_pending_token");
    const challenge = createChallenge("second-factor", pending.userId, services);
    return requestOptions(rpId, challenge, await factors.passkeys(pending.userId));
  },
);
