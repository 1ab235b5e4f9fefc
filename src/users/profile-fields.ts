/**
 * The profile fields of a user: optional personal data, in addition to the email address and the username.
 *
 * To add a field, declare it here and give it a column in `db/schema.ts`. Clients can then send the field when a user
 * registers, accepts an invitation or edits the profile. Imports can contain the field, operators can edit it, and
 * `User` and the export show it.
 */
import type * as z from "zod";
import { profileColumnNames } from "../db/schema.ts";
import { namesOf, recordOf } from "../platform/records.ts";
import { personName, phoneNumber } from "./fields.ts";

type ProfileColumn = (typeof profileColumnNames)[number];

/** Keyed by the name that the field has in the API. */
export const PROFILE_FIELDS = {
  first_name: { column: "firstName", schema: personName.meta({ examples: ["Ada"] }) },
  last_name: { column: "lastName", schema: personName.meta({ examples: ["Lovelace"] }) },
  phone: { column: "phone", schema: phoneNumber },
} as const satisfies Record<string, { column: ProfileColumn; schema: z.ZodString }>;

type ProfileFieldName = keyof typeof PROFILE_FIELDS;

/** A user's or a registration's profile, by column. */
export type Profile = Record<ProfileColumn, string | null>;

export const PROFILE_FIELD_NAMES = namesOf(PROFILE_FIELDS);

/** The fields in a request body. An absent field does not change, and `null` clears a field. */
export const profileShape = recordOf(PROFILE_FIELD_NAMES, (name) => PROFILE_FIELDS[name].schema.nullish());

/** The columns and values of the fields that were sent. */
export function profileChange(fields: { [Name in ProfileFieldName]?: string | null | undefined }): Partial<Profile> {
  const change: Partial<Profile> = {};
  for (const name of PROFILE_FIELD_NAMES) {
    const value = fields[name];
    if (value !== undefined) change[PROFILE_FIELDS[name].column] = value;
  }
  return change;
}

/** A profile, the username and the language: everything that users say about themselves. */
type Named = Profile & { username: string; locale: string };

/** The API names of the fields that have a different value after the change. */
export function changedFields(
  before: Named,
  change: { [Column in keyof Named]?: Named[Column] | undefined },
): string[] {
  const columns = { ...recordOf(PROFILE_FIELD_NAMES, (name) => PROFILE_FIELDS[name].column), ...OTHER_COLUMNS };
  return namesOf(columns).filter((name) => {
    const after = change[columns[name]];
    return after !== undefined && after !== before[columns[name]];
  });
}

const OTHER_COLUMNS = { username: "username", locale: "locale" } as const;

/** Every profile column of a new user; `null` for a field that was not sent. */
export function newProfile(fields: Parameters<typeof profileChange>[0]): Profile {
  return { ...recordOf(profileColumnNames, () => null), ...profileChange(fields) };
}

/** The fields by their API names. */
export function presentProfile(profile: Profile): Record<ProfileFieldName, string | null> {
  return recordOf(PROFILE_FIELD_NAMES, (name) => profile[PROFILE_FIELDS[name].column]);
}
