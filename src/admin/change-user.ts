/**
 * Changing somebody else: who may change which field of whom stands in the permission table. What was handed
 * out before follows at once: a change of role makes new access tokens necessary, a suspension ends every session.
 */
import { may, type Permission } from "../access/permissions.ts";
import type { AuditDetails, AuditEventType } from "../audit/events.ts";
import { type FieldError, type Refusal, refuse } from "../http/problems.ts";
import type { Services } from "../services.ts";
import { expectedVersion } from "../users/update-profile.ts";
import type { User } from "../users/user.ts";
import type { OperatorChange } from "./store.ts";

/** What may be sent: absent leaves a field alone, `null` clears it. */
export interface OperatorFields {
  role?: User["role"] | undefined;
  is_active?: boolean | undefined;
  is_verified?: boolean | undefined;
  is_superuser?: boolean | undefined;
  first_name?: string | null | undefined;
  last_name?: string | null | undefined;
  phone?: string | null | undefined;
}

/** `ifMatch` is the header of RFC 9110 §13.1.1: absent or `*`, the user as they are now is changed. */
export async function changeUser(
  { administration, audit, clock, sessions }: Services,
  actor: User,
  targetId: string,
  fields: OperatorFields,
  ifMatch: string | undefined,
): Promise<User | Refusal<"forbidden" | "not_found" | "last_superuser" | "precondition_failed">> {
  const target = await administration.find(targetId);
  if (target === undefined) return refuse("not_found");
  const errors = forbiddenFields(actor, target, fields);
  if (errors.length > 0) return refuse("forbidden", { errors });
  const version = expectedVersion(target, ifMatch);
  if (version === "other") return refuse("precondition_failed");
  if (Object.keys(fields).length === 0) return target;

  const change = readChange(fields);
  const endsSessions = change.isActive === false || change.isVerified === false;
  const update = await administration.update({ actor, target, change, endsSessions, version }, clock.now());
  if (update.outcome !== "updated") {
    return refuse(update.outcome === "last_superuser" ? "last_superuser" : "precondition_failed");
  }

  const { before, user } = update;
  for (const [type, details] of whatHappened(before, user)) {
    audit.note(type, { actorId: actor.id, userId: user.id, details });
  }
  // This service refuses by the directory already; these tell the other Workers.
  if (endsSessions) await sessions.endAllBut(user.id, null);
  if (change.role !== undefined) await sessions.changeRole(user.id, user.role, user.updatedAt);
  return user;
}

/** The fields that the actor may not change of this person. */
function forbiddenFields(actor: User, target: User, fields: OperatorFields): FieldError[] {
  return Object.keys(fields).flatMap((field) => {
    const permission = permissionFor(field, fields);
    if (may(actor, permission, target)) return [];
    return [{ field, code: "forbidden", message: `This needs the permission ${permission} on this person.` }];
  });
}

function permissionFor(field: string, fields: OperatorFields): Permission {
  switch (field) {
    case "role":
      return `grant_${fields.role ?? "user"}`;
    case "is_superuser":
      return "grant_superuser";
    case "is_active":
      return "suspend_users";
    default:
      return "edit_users";
  }
}

function readChange(fields: OperatorFields): OperatorChange {
  return {
    ...(fields.role === undefined ? {} : { role: fields.role }),
    ...(fields.is_active === undefined ? {} : { isActive: fields.is_active }),
    ...(fields.is_verified === undefined ? {} : { isVerified: fields.is_verified }),
    ...(fields.is_superuser === undefined ? {} : { isSuperuser: fields.is_superuser }),
    ...(fields.first_name === undefined ? {} : { firstName: fields.first_name }),
    ...(fields.last_name === undefined ? {} : { lastName: fields.last_name }),
    ...(fields.phone === undefined ? {} : { phone: fields.phone }),
  };
}

function whatHappened(before: User, after: User): [AuditEventType, AuditDetails][] {
  const events: [AuditEventType, AuditDetails][] = [];
  if (before.role !== after.role) events.push(["role_changed", { old: before.role, new: after.role }]);
  if (before.isSuperuser !== after.isSuperuser)
    events.push([after.isSuperuser ? "superuser_granted" : "superuser_revoked", {}]);
  if (before.isActive !== after.isActive)
    events.push([after.isActive ? "account_reinstated" : "account_suspended", {}]);
  if (before.isVerified !== after.isVerified) events.push(["verification_changed", { new: after.isVerified }]);
  const fields = (["firstName", "lastName", "phone"] as const).filter((name) => before[name] !== after[name]);
  if (fields.length > 0) events.push(["profile_changed", { fields: fields.join(" ") }]);
  return events;
}
