/** The state that a link depends on. When it changes, the link stops working. */

/** A link that resets the password or logs in stops working when the address changes or all sessions end. */
export function recoveryState({ email, sessionEpoch }: { email: string; sessionEpoch: number }) {
  return [email, sessionEpoch];
}

/** The state of an invitation is its address: the link works only for that address. */
export function invitationState(email: string): string[] {
  return [email];
}
