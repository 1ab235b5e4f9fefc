import { optionsForPasskey, passkeyCreationOptions } from "../../accounts/new-passkey.ts";
import { recentUser } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";

export const readPasskeyOptions = endpoint(
  {
    id: "readPasskeyOptions",
    method: "post",
    path: "/api/v1/users/me/factors/passkeys/options",
    tag: "Second factors",
    summary: "Begin to add a passkey",
    description:
      "What a page passes to `navigator.credentials.create()`, by `PublicKeyCredential.parseCreationOptionsFromJSON()`. The challenge can be used for one passkey, within five minutes.",
    caller: recentUser,
    success: {
      status: 200,
      description: "`PublicKeyCredentialCreationOptionsJSON` (WebAuthn §5.1.8).",
      schema: passkeyCreationOptions,
    },
  },
  (services, { caller }) => optionsForPasskey(services, caller.user),
);
