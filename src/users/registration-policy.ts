/** Who may register: the variable `REGISTRATION`. Decided before anything is looked up, so alike for every address. */
import type { Config } from "../config/config.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";

/** Why nobody may register of their own accord, if so. */
export function refuseRegistration({
  registration: { policy },
}: Config): Refusal<"invitation_required" | "registration_closed"> | undefined {
  if (policy === "open") return undefined;
  return refuse(policy === "invitation" ? "invitation_required" : "registration_closed");
}

/** Why nobody may be invited, nor accept an invitation, if so. */
export function refuseInvitation({ registration: { policy } }: Config): Refusal<"registration_closed"> | undefined {
  return policy === "closed" ? refuse("registration_closed") : undefined;
}
