/** The limits that an endpoint declares, and which outcomes refund an attempt. */
import type { LimitName } from "../config/limit-rules.ts";
import type { Client } from "../http/exchange.ts";
import { type Limit, mailLimit } from "../limits/budgets.ts";
import type { User } from "../users/user.ts";
import type { Principal } from "./callers.ts";

/** A limit as an endpoint declares it. */
export interface DeclaredLimit<Input> {
  rule: LimitName;
  /** What attempts are counted by. Absent: the handler counts them itself. */
  key?: (input: Input) => string;
  /** Whether an outcome leaves the attempt counted: the code of the refusal, or `undefined` for a success. */
  counts: (code: string | undefined) => boolean;
}

/** The work was not done, so the attempt is refunded. */
const NOT_DONE = new Set<string | undefined>(["busy", "unavailable", "wrong_password"]);
const countsWork = (code: string | undefined) => !NOT_DONE.has(code);

/** A budget for each network. */
export function perNetwork(rule: LimitName): DeclaredLimit<{ client: Client }> {
  return { rule, key: ({ client }) => client.network, counts: countsWork };
}

/** A budget for each user who calls. */
export function perUser(rule: LimitName): DeclaredLimit<{ caller: Principal }> {
  return { rule, key: ({ caller }) => caller.user.id, counts: countsWork };
}

/** The budget of emails of one kind to the address in the body. */
export function emailsToGivenAddress(kind: string): DeclaredLimit<{ body: { email: string } }> {
  return { rule: "mailPerRecipient", key: ({ body }) => mailLimit(kind, body.email).key, counts: countsWork };
}

/** The budget of emails of one kind to the user who calls. */
export function emailsToCaller(kind: string): DeclaredLimit<{ caller: Principal }> {
  return { rule: "mailPerRecipient", key: ({ caller }) => mailLimit(kind, caller.user.email).key, counts: countsWork };
}

/** The budget of emails of one kind to the user whom the path names. */
export function emailsToTarget(kind: string): DeclaredLimit<{ caller: { target: User } }> {
  return {
    rule: "mailPerRecipient",
    key: ({ caller }) => mailLimit(kind, caller.target.email).key,
    counts: countsWork,
  };
}

/** Wrong guesses at the caller's current password. Every other outcome refunds the attempt. */
export const passwordGuesses: DeclaredLimit<{ caller: Principal }> = {
  rule: "passwordCheckPerUser",
  key: ({ caller }) => caller.user.id,
  counts: (code) => code === "wrong_password",
};

/** A limit that the handler takes by itself: named here for the API reference. */
export function takenByHandler(rule: LimitName): DeclaredLimit<unknown> {
  return { rule, counts: () => true };
}

/** The budgets that a request takes from before its handler runs. */
export function budgetsOf<Input>(limits: readonly DeclaredLimit<Input>[], input: Input): CountedLimit[] {
  return limits.flatMap(({ rule, key, counts }) => (key === undefined ? [] : { rule, key: key(input), counts }));
}

type CountedLimit = Limit & Pick<DeclaredLimit<never>, "counts">;
