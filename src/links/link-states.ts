/** The state that a link depends on. When it changes, the link stops working. */

/** A link that resets the password or logs in stops working when the address changes or all sessions are ended. */
export function recoveryState({ email, sessionEpoch }: { email: string; sessionEpoch: number }) {
  return [email, sessionEpoch];
}

/** An invitation is for one address. */
export function invitationState(email: string): string[] {
  return [email];
}
