/**
 * Finds the counter of a limit by the key that an operator typed. Limits store their counters in different objects and
 * in D1. Here, all counters are read and reset in the same way.
 */
import * as z from "zod";
import type { LimitName } from "../../config/limit-rules.ts";
import type { Services } from "../../endpoint/services.ts";
import { networkOf } from "../../http/client-address.ts";
import { LIMITED_MAILS, type Limit, mailLimit, strangerMailLimits } from "../../limits/budgets.ts";
import { type BudgetState, lookAtBudget } from "../../limits/gcra.ts";
import { networkLimits } from "../../limits/networks.ts";
import { isRefusal, type Refusal, refuse } from "../../platform/refusal.ts";
import { emailAddress } from "../../users/fields.ts";
import { canonicalName, type LoginName, loginNameKey, loginNameKeys } from "../../users/login-names.ts";
import type { User } from "../../users/user.ts";
import { isLimitName, LIMITS, WITHOUT_KEY } from "./described-limits.ts";

/** The body of the requests that look up and reset a limit. The key is not in the URL, because it is personal data. */
export const keyBody = () =>
  z.strictObject({
    key: z
      .string()
      .min(1, "Enter a key.")
      .max(254, "Enter at most 254 characters.")
      .meta({
        description:
          "What the limit's `per` names: an IP address, a user's id, an email address, or the email address or username of a login.",
        examples: ["192.0.2.1"],
      }),
  });

const OF_KEY = { field: "key" };

/** The counter of one limit for one key. */
interface LimitCounter {
  name: LimitName;
  /** The id of the user to whom the key belongs; `undefined` if there is no such user. */
  userId: string | undefined;
  /** The state of each budget. An attempt is taken from all of them. */
  look(): Promise<BudgetState[]>;
  reset(): Promise<void>;
}

type Found = LimitCounter | Refusal<"not_found"> | Refusal<"forbidden"> | Refusal<"validation_failed">;

/**
 * Finds the counter of a limit and a key. Refuses unknown limits, limits without a key, and keys of the wrong kind.
 * Also refuses a counter of the operator's own account: otherwise an attacker with a stolen token could reset it.
 * Allows the counter of the operator's IP address, because users in the operator's office may share this address.
 */
export async function findCounter(services: Services, actor: User, name: string, key: string): Promise<Found> {
  if (!isLimitName(name)) return refuse("not_found");
  const { per } = LIMITS[name];
  const reason = WITHOUT_KEY[per];
  if (reason !== undefined) {
    return refuse("validation_failed", { errors: [{ ...OF_KEY, code: "no_such_key", message: reason }] });
  }
  switch (per) {
    case "ip_address":
      if (!ipAddress.safeParse(key).success) return refuseKey("Enter an IP address.");
      return ofBudgets(services, name, networkLimits(name, networkOf(key)));
    case "email": {
      const { data: email } = emailAddress.safeParse(key);
      if (email === undefined) return refuseKey("Enter an email address.");
      if (email === actor.email) return refuse("forbidden");
      const isOfKinds = name === "mailPerRecipient";
      const limits = isOfKinds ? LIMITED_MAILS.map((kind) => mailLimit(kind, email)) : strangerMailLimits(email, false);
      return ofBudgets(services, name, limits);
    }
    case "login_name":
      return ofLoginName(services, actor, name, key);
    default:
      return ofUser(services, actor, name, key);
  }
}

const ipAddress = z.union([z.ipv4(), z.ipv6()]);

function refuseKey(message: string): Refusal<"validation_failed"> {
  return refuse("validation_failed", { errors: [{ ...OF_KEY, code: "invalid_format", message }] });
}

function ofBudgets({ limiter }: Services, name: LimitName, limits: readonly Limit[], userId?: string): LimitCounter {
  return { name, userId, look: () => limiter.look(limits), reset: () => limiter.clear(limits) };
}

/** Logins are counted for each name of an account. A name without an account has a counter, too. */
async function ofLoginName(services: Services, actor: User, name: LimitName, key: string): Promise<Found> {
  const { administration, loginAttempts } = services;
  const typed = loginNameOf(key);
  if (isRefusal(typed)) return typed;
  const user = await administration.lookUp(typed);
  if (user?.id === actor.id) return refuse("forbidden");
  const names = user === undefined ? [loginNameKey(typed)] : loginNameKeys(user);
  return {
    ...{ name, userId: user?.id },
    look: () => loginAttempts.look(names),
    reset: () => loginAttempts.endPauses(names),
  };
}

function loginNameOf(key: string): LoginName | Refusal<"validation_failed"> {
  if (!key.includes("@")) return { username: canonicalName(key.trim()) };
  const { data: email } = emailAddress.safeParse(key);
  return email === undefined ? refuseKey("Enter an email address or a username.") : { email };
}

async function ofUser(services: Services, actor: User, name: LimitName, key: string): Promise<Found> {
  const { administration, clock, config, users } = services;
  const { data } = z.uuid().safeParse(key);
  if (data === undefined) return refuseKey("Enter a user's id.");
  const id = data.toLowerCase();
  if (id === actor.id) return refuse("forbidden");
  if (name !== "loginsPerUser") return ofBudgets(services, name, [{ rule: name, key: id }], id);
  // The user's row in D1 contains this budget, so that a login reads the budget together with the user.
  return {
    ...{ name, userId: id },
    async look() {
      const loginsUntil = (await users.find(id))?.loginsUntil ?? 0;
      return [lookAtBudget(loginsUntil, config.limits.rules.loginsPerUser, clock.now())];
    },
    reset: () => administration.refillLogins(id),
  };
}
