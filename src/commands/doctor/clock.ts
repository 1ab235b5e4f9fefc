/** Compares this machine's clock with the clocks of the service and of the database. */
import { databaseNow } from "../../db/client.ts";
import { SECOND } from "../../platform/clock.ts";
import { type Examination, withDatabase, withService } from "./examination.ts";
import { type Finding, failed, ok, skipped, warning } from "./finding.ts";
import type { Service } from "./service.ts";

/** The difference between two clocks that verifiers tolerate by default (CLOCK_TOLERANCE_SECONDS). */
const TOLERATED = 5 * SECOND;
/** The most that verifiers can tolerate. If this machine is further behind, its verifiers refuse every new token. */
const UNUSABLE = 60 * SECOND;

export async function checkClock(examination: Examination): Promise<Finding | Finding[]> {
  const { wish } = examination;
  if (wish.kind === "local") return ok("The service runs on this machine, by the same clock.");
  const service = await withService(examination, (found) => againstService(found, examination));
  return wish.kind === "deployed" ? [service, await againstDatabase(examination)] : service;
}

async function againstService(service: Service, { clock }: Examination): Promise<Finding> {
  const asked = clock.now();
  const { headers } = await service.request("/health");
  const date = Date.parse(headers.get("date") ?? "");
  // workerd sends no Date header. A proxy in front of it may add one.
  if (Number.isNaN(date))
    return skipped(
      "The service's answer has no Date header.",
      "A clock that is far off also fails the check `round-trip`.",
    );
  // The header has whole seconds, rounded down.
  return judge("the service's", asked, date, date + SECOND, clock.now());
}

function againstDatabase(examination: Examination): Promise<Finding> {
  return withDatabase(examination, async (db) => {
    const { clock } = examination;
    const asked = clock.now();
    const now = await databaseNow(db);
    return judge("D1's", asked, now, now, clock.now());
  });
}

/**
 * Compares the clocks. Between `asked` and `answered` on this machine's clock, the other clock showed a time from
 * `earliest` to `latest`.
 */
function judge(whose: string, asked: number, earliest: number, latest: number, answered: number): Finding {
  const ahead = Math.max(0, asked - latest);
  const behind = Math.max(0, earliest - answered);
  const by = Math.ceil(Math.max(ahead, behind) / SECOND);
  if (by * SECOND <= TOLERATED)
    return ok(`This machine's clock agrees with ${whose} to within ${TOLERATED / SECOND} s.`);
  const message = `This machine's clock is ${by} s ${ahead > 0 ? "ahead of" : "behind"} ${whose}.`;
  const remedy =
    "Set it by NTP (`timedatectl set-ntp true`): verifiers on a machine with such a clock refuse valid tokens.";
  return by * SECOND > UNUSABLE ? failed(message, remedy) : warning(message, remedy);
}
