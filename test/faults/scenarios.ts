/** What every route is asked under faults. A name is the id of an endpoint, with a word behind it where there are more. */
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
