import * as z from "zod";
import { trustedDeviceToken } from "../../factors/trusted-device-token.ts";
import { tokenPairShape } from "../../tokens/token-pair.ts";
import { userSchema } from "../../users/user.ts";

/** The answer of a login. */
export const loginSchema = z
  .strictObject({
    ...tokenPairShape,
    user: userSchema,
    second_factor_required_from: z.iso
      .datetime()
      .optional()
      .meta({ description: "From when the user must have a second factor. Absent if they have one or need none." }),
  })
  .meta({ id: "Login" });

/** The answer of a login with a second factor. */
export const secondLoginSchema = loginSchema
  .extend({
    trusted_device_token: trustedDeviceToken
      .optional()
      .meta({ description: "Present if the device is now trusted. In cookie mode it is in a cookie instead." }),
  })
  .meta({ id: "SecondFactorLogin" });

export const pendingTokenField = z
  .string()
  .min(1)
  .max(2_048)
  .meta({ description: "The `pending_token` of a login.", examples: ["ppt_mUx3…"] });
