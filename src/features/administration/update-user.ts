/**
 * Changes another user. Who may change which field of whom is in the permission table. A change takes effect at once: a
 * change of role makes new access tokens necessary, a suspension ends every session.
 */
import * as z from "zod";
import { may, type Permission } from "../../access/permissions.ts";
import type { AuditDetails, AuditEventType } from "../../audit/event-types.ts";
import { operator } from "../../endpoint/callers.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { type FieldError, isRefusal, refuse } from "../../platform/refusal.ts";
import { role } from "../../users/fields.ts";
import { PROFILE_FIELD_NAMES, PROFILE_FIELDS, profileChange, profileShape } from "../../users/profile-fields.ts";
import { expectedVersion, presentUser, type User, userEtag, userSchema } from "../../users/user.ts";

const changeBody = z.strictObject({
  role: role.optional(),
  is_active: z.boolean().optional(),
  is_verified: z.boolean().optional(),
  is_superuser: z.boolean().optional(),
  ...profileShape,
});

type ChangeBody = z.output<typeof changeBody>;

export const updateUser = endpoint(
  {
    id: "updateUser",
    method: "patch",
    path: "/api/v1/users/{id}",
    tag: "Administration",
    summary: "Change a user",
    description:
      "Only the fields that are sent change; `null` clears one that may be empty. `role` needs the permission `grant_<role>`, `is_superuser` needs `grant_superuser`, `is_active` needs `suspend_users`, everything else `edit_users`. A change of role or status takes effect at once: earlier access tokens are refused, and a suspension ends every session. With `If-Match` and the ETag that you read, the change is refused if someone else changed the user meanwhile.",
    // Each operator role that may change something has `suspend_users`. The handler checks each field separately.
    caller: operator("suspend_users"),
    body: () => changeBody,
    success: { status: 200, description: "The changed user.", schema: userSchema },
    refusals: ["forbidden", "not_found", "last_superuser", "precondition_failed"],
  },
  async ({ administration, audit, clock, sessions, users }, { body, caller, exchange, id }) => {
    const actor = caller.user;
    const target = await users.find(id);
    if (target === undefined) return refuse("not_found");
    const errors = forbiddenFields(actor, target, body);
    if (errors.length > 0) return refuse("forbidden", { errors });
    const version = expectedVersion(target, exchange.header("If-Match"));
    if (version === "other") return refuse("precondition_failed");
    if (Object.keys(body).length === 0) return new Reply(presentUser(target), { ETag: userEtag(target) });

    const change = {
      role: body.role,
      isActive: body.is_active,
      isVerified: body.is_verified,
      isSuperuser: body.is_superuser,
      ...profileChange(body),
    };
    const endsSessions = change.isActive === false || change.isVerified === false;
    const update = await administration.update({ actor, target, change, endsSessions, version }, clock.now());
    if (isRefusal(update)) return update;

    const { before, user } = update;
    for (const [type, details] of eventsOf(before, user)) {
      audit.note(type, { actorId: actor.id, userId: user.id, details });
    }
    // Postern itself reads D1, which has already changed. The user's session object tells other Workers through KV.
    if (endsSessions) await sessions.endAllBut(user.id, null);
    if (change.role !== undefined) await sessions.changeRole(user.id, user.role, user.updatedAt);
    return new Reply(presentUser(user), { ETag: userEtag(user) });
  },
);

/** The fields of this user that the actor may not change. */
function forbiddenFields(actor: User, target: User, body: ChangeBody): FieldError[] {
  return Object.keys(body).flatMap((field) => {
    const permission = permissionFor(field, body);
    if (may(actor, permission, target)) return [];
    return [{ field, code: "forbidden", message: `This needs the permission ${permission} on this user.` }];
  });
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

/** What really changed, for the audit log. */
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
