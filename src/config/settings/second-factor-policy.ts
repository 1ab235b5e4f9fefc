/** Which users must have a second factor, and how long their grace period is. */
import { DAY } from "../../platform/clock.ts";
import { oneOf, type ValuesOf, wholeNumber } from "../values.ts";

export const variables = {
  SECOND_FACTOR: oneOf(["optional", "required", "required_for_operators"]).optional(),
  SECOND_FACTOR_GRACE_DAYS: wholeNumber(7, 0, 365),
};

export function toConfig(values: ValuesOf<typeof variables>, development: boolean) {
  return {
    /** `required_for_operators`: users who have any permission must have a second factor. */
    policy: values.SECOND_FACTOR ?? (development ? "optional" : "required_for_operators"),
    /** How long a user who must have a factor can still log in without one, in milliseconds. */
    grace: values.SECOND_FACTOR_GRACE_DAYS * DAY,
  } as const;
}
