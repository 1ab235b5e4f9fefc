/**
 * The scenarios of every route under faults. A name begins with the id of the endpoint: `login with a wrong password`.
 */
import type { Prepare } from "./scenario.ts";
import { ACCOUNT } from "./scenarios-account.ts";
import { ADMINISTRATION } from "./scenarios-administration.ts";
import { AUTHENTICATION } from "./scenarios-authentication.ts";
import { FACTORS } from "./scenarios-factors.ts";
import { SERVICE } from "./scenarios-service.ts";

export const SCENARIOS: Readonly<Record<string, Prepare>> = {
  ...SERVICE,
  // Before the other scenarios have made thousands of users, whom a scenario of these counts again and again.
  ...ADMINISTRATION,
  ...AUTHENTICATION,
  ...FACTORS,
  ...ACCOUNT,
};
