/**
 * The scenarios of every route under faults. A name is the id of an endpoint, and a word if it has several scenarios.
 */
import type { Prepare } from "./scenario.ts";
import { ACCOUNT } from "./scenarios-account.ts";
import { ADMINISTRATION } from "./scenarios-administration.ts";
import { AUTHENTICATION } from "./scenarios-authentication.ts";
import { FACTORS } from "./scenarios-factors.ts";
import { SERVICE } from "./scenarios-service.ts";

export const SCENARIOS: Readonly<Record<string, Prepare>> = {
  ...SERVICE,
  ...AUTHENTICATION,
  ...FACTORS,
  ...ACCOUNT,
  ...ADMINISTRATION,
};
