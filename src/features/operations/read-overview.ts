import * as z from "zod";
import { operator } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import type { Services } from "../../endpoint/services.ts";
import type { Counts } from "../../metrics/counts.ts";
import { beginningOf, byLabel, type HistoryPeriod, totalOf } from "../../metrics/history.ts";
import { DAY, HOUR, toIsoTime } from "../../platform/clock.ts";
import { VERSION } from "../../version.ts";
import { keyList, presentKeys } from "./present-keys.ts";

const PERIODS = {
  "24h": { unit: "hour", length: HOUR, points: 24 },
  "30d": { unit: "day", length: DAY, points: 30 },
} as const;

type Period = (typeof PERIODS)[keyof typeof PERIODS];

/** Results of logins that do not count as failures: a success, or a first step after which another step is needed. */
const STEPS = new Set([
  ...["succeeded", "second_factor_required", "second_factor_enrolment_required", "login_code_required"],
]);

const numbers = z.record(z.string(), z.int());

const pointSchema = z.strictObject({
  at: z.iso.datetime().meta({ description: "The beginning of the hour or of the day, in UTC." }),
  users_created: z.int(),
  sessions_opened: z.int().meta({ description: "Each login opens one." }),
  logins: z.int(),
  login_failures: numbers.meta({ description: "By error code." }),
  limits_hit: numbers.meta({ description: "By limit." }),
  emails: numbers.meta({ description: "By state: `queued`, `sent`, `retried`, `refused` and others." }),
});

const overviewSchema = z
  .strictObject({
    version: z.string(),
    environment: z.enum(["development", "production"]),
    generated_at: z.iso.datetime(),
    users: z.strictObject({
      total: z.int(),
      verified: z.int(),
      suspended: z.int(),
      with_second_factor: z.int(),
      operators: z.int(),
    }),
    history: z.strictObject({
      unit: z.enum(["hour", "day"]),
      points: z.array(pointSchema).meta({ description: "Oldest first. The last one is not over yet." }),
    }),
    emails: z.strictObject({
      waiting: z.int().nullable().meta({ description: "In the queue. `null` if the platform doesn't say." }),
      dead_letters: z.int().meta({ description: "1,000 means that or more." }),
    }),
    keys: keyList,
  })
  .meta({ id: "Overview" });

export const readOverview = endpoint(
  {
    id: "readOverview",
    method: "get",
    path: "/api/v1/overview",
    tag: "Administration",
    summary: "Read an overview of the service",
    description:
      "No rows are counted for a request, so it takes as long with a million users as with ten. The numbers of users are exact. The numbers of the history can lack events that an isolate counted just before it ended.",
    caller: operator("read_overview"),
    query: z.strictObject({
      period: z.enum(["24h", "30d"], "Use 24h or 30d.").default("24h").meta({ description: "By hours or days." }),
    }),
    success: { status: 200, description: "The overview.", schema: overviewSchema },
  },
  async (services, { query }) => {
    const { clock, config, keyring, queueDepths, undeliveredMails, userTotals } = services;
    const period = PERIODS[query.period];
    const [users, history, queues, deadLetters, keys] = await Promise.all([
      userTotals.read(),
      readHistory(services, period),
      queueDepths.read(),
      undeliveredMails.count(),
      keyring.statuses(),
    ]);
    const { total, verified, suspended, withSecondFactor, operators } = users;
    const waiting = queues.find(({ queue }) => queue === "mail")?.messages ?? null;
    return {
      version: VERSION,
      environment: config.development ? ("development" as const) : ("production" as const),
      generated_at: toIsoTime(clock.now()),
      users: { total, verified, suspended, with_second_factor: withSecondFactor, operators },
      history: { unit: period.unit, points: history },
      emails: { waiting, dead_letters: deadLetters },
      keys: presentKeys(keys),
    };
  },
);

/** One point for each hour or day, even if nothing was counted in it. */
async function readHistory({ clock, metrics }: Services, { unit, length, points }: Period) {
  const last = beginningOf(unit, clock.now());
  const first = last - (points - 1) * length;
  const known = await metrics.history(first, unit);
  return Array.from({ length: points }, (_, index) => first + index * length).map((at) => presentPoint(at, known));
}

function presentPoint(at: number, known: readonly HistoryPeriod[]): z.output<typeof pointSchema> {
  const counts: Counts = known.find((period) => period.at === at)?.counts ?? {};
  const logins = byLabel(counts, "logins", "result");
  const succeeded = logins.succeeded ?? 0;
  return {
    at: toIsoTime(at),
    users_created: totalOf(counts, "users_created"),
    sessions_opened: succeeded,
    logins: succeeded,
    login_failures: Object.fromEntries(Object.entries(logins).filter(([result]) => !STEPS.has(result))),
    limits_hit: byLabel(counts, "limits_hit", "limit"),
    emails: byLabel(counts, "emails", "state"),
  };
}
