/** The limits that an endpoint declares, and which outcomes refund an attempt. */
import type { LimitName } from "../config/limit-rules.ts";
import type { Client } from "../http/exchange.ts";
import { type Limit, type LimitedMail, mailLimit } from "../limits/budgets.ts";
import { networkLimits } from "../limits/networks.ts";
import type { Invitation } from "../users/invitations.ts";
import type { User } from "../users/user.ts";

/** What limits need to know about a caller. */
type Caller = { user: Pick<User, "id" | "email"> };

/** A limit as an endpoint declares it. */
export interface DeclaredLimit<Input> {
  rule: LimitName;
  /** The budgets from which an attempt is taken. Absent if the handler takes the attempt itself. */
  budgets?: (input: Input) => readonly Limit[];
  /** Whether an attempt with this outcome stays counted. `code`: the code of the refusal; `undefined` for a success. */
  counts: (code: string | undefined) => boolean;
}

/** After these refusals, the attempt is refunded, because the handler has not done its work. */
const NOT_DONE = new Set<string | undefined>(["busy", "unavailable", "wrong_password"]);
const countsWork = (code: string | undefined) => !NOT_DONE.has(code);

/** A budget for each network, and a larger one for the IPv6 /48 around it. */
export function perNetwork(rule: LimitName): DeclaredLimit<{ client: Client }> {
  return { rule, budgets: ({ client }) => networkLimits(rule, client.network), counts: countsWork };
}

/** A budget for each user who calls. */
export function perUser(rule: LimitName): DeclaredLimit<{ caller: Caller }> {
  return { rule, budgets: ({ caller }) => [{ rule, key: caller.user.id }], counts: countsWork };
}

/**
 * A budget for each user who calls, for requests that the audit log can record. Refused requests count too, so that
 * they aren't free. The attempt is refunded only if the service was busy or unavailable.
 */
export function changesPerCaller(rule: LimitName): DeclaredLimit<{ caller: Caller }> {
  const wasTried = (code: string | undefined) => code === "wrong_password" || countsWork(code);
  return { rule, budgets: ({ caller }) => [{ rule, key: caller.user.id }], counts: wasTried };
}

/** The budget of emails of one kind to the address in the body. */
export function emailsToGivenAddress(kind: LimitedMail): DeclaredLimit<{ body: { email: string } }> {
  return { rule: "mailPerRecipient", budgets: ({ body }) => [mailLimit(kind, body.email)], counts: countsWork };
}

/** The budget of emails of one kind to the user who calls. */
export function emailsToCaller(kind: LimitedMail): DeclaredLimit<{ caller: Caller }> {
  return {
    rule: "mailPerRecipient",
    budgets: ({ caller }) => [mailLimit(kind, caller.user.email)],
    counts: countsWork,
  };
}

/** The budget of emails of one kind to the user whom the path names. */
export function emailsToTarget(kind: LimitedMail): DeclaredLimit<{ caller: { target: User } }> {
  return {
    rule: "mailPerRecipient",
    budgets: ({ caller }) => [mailLimit(kind, caller.target.email)],
    counts: countsWork,
  };
}

/** The budget of invitations to the address of the invitation that the path names. */
export const emailsToInvited: DeclaredLimit<{ caller: { invitation: Pick<Invitation, "email"> } }> = {
  rule: "mailPerRecipient",
  budgets: ({ caller }) => [mailLimit("invitation", caller.invitation.email)],
  counts: countsWork,
};

/** Wrong guesses at the caller's current password. Every other outcome refunds the attempt. */
export const passwordGuesses: DeclaredLimit<{ caller: Caller }> = {
  rule: "passwordCheckPerUser",
  budgets: ({ caller }) => [{ rule: "passwordCheckPerUser", key: caller.user.id }],
  counts: (code) => code === "wrong_password",
};

/** A limit that the handler takes itself. It is declared only for the API reference. */
export function takenByHandler(rule: LimitName): DeclaredLimit<unknown> {
  return { rule, counts: () => true };
}

/** The budgets from which an attempt is taken before the handler runs. */
export function budgetsOf<Input>(limits: readonly DeclaredLimit<Input>[], input: Input): CountedLimit[] {
  return limits.flatMap(({ budgets, counts }) => (budgets?.(input) ?? []).map((limit) => ({ ...limit, counts })));
}

type CountedLimit = Limit & Pick<DeclaredLimit<never>, "counts">;
