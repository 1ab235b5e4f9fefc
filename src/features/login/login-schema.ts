import * as z from "zod";
import { tokenPairShape } from "../../tokens/token-pair.ts";
import { userSchema } from "../../users/user.ts";

/** The answer of a login. */
export const loginSchema = z.strictObject({ ...tokenPairShape, user: userSchema }).meta({ id: "Login" });

export const pendingTokenField = z
  .string()
  .min(1)
  .max(2_048)
  .meta({ description: "The `pending_token` of a login.", examples: ["ppt_mUx3…"] });
