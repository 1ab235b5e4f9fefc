/** The state that a link depends on. When the state changes, the link stops working. */

/** A link for a password reset or a login stops working when the address changes or all sessions are ended. */
export function recoveryState({ email, sessionEpoch }: { email: string; sessionEpoch: number }) {
  return [email, sessionEpoch];
}

/** The state of an invitation is its address: the link works only for that address. */
export function invitationState(email: string): string[] {
  return [email];
}
