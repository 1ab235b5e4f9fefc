/** Fills in docs/cost.md from the measured operations and the published prices: npm run docs:cost */
import { readFileSync, writeFileSync } from "node:fs";
import operations from "../measure/operations.json" with { type: "json" };
import { fillTables, table } from "./page-tables.ts";

export const PAGE = "docs/cost.md";

export type Operation = keyof typeof operations;
type Counts = (typeof operations)[Operation] & { cpuMilliseconds: number };
type Unit = keyof Counts;

/** Paid plan: `price` in dollars per million, `included` units per month. Free plan: `free` units per day. */
export const PRICES: Readonly<
  Record<Unit, { what: string; price: number; included: number; free: number | undefined }>
> = {
  workerRequests: { what: "requests to Workers", price: 0.3, included: 10e6, free: 100_000 },
  cpuMilliseconds: { what: "milliseconds of CPU time", price: 0.02, included: 30e6, free: undefined },
  objectRequests: { what: "requests to Durable Objects, alarms included", price: 0.15, included: 1e6, free: 100_000 },
  objectRowsRead: { what: "rows read in objects", price: 0.001, included: 25e9, free: 5e6 },
  objectRowsWritten: { what: "rows written in objects", price: 1, included: 50e6, free: 100_000 },
  d1RowsRead: { what: "rows read in D1", price: 0.001, included: 25e9, free: 5e6 },
  d1RowsWritten: { what: "rows written in D1", price: 1, included: 50e6, free: 100_000 },
  kvReads: { what: "KV reads", price: 0.5, included: 10e6, free: 100_000 },
  kvWrites: { what: "KV writes", price: 5, included: 1e6, free: 1_000 },
  queueMessages: {
    what: "messages in queues (each is written, read and deleted)",
    price: 1.2,
    included: 1e6 / 3,
    free: 10_000 / 3,
  },
};
const BASE_PRICE = 5;

/**
 * The milliseconds that one run of `npm run measure:cpu` printed. An operation that the run doesn't measure has the
 * figure of the most similar operation.
 */
const CPU: Readonly<Record<Operation, number>> = {
  ...{ register: 198, verifyEmail: 7, login: 185, refusedLogin: 185, refresh: 7, me: 7, logout: 7 },
  ...{ verifyByKv: 0, verifyByRpc: 7, secondFactor: 7, passkeyLogin: 7 },
  ...{ firstStep: 185, trustedLogin: 185, linkRequest: 7, emailLogin: 7, enrolment: 199 },
};

const NAMES: Readonly<Record<Operation, string>> = {
  register: "registration",
  verifyEmail: "verification of an email address",
  login: "login",
  refusedLogin: "login with a wrong password",
  refresh: "refresh",
  me: "`GET /users/me`",
  verifyByKv: "check of a token in another Worker, with revocations from KV",
  verifyByRpc: "check of a token over RPC",
  logout: "logout",
  secondFactor: "second step of a login",
  passkeyLogin: "login by a passkey alone",
  firstStep: "first step of a login with a second factor",
  trustedLogin: "login from a trusted device",
  linkRequest: "request for a link to log in",
  emailLogin: "login by an emailed link",
  enrolment: "login that sets up an authenticator app",
};

/** How often one active user causes each operation in a month. Of ten users, one is new. */
export const MONTH: Readonly<Partial<Record<Operation, number>>> = {
  ...{ register: 0.1, verifyEmail: 0.1, login: 2, refusedLogin: 0.4, refresh: 200, me: 100, logout: 0.5 },
};

function countsOf(operation: Operation): Counts {
  return { ...operations[operation], cpuMilliseconds: CPU[operation] };
}

const units = Object.entries(PRICES).map(([unit, rest]) => ({ unit: unit as Unit, ...rest }));
const dollars = (amount: number) => `$${amount.toFixed(2)}`;
const count = (amount: number) => Math.round(amount).toLocaleString("en-US");

/** What a million of an operation costs once the included amounts are used up. */
function costOfMillion(operation: Operation): number {
  const counts = countsOf(operation);
  return units.reduce((sum, { unit, price }) => sum + counts[unit] * price, 0);
}

/** How much of a unit this many active users need in a month. */
export function amountOf(unit: Unit, users: number): number {
  return Object.entries(MONTH).reduce(
    (sum, [name, times]) => sum + countsOf(name as Operation)[unit] * times * users,
    0,
  );
}

/** What this many active users cost in a month, including the price of the plan. */
export function costOfMonth(users: number): number {
  return units.reduce(
    (sum, { unit, price, included }) => sum + (Math.max(0, amountOf(unit, users) - included) * price) / 1e6,
    BASE_PRICE,
  );
}

const SECTIONS: Readonly<Record<string, () => string>> = {
  million: () =>
    table([
      ["A million of", "cost", "CPU time in this cost"],
      ["---", "---:", "---:"],
      ...Object.entries(NAMES).map(([operation, name]) => [
        name,
        dollars(costOfMillion(operation as Operation)),
        dollars(CPU[operation as Operation] * PRICES.cpuMilliseconds.price),
      ]),
      ["check of a token in another Worker, without revocations", dollars(0), dollars(0)],
    ]),
  operations: () =>
    table([
      [
        "One",
        "Worker requests",
        "object requests",
        "rows written in objects",
        "rows written in D1",
        "KV reads",
        "KV writes",
        "messages",
        "CPU ms",
      ],
      ["---", ...Array.from({ length: 8 }, () => "---:")],
      ...Object.entries(NAMES).map(([operation, name]) => {
        const of = countsOf(operation as Operation);
        return [
          name,
          of.workerRequests,
          of.objectRequests,
          of.objectRowsWritten,
          of.d1RowsWritten,
          of.kvReads,
          of.kvWrites,
          of.queueMessages,
          of.cpuMilliseconds,
        ];
      }),
    ]),
  prices: () =>
    table([
      ["What", "Price of a million", "Included in a month", "Free plan, in a day"],
      ["---", "---:", "---:", "---:"],
      ...units.map(({ what, price, included, free }) => [
        what,
        `$${price}`,
        count(included),
        free === undefined ? "no limit, but 10 ms in a request" : count(free),
      ]),
    ]),
  months: () =>
    table([
      ["What", "One active user needs", "Included in a month", "Cost for 10,000 users", "Cost for 1,000,000 users"],
      ["---", "---:", "---:", "---:", "---:"],
      ...units.map(({ what, unit, price, included }) => [
        what,
        amountOf(unit, 1).toFixed(1),
        count(included),
        ...[10_000, 1_000_000].map((users) => dollars((Math.max(0, amountOf(unit, users) - included) * price) / 1e6)),
      ]),
      ["the plan", "", "", dollars(BASE_PRICE), dollars(BASE_PRICE)],
      ["**together**", "", "", ...[10_000, 1_000_000].map((users) => `**${dollars(costOfMonth(users))}**`)],
    ]),
};

/** The page with up-to-date tables. */
export const withTables = (page: string) => fillTables(page, SECTIONS);

if (import.meta.main) writeFileSync(PAGE, withTables(readFileSync(PAGE, "utf8")));
