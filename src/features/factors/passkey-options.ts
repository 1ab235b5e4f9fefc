import * as z from "zod";
import { recentUser } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { createChallenge } from "../../factors/passkeys/challenge.ts";
import { creationOptions } from "../../factors/passkeys/options.ts";

export const readPasskeyOptions = endpoint(
  {
    id: "readPasskeyOptions",
    method: "post",
    path: "/api/v1/users/me/factors/passkeys/options",
    tag: "Second factors",
    summary: "Begin to add a passkey",
    description:
      "What a page passes to `navigator.credentials.create()`, by `PublicKeyCredential.parseCreationOptionsFromJSON()`. The challenge is good for five minutes and for one passkey.",
    caller: recentUser,
    success: {
      status: 200,
      description: "`PublicKeyCredentialCreationOptionsJSON` (WebAuthn §5.1.8).",
      schema: z.looseObject({ challenge: z.string() }).meta({ id: "PasskeyCreationOptions" }),
    },
  },
  async (services, { caller }) => {
    const { config, factors } = services;
    const { id, email, username } = caller.user;
    return creationOptions({
      rp: { id: config.passkeys.rpId, name: config.productName },
      user: { id, name: email, displayName: username },
      challenge: createChallenge("register", id, services),
      existing: await factors.passkeys(id),
    });
  },
);
