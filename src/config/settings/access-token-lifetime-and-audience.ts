/**
 * The lifetime, algorithm, audience and client id of access tokens. The claims are in `tokens/access-token-claims.ts`.
 */
import * as z from "zod";
import { MINUTE } from "../../platform/clock.ts";
import { oneOf, type ValuesOf, wholeNumber } from "../values.ts";

/** An RFC 6749 client id (Appendix A.11) that can't be a user's `sub`, which is a UUID (RFC 9700 §4.15). */
const clientId = z
  .string()
  .regex(
    /^(?![\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$)[\x21-\x7e]{1,128}$/i,
    "takes 1 to 128 printable ASCII characters without a space that are not a UUID",
  );

export const variables = {
  JWT_AUDIENCE: z.string().min(1, "takes a name or URL").optional(),
  JWT_CLIENT_ID: clientId.default("postern"),
  JWT_ALGORITHM: oneOf(["ES256", "Ed25519"]).default("ES256"),
  ACCESS_TOKEN_EXPIRE_MINUTES: wholeNumber(30, 1, 1_440),
};

export function toConfig(values: ValuesOf<typeof variables>, publicUrl: string) {
  return {
    issuer: publicUrl,
    audience: values.JWT_AUDIENCE ?? publicUrl,
    clientId: values.JWT_CLIENT_ID,
    algorithm: values.JWT_ALGORITHM,
    lifetime: values.ACCESS_TOKEN_EXPIRE_MINUTES * MINUTE,
  } as const;
}
