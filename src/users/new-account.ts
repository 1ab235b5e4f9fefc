import type { Config } from "../config/config.ts";
import { newPassword } from "../passwords/policy.ts";
import { allowedEmailAddress } from "./email-domains.ts";
import { username } from "./fields.ts";
import { profileShape } from "./profile-fields.ts";

/** What a person who opens an account sends. */
export const newAccountShape = (config: Config) => ({
  email: allowedEmailAddress(config),
  username,
  password: newPassword(config.passwords),
  ...profileShape,
});
