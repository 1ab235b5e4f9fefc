/**
 * An operator changes a user. The permission table says who may change which field of whom. A change takes effect at
 * once: after a change of role, earlier access tokens are refused; a suspension ends every session.
 */
import * as z from "zod";
import { mustHaveFactor } from "../../access/factor-policy.ts";
import { may, type Permission } from "../../access/permissions.ts";
import type { AuditDetails, AuditEventType } from "../../audit/event-types.ts";
import type { Config } from "../../config/config.ts";
import { operator, recent } from "../../endpoint/callers.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import type { Services } from "../../endpoint/services.ts";
import { NO_PASSWORD } from "../../passwords/passwords.ts";
import { type FieldError, isRefusal, refuse } from "../../platform/refusal.ts";
import { role } from "../../users/fields.ts";
import {
  newProfile,
  PROFILE_FIELD_NAMES,
  PROFILE_FIELDS,
  profileChange,
  profileShape,
} from "../../users/profile-fields.ts";
import {
  expectedVersion,
  isUnclaimed,
  managedUserSchema,
  presentManagedUser,
  type User,
  userEtag,
  wasNeverProved,
} from "../../users/user.ts";

const changeBody = z.strictObject({
  role: role.optional(),
  is_active: z.boolean().optional(),
  is_verified: z.boolean().optional(),
  is_superuser: z.boolean().optional(),
  ...profileShape,
});

/** How many times to try the change if other requests change the user at the same time. */
const MOST_TRIES = 3;

const UNPROVED =
  "The owner of the email address has not used this account yet. Set this after they have set a password.";

/**
 * If an operator verifies a registration, these values replace its password and its profile. The person who registered
 * chose both, without a proof that they own the address. The username stays, because the emails to the owner name it.
 */
const UNENDORSED = { passwordHash: NO_PASSWORD, ...newProfile({}) };

type ChangeBody = z.output<typeof changeBody>;

export const updateUser = endpoint(
  {
    id: "updateUser",
    method: "patch",
    path: "/api/v1/users/{id}",
    tag: "Administration",
    summary: "Change a user",
    description:
      "Only the fields that are sent change; `null` clears a field that may be empty. `role` needs the permission `grant_<role>`, `is_superuser` needs `grant_superuser`, `is_active` needs `suspend_users`, everything else `edit_users`. A change of role or status takes effect at once: earlier access tokens are refused, and a suspension ends every session. If `is_verified` is set for an account whose owner has never used it, its password and profile are removed, and the owner gets an email with a link to set a password. Such an account can get no role or superuser flag until then (403, with the field code `unproved`). With `If-Match` and the ETag that you read, the change is refused if someone else changed the user meanwhile.",
    // Every operator who may change anything has `suspend_users`. The handler checks the permission for each field.
    caller: recent(operator("suspend_users")),
    body: () => changeBody,
    success: { status: 200, description: "The changed user.", schema: managedUserSchema },
    refusals: ["forbidden", "not_found", "last_superuser", "precondition_failed"],
  },
  async (services, { body, caller, exchange, id }) => {
    const expected = exchange.header("If-Match");
    for (let tries = 1; ; tries++) {
      const outcome = await changeUser(services, caller.user, id, body, expected);
      if (!isRefusal(outcome)) return new Reply(presentManagedUser(outcome), { ETag: userEtag(outcome) });
      // Without `If-Match`, try again if another request changed the user first. That request may have made this change
      // forbidden: the operator's view of the user was out of date, so the answer is 412.
      if (tries > 1 && outcome.code === "forbidden") return refuse("precondition_failed");
      const isOvertaken = outcome.code === "precondition_failed" && expected === undefined;
      if (!isOvertaken || tries === MOST_TRIES) return outcome;
    }
  },
);

/**
 * Reads a user, changes them, and returns the changed user. The audit events say what differs from the user as read. If
 * another request changes the user after this read, changes nothing.
 */
async function changeUser(services: Services, actor: User, id: string, body: ChangeBody, expected: string | undefined) {
  const { administration, clock, config, followUps, users } = services;
  const target = await users.find(id);
  if (target === undefined) return refuse("not_found");
  const errors = forbiddenFields(actor, target, body);
  if (errors.length > 0) return refuse("forbidden", { errors });
  if (expectedVersion(target, expected) === "other") return refuse("precondition_failed");
  if (Object.keys(body).length === 0) return target;

  const change = changeOf(target, body);
  const events = eventsOf(target, { ...target, ...change });
  const suspends = (target.isActive && change.isActive === false) || (target.isVerified && change.isVerified === false);
  // An unverified registration has no session to end. Ending its sessions would also make its emailed link invalid.
  const endsSessions = suspends && !wasNeverProved(target);
  const changesRole = change.role !== undefined && change.role !== target.role;
  const consequences = followUps.of({
    events: events.map(([type, details]) => ({ type, actorId: actor.id, userId: id, details })),
    ...(isVerifiedForOwner(target, body) ? { mails: [{ kind: "reset_password", email: target.email }] } : {}),
    ...(endsSessions || changesRole ? { sessionsOf: { userId: id, changesRole } } : {}),
  });
  const now = clock.now();
  const update = { actor, target, change: { ...change, ...demandOf(config, target, change, now) }, endsSessions };
  const changed = await administration.update(update, { consequences, now });
  if (!isRefusal(changed)) await followUps.carryOut(consequences, changed);
  return changed;
}

/** The new values of the sent fields. If the operator verifies a registration, also those of `UNENDORSED`. */
function changeOf(target: User, body: ChangeBody): Partial<User> {
  const { role, is_active: isActive, is_verified: isVerified, is_superuser: isSuperuser } = body;
  const taken = isVerified === true && wasNeverProved(target) ? UNENDORSED : {};
  const sent = { role, isActive, isVerified, isSuperuser, ...taken, ...profileChange(body) };
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined));
}

/**
 * If the new role or superuser flag makes a second factor mandatory, the user's grace period begins, in which they can
 * add a factor. If a factor is no longer mandatory, the period ends.
 */
function demandOf(config: Config, target: User, change: Partial<User>, now: number): Partial<User> {
  const must = mustHaveFactor(config, { ...target, ...change });
  return must === mustHaveFactor(config, target) ? {} : { secondFactorDemandedAt: must ? now : null };
}

/**
 * Whether an operator verifies an account whose owner has never used it. The owner then needs an emailed link to log
 * in.
 */
function isVerifiedForOwner(target: User, { is_verified: isVerified }: ChangeBody): boolean {
  return isVerified === true && !target.isVerified && isUnclaimed(target);
}

/** An error for each field of this user that the actor may not change. */
function forbiddenFields(actor: User, target: User, body: ChangeBody): FieldError[] {
  return Object.keys(body).flatMap((field) => {
    const permission = permissionFor(field, body);
    if (may(actor, permission, target)) {
      return raises(field, body) && isUnclaimed(target) ? [{ field, code: "unproved", message: UNPROVED }] : [];
    }
    return [{ field, code: "forbidden", message: `This needs the permission ${permission} on this user.` }];
  });
}

/** Whether a field gives the user power over others. */
function raises(field: string, body: ChangeBody): boolean {
  return (field === "role" && body.role !== "user") || (field === "is_superuser" && body.is_superuser === true);
}

function permissionFor(field: string, body: ChangeBody): Permission {
  switch (field) {
    case "role":
      return `grant_${body.role ?? "user"}`;
    case "is_superuser":
      return "grant_superuser";
    case "is_active":
      return "suspend_users";
    default:
      return "edit_users";
  }
}

/** The audit events of a change, only for values that differ. */
function eventsOf(before: User, after: User): [AuditEventType, AuditDetails][] {
  const events: [AuditEventType, AuditDetails][] = [];
  if (before.role !== after.role) events.push(["role_changed", { old: before.role, new: after.role }]);
  if (before.isSuperuser !== after.isSuperuser)
    events.push([after.isSuperuser ? "superuser_granted" : "superuser_revoked", {}]);
  if (before.isActive !== after.isActive)
    events.push([after.isActive ? "account_reinstated" : "account_suspended", {}]);
  if (before.isVerified !== after.isVerified) events.push(["verification_changed", { new: after.isVerified }]);
  const columns = PROFILE_FIELD_NAMES.map((name) => PROFILE_FIELDS[name].column);
  const changed = columns.filter((column) => before[column] !== after[column]);
  if (changed.length > 0) events.push(["profile_changed", { fields: changed.join(" ") }]);
  return events;
}
