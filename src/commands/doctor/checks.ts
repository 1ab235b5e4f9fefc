/** Every check, in the order in which they run. docs/doctor.md says what each failure means. */
import { SECOND } from "../../platform/clock.ts";
import { checkBindings } from "./bindings.ts";
import { checkClock } from "./clock.ts";
import { checkConfiguration } from "./configuration.ts";
import { checkAuditEvents, checkDatabaseSize, checkFollowUps, checkMigrations } from "./database.ts";
import { checkDeadLetters } from "./dead-letters.ts";
import { checkArrival, checkEmailTransport } from "./email.ts";
import type { Examination } from "./examination.ts";
import type { Finding } from "./finding.ts";
import { checkHashing } from "./hashing.ts";
import { checkReadiness, checkService } from "./readiness.ts";
import { checkRoundTrip } from "./round-trip.ts";
import { checkSigningKeys } from "./signing-keys.ts";
import { checkNode, checkPackages, checkWrangler } from "./toolchain.ts";

export interface Check {
  /** Must not change, because scripts read it. */
  name: string;
  /** In milliseconds. A check that takes longer has failed. */
  timeout: number;
  examine(examination: Examination): Finding | Finding[] | Promise<Finding | Finding[]>;
}

const QUICK = 30 * SECOND;
/** Some checks open the database of a deployed service, for which wrangler uploads a Worker. */
const SLOW = 90 * SECOND;

export const CHECKS: readonly Check[] = [
  { name: "node", timeout: QUICK, examine: (examination) => checkNode(examination) },
  { name: "wrangler", timeout: QUICK, examine: checkWrangler },
  { name: "packages", timeout: QUICK, examine: checkPackages },
  { name: "configuration", timeout: QUICK, examine: checkConfiguration },
  { name: "bindings", timeout: QUICK, examine: checkBindings },
  { name: "service", timeout: QUICK, examine: checkService },
  { name: "readiness", timeout: QUICK, examine: checkReadiness },
  { name: "migrations", timeout: SLOW, examine: checkMigrations },
  { name: "clock", timeout: QUICK, examine: checkClock },
  { name: "signing-keys", timeout: QUICK, examine: checkSigningKeys },
  { name: "follow-ups", timeout: QUICK, examine: checkFollowUps },
  { name: "database-size", timeout: QUICK, examine: checkDatabaseSize },
  { name: "audit-events", timeout: QUICK, examine: checkAuditEvents },
  { name: "dead-letters", timeout: QUICK, examine: checkDeadLetters },
  { name: "hashing", timeout: QUICK, examine: checkHashing },
  { name: "email-transport", timeout: QUICK, examine: checkEmailTransport },
  { name: "email-arrival", timeout: SLOW, examine: checkArrival },
  { name: "round-trip", timeout: SLOW, examine: checkRoundTrip },
];
