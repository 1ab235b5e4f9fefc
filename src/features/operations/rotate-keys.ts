import * as z from "zod";
import { operator, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { keysSchema, presentKeys } from "./present-keys.ts";

/**
 * Does the same as `npm run keys:rotate`, but publishes the successor at once. The command leaves this to the cron job.
 */
export const rotateKeys = endpoint(
  {
    id: "rotateKeys",
    method: "post",
    path: "/api/v1/keys/rotate",
    tag: "Administration",
    summary: "Rotate the signing keys",
    description:
      "Publishes a successor of the key that signs. The successor signs after `KEY_PUBLISH_LEAD_MINUTES`, and tokens of the earlier key stay valid. If a successor is published already, nothing changes. With `emergency`, for a leaked key: revokes every key, and creates one that signs at once. Then all access tokens are refused, including the one of this request, and clients refresh. Verifiers with a copy of the JWKS follow within 6 minutes; keys in the configuration of a verifier must be replaced by hand.",
    caller: recent(operator("rotate_keys")),
    body: () => z.strictObject({ emergency: z.boolean().default(false) }),
    bodyOptional: true,
    success: { status: 200, description: "The keys after the change.", schema: keysSchema },
  },
  async ({ keyring }, { body, caller }) => {
    await keyring.rotateEarly(caller.user.id, body.emergency);
    return { items: presentKeys(await keyring.statuses()) };
  },
);
