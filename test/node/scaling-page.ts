/** Fills in docs/scaling.md from what was measured, what is published, and the simulation: npm run docs:scaling */
import { readFileSync, writeFileSync } from "node:fs";
import directories from "../../bench/directories/results.json" with { type: "json" };
import type { Cost as DirectoryCost } from "../../bench/directories/worker.ts";
import manyUsers from "../../bench/many-users.json" with { type: "json" };
import rows from "../measure/archive-rows.json" with { type: "json" };
import calls from "../measure/d1-calls.json" with { type: "json" };
import growth from "../measure/growth.json" with { type: "json" };
import { ASSUMED, DESIGNS, type Kind, ROUND_TRIPS, simulate } from "../measure/regions.ts";
import sizes from "../measure/row-sizes.json" with { type: "json" };
import { amountOf, costOfMonth, MONTH, type Operation, PRICES } from "./cost-page.ts";
import { fillTables, table } from "./page-tables.ts";

export const PAGE = "docs/scaling.md";

const USERS = [1e6, 10e6, 100e6] as const;
const MONTH_DAYS = 30;
const MONTH_SECONDS = MONTH_DAYS * 86_400;
const RETENTION_DAYS = 365;
const DATABASE_BYTES = 10e9;

/** The events of an active user in a month. Each of these operations causes one. */
const EVENTS = monthlySum((operation) =>
  ["register", "verifyEmail", "login", "refusedLogin", "logout"].includes(operation) ? 1 : 0,
);
const EVENT_BYTES_A_DAY = (EVENTS / MONTH_DAYS) * sizes.event;
const ARCHIVED_BYTES_A_DAY = (EVENTS / MONTH_DAYS) * sizes.archivedEvent;
/** The events that come through the queue. The others are written together with their change, and moved later. */
const QUEUED_EVENTS = monthlySum((operation) => (["refusedLogin", "logout"].includes(operation) ? 1 : 0));
/** How many more rows are written for an active user in a month if events have their own database. */
const MOVED_ROWS = (EVENTS - QUEUED_EVENTS) * rows.moved + QUEUED_EVENTS * (rows.throughQueue - rows.written);

function monthlySum(of: (operation: Operation) => number): number {
  return Object.entries(MONTH).reduce((sum, [name, times]) => sum + of(name as Operation) * times, 0);
}

/** For how many seconds of a month one active user keeps D1 busy. */
function d1Seconds(readMilliseconds: number): number {
  const milliseconds = ({ reads, writes }: { reads: number; writes: number }) =>
    reads * readMilliseconds + writes * ASSUMED.d1Write;
  return monthlySum((operation) => milliseconds(calls[operation])) / 1_000;
}

/** How many directories (D1 databases of users) the prototype in `bench/directories/` was measured with. */
const MEASURED = ["1", "4", "6", "16"] as const;
const MOST_ASKED_AT_ONCE = 6;
/** The reads for one active user in a month that look up a name, because the request has no id. */
const NAME_READS = monthlySum((operation) =>
  ["register", "login", "refusedLogin"].includes(operation) ? calls[operation].reads : 0,
);
/** The names that one active user claims (reserves) in a month. A registration claims two. */
const CLAIMS = monthlySum((operation) => (operation === "register" ? 2 : 0));

/** How many active users `count` directories can serve until D1 has no more time. */
function fullByTime(count: number, readMilliseconds: number): number {
  if (count === 1) return 1 / atPeak(d1Seconds(readMilliseconds));
  // A login reads all directories at once. With more than six, it reads the name's claim first, and then the user.
  const asked = (NAME_READS * Math.min(count, count > MOST_ASKED_AT_ONCE ? 2 : count) * readMilliseconds) / 1_000;
  const others = d1Seconds(readMilliseconds) - (NAME_READS * readMilliseconds) / 1_000;
  return count / atPeak(others + asked + (CLAIMS * ASSUMED.d1Write) / 1_000);
}

const fullBySize = (count: number) =>
  (count * DATABASE_BYTES) / (count === 1 ? userBytes : userBytes + directories.users.bytesMore);

const atPeak = (aMonth: number) => (aMonth * ASSUMED.peak) / MONTH_SECONDS;
const millions = (amount: number) => `${(amount / 1e6).toFixed(1)} million`;
const round = (amount: number) => Number(amount.toPrecision(2)).toLocaleString("en-US");
const share = (part: number) => (part < 1e-3 ? "< 0.1 %" : `${round(part * 100)} %`);
const gigabytes = (bytes: number) => `${round(bytes / 1e9)} GB`;

/** A resource that has a limit. */
interface Bound {
  what: string;
  limit: string;
  /** The share of the limit that one active user needs. */
  needs: number;
}

const userBytes = sizes.user;
const BOUNDS: readonly Bound[] = [
  {
    what: `size of the directory, with the events of ${RETENTION_DAYS} days`,
    limit: "10 GB",
    needs: (userBytes + EVENT_BYTES_A_DAY * RETENTION_DAYS) / DATABASE_BYTES,
  },
  {
    what: `size of \`AUDIT_DB\`, if it is bound, with the events of ${RETENTION_DAYS} days`,
    limit: "10 GB",
    needs: (ARCHIVED_BYTES_A_DAY * RETENTION_DAYS) / DATABASE_BYTES,
  },
  { what: "time of D1, if a read takes 1 ms", limit: "1 s a second", needs: atPeak(d1Seconds(1)) },
  { what: "time of D1, if a read takes 0.2 ms", limit: "1 s a second", needs: atPeak(d1Seconds(0.2)) },
  { what: "size of the directory, its users alone", limit: "10 GB", needs: userBytes / DATABASE_BYTES },
  {
    what: "messages in queues, all in one",
    limit: "5,000 a second",
    needs: atPeak(amountOf("queueMessages", 1)) / 5_000,
  },
];

const LOADS: Readonly<Record<string, (users: number) => string>> = {
  "requests to Workers a second": (users) => round(atPeak(amountOf("workerRequests", users))),
  "cores that Workers keep busy": (users) => round(atPeak(amountOf("cpuMilliseconds", users)) / 1_000),
  "requests to objects a second, spread over all users": (users) => round(atPeak(amountOf("objectRequests", users))),
  "calls of D1 that only read, a second": (users) => round(atPeak(monthlySum((name) => calls[name].reads) * users)),
  "calls of D1 that write, a second": (users) => round(atPeak(monthlySum((name) => calls[name].writes) * users)),
  "writes to KV a second, each user with a key of their own": (users) => round(atPeak(amountOf("kvWrites", users))),
  "rows of users": (users) => gigabytes(users * userBytes),
  [`events of ${RETENTION_DAYS} days`]: (users) => gigabytes(users * EVENT_BYTES_A_DAY * RETENTION_DAYS),
  "price of a month": (users) => `$${round(costOfMonth(users))}`,
  "`AUDIT_DB` adds to that": (users) => `$${round((MOVED_ROWS * users * PRICES.d1RowsWritten.price) / 1e6)}`,
};

const named = USERS.map((users) => `${users / 1e6} million`);
const SIMULATED = [100_000, 1_000_000, 3_000_000];

function latencies(kind: Kind): string {
  return table([
    [`\`${kind === "me" ? "GET /users/me" : "refresh"}\``, "active users", ...Object.keys(ROUND_TRIPS)],
    ["---", "---:", ...Object.keys(ROUND_TRIPS).map(() => "---:")],
    ...Object.keys(DESIGNS).flatMap((design) =>
      SIMULATED.map((users) => [
        design,
        users.toLocaleString("en-US"),
        ...simulate(design, users)[kind].map(({ p50, p99 }) => `${count(p50)} / ${count(p99)}`),
      ]),
    ),
  ]);
}

const count = (amount: number) => amount.toLocaleString("en-US");

function costOf(costs: Readonly<Record<string, DirectoryCost | undefined>>, databases: string): string {
  const cost = costs[databases];
  if (cost === undefined) return "–";
  return [cost.sequential, cost.calls, cost.rowsRead, cost.rowsWritten].map(count).join(" / ");
}

const SECTIONS: Readonly<Record<string, () => string>> = {
  bounds: () =>
    table([
      ["What saturates", "limit", ...named, "full at"],
      ["---", "---", ...named.map(() => "---:"), "---:"],
      ...BOUNDS.map(({ what, limit, needs }) => [
        what,
        limit,
        ...USERS.map((users) => share(needs * users)),
        millions(1 / needs),
      ]),
    ]),
  loads: () =>
    table([
      ["In the busiest hour", ...named],
      ["---", ...named.map(() => "---:")],
      ...Object.entries(LOADS).map(([what, of]) => [what, ...USERS.map(of)]),
    ]),
  sizes: () =>
    table([
      ["A row, with its indexes", "bytes", "fill 10 GB"],
      ["---", "---:", "---:"],
      ["user", sizes.user, millions(DATABASE_BYTES / sizes.user)],
      ["audit event", sizes.event, millions(DATABASE_BYTES / sizes.event)],
      ["audit event in `AUDIT_DB`", sizes.archivedEvent, millions(DATABASE_BYTES / sizes.archivedEvent)],
    ]),
  growth: () =>
    table([
      ["CPU milliseconds of SQLite", ...growth.sizes.map(count)],
      ["---", ...growth.sizes.map(() => "---:")],
      ...Object.entries(growth.milliseconds).map(([what, times]) => [what, ...times]),
    ]),
  routes: () =>
    table([
      ["CPU milliseconds of a request", ...manyUsers.users.map(count)],
      ["---", ...manyUsers.users.map(() => "---:")],
      ...Object.entries(manyUsers.routes).map(([route, figures]) => [
        route,
        ...figures.map(({ cpu, cpuLeast, cpuMost }) => `${round(cpu)} (${round(cpuLeast)}–${round(cpuMost)})`),
      ]),
    ]),
  retention: () =>
    table([
      ["Active users", "longest `AUDIT_RETENTION_DAYS`", "with `AUDIT_DB`"],
      ["---:", "---:", "---:"],
      ...[100_000, 300_000, 1e6, 3e6, 10e6].map((users) => [
        count(users),
        Math.min(3_650, Math.floor((DATABASE_BYTES / users - userBytes) / EVENT_BYTES_A_DAY)),
        Math.min(3_650, Math.floor(DATABASE_BYTES / users / ARCHIVED_BYTES_A_DAY)),
      ]),
    ]),
  directories: () =>
    table([
      ["Databases", "full at, if a read takes 1 ms", "0.2 ms", "by size", "a login by name asks"],
      ["---:", "---:", "---:", "---:", "---"],
      ...[
        [1, "the only one"],
        [2, "both at once"],
        [4, "all at once"],
        [6, "all at once"],
        [16, "the name's claim, then one"],
      ].map(([count, asks]) => [
        String(count),
        ...[fullByTime(Number(count), 1), fullByTime(Number(count), 0.2), fullBySize(Number(count))].map(millions),
        String(asks),
      ]),
    ]),
  prototype: () =>
    table([
      [
        "Hops / calls / rows read / rows written",
        ...MEASURED.map((count) => `${count} ${count === "1" ? "database" : "databases"}`),
      ],
      ["---", ...MEASURED.map(() => "---:")],
      ...Object.entries(directories.costs).map(([operation, costs]) => [
        operation,
        ...MEASURED.map((count) => costOf(costs, count)),
      ]),
    ]),
  trips: () =>
    table([
      ["Round trip in ms", ...Object.keys(ROUND_TRIPS)],
      ["---", ...Object.keys(ROUND_TRIPS).map(() => "---:")],
      ...Object.entries(ROUND_TRIPS).map(([from, trips]) => [from, ...trips]),
    ]),
  refresh: () => latencies("refresh"),
  me: () => latencies("me"),
};

/** The page with up-to-date tables. */
export const withTables = (page: string) => fillTables(page, SECTIONS);

if (import.meta.main) writeFileSync(PAGE, withTables(readFileSync(PAGE, "utf8")));
