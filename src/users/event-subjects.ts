/** Values of audit events that only the database knows, as SQL. */
import { type SQL, sql } from "drizzle-orm";
import type { AuditEventType } from "../audit/event-types.ts";
import { users } from "../db/schema.ts";

/** For the event of a registration: the id of the user of an address. */
export function holderOfAddress(email: string): SQL {
  return sql`(SELECT ${users.id} FROM ${users} WHERE ${users.email} = ${email})`;
}

/** The type of the event of a registration. It differs if a verified user already has the address. */
export function registrationEvent(email: string): SQL {
  const known: AuditEventType = "known_address_registered";
  const unknown: AuditEventType = "registered";
  return sql`(SELECT CASE ${users.isVerified} WHEN 1 THEN ${known} ELSE ${unknown} END FROM ${users} WHERE ${users.email} = ${email})`;
}

/** For the event of a verification: the id of the user whom a link verified. */
export function verifiedBy(link: string): SQL {
  return sql`(SELECT ${users.id} FROM ${users} WHERE ${users.verifiedByLink} = ${link})`;
}
