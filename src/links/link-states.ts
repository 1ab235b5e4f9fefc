/** The state that a link depends on: when it changes, the link stops working. */

/** A reset link stops working with the address, and with whatever ends all sessions. */
export function recoveryState({ email, sessionEpoch }: { email: string; sessionEpoch: number }) {
  return [email, sessionEpoch];
}

/** An invitation is for one address. */
export function invitationState(email: string): string[] {
  return [email];
}
