/** Who may register: the variable `REGISTRATION`. Decided before anything is looked up: the same for every address. */
import type { Config } from "../config/config.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";

/** Refuses registrations if the operator does not allow them. */
export function refuseRegistration({
  registration: { policy },
}: Config): Refusal<"invitation_required" | "registration_closed"> | undefined {
  if (policy === "open") return undefined;
  return refuse(policy === "invitation" ? "invitation_required" : "registration_closed");
}

/** Refuses invitations, and accepting one, if registration is closed. */
export function refuseInvitation({ registration: { policy } }: Config): Refusal<"registration_closed"> | undefined {
  return policy === "closed" ? refuse("registration_closed") : undefined;
}
