/**
 * Measures the effect of the hashing lane (the queue for password hashes): how long `GET /users/me` and the JWKS take
 * while logins flood one isolate, with the lane and, in a second copy of this tree, without it. Runs on loopback, at
 * the default cost of a hash.
 *
 *   npm run measure:flood -- --seconds 30 --connections 32
 *
 * Both requests are sent at a steady rate, whether or not the earlier ones are answered. A time counts from the
 * moment for which its request was planned. So if the service answers nothing for a second, all requests of that
 * second are slow, and not only one. The two copies take turns, because a machine's speed changes within minutes.
 * Each copy is measured at rest before it is flooded. Don't use the machine for anything else meanwhile.
 */

import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { FLOODED, floodWithLogins, takeLaneOut } from "../node/live-flood.ts";
import { logIn, type Person, readMe, register } from "../node/live-person.ts";
import { type Clone, makeClone } from "../node/live-service.ts";

const USAGE = `Usage: npm run measure:flood -- [flags]
  --seconds <1 to 120>      how long each flood lasts (30)
  --connections <1 to 128>  how many logins are under way at once (32)
  --rest <0 to 10000>       milliseconds between a login's answer and the next on its connection (100)
  --rate <1 to 50>          requests a second of each kind that is timed (10)
  --rounds <1 to 10>        how often each copy is flooded (2)`;

interface Side {
  name: "with the lane" | "without";
  origin: string;
  flooder: Person;
  accessToken: string;
  rest: Record<Timed, number[]>;
  flood: Record<Timed, number[]>;
  logins: Map<number, number>;
}
type Timed = "me" | "jwks";

const write = (line: string) => process.stdout.write(`${line}\n`);
const settings = readSettings();
if (settings === undefined) process.exitCode = 2;
else await measure(settings);

function readSettings() {
  const whole = (name: string, text: string, least: number, most: number) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new Error(`--${name} takes a whole number from ${least} to ${most}.`);
    }
    return value;
  };
  const flag = (preset: string) => ({ type: "string", default: preset }) as const;
  try {
    const { values } = parseArgs({
      options: {
        seconds: flag("30"),
        connections: flag("32"),
        rest: flag("100"),
        rate: flag("10"),
        rounds: flag("2"),
      },
    });
    return {
      seconds: whole("seconds", values.seconds, 1, 120),
      connections: whole("connections", values.connections, 1, 128),
      rest: whole("rest", values.rest, 0, 10_000),
      rate: whole("rate", values.rate, 1, 50),
      rounds: whole("rounds", values.rounds, 1, 10),
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
    return undefined;
  }
}

type Settings = NonNullable<ReturnType<typeof readSettings>>;

async function measure(settings: Settings): Promise<void> {
  const clones: Clone[] = [];
  const removeAll = () => Promise.all(clones.map((clone) => clone.remove()));
  // The services have their own process groups: a signal that ends this process would leave them running.
  for (const signal of ["SIGINT", "SIGTERM"])
    process.once(signal, () => void removeAll().finally(() => process.exit(1)));
  try {
    const sides: Side[] = [];
    for (const name of ["with the lane", "without"] as const) {
      const clone = makeClone();
      clones.push(clone);
      if (name === "without") takeLaneOut(clone);
      const { origin } = await clone.start(FLOODED);
      const { access_token: accessToken } = await logIn(origin, await register(origin));
      const flooder = await register(origin);
      const none = () => ({ me: [], jwks: [] });
      const side: Side = { name, origin, flooder, accessToken, rest: none(), flood: none(), logins: new Map() };
      // A warm-up: the first requests of an isolate take longer.
      await timeBoth(side, none(), { ...settings, seconds: 3 });
      sides.push(side);
    }
    write(JSON.stringify(settings));
    for (let round = 1; round <= settings.rounds; round++) {
      for (const side of sides) {
        write(`Round ${round}, ${side.name} …`);
        await timeBoth(side, side.rest, { ...settings, seconds: 5 });
        await flood(side, settings);
      }
    }
    for (const side of sides) report(side);
  } finally {
    await removeAll();
  }
}

async function flood(side: Side, settings: Settings): Promise<void> {
  const end = performance.now() + settings.seconds * 1_000;
  const logins = floodWithLogins(side.origin, {
    connections: settings.connections,
    rest: settings.rest,
    person: side.flooder,
    goesOn: () => performance.now() < end,
    answered: (status) => void side.logins.set(status, (side.logins.get(status) ?? 0) + 1),
  });
  await Promise.all([logins, timeBoth(side, side.flood, settings)]);
}

async function timeBoth({ origin, accessToken }: Side, times: Side["rest"], settings: Settings): Promise<void> {
  const between = 1_000 / settings.rate;
  await Promise.all([
    timeSteadily(() => readMe(origin, accessToken), times.me, settings),
    // Starts halfway between two requests of the other kind.
    pause(between / 2).then(() => timeSteadily(() => fetch(`${origin}/.well-known/jwks.json`), times.jwks, settings)),
  ]);
}

/**
 * Sends requests at a steady rate until all are answered. Adds to `times` how many milliseconds after its planned
 * moment each was answered.
 */
async function timeSteadily(send: () => Promise<Response>, times: number[], { rate, seconds }: Settings) {
  const start = performance.now();
  const answers: Promise<void>[] = [];
  for (let sent = 0; sent < rate * seconds; sent++) {
    const due = start + (sent * 1_000) / rate;
    await pause(Math.max(0, due - performance.now()));
    const answer = send().then(async (response) => {
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`A request that is timed was answered ${response.status}.`);
      times.push(performance.now() - due);
    });
    // `Promise.all` below throws a failure once all requests are sent. Until then, an unhandled rejection must not end
    // the process and leave the services running.
    answer.catch(() => {});
    answers.push(answer);
  }
  await Promise.all(answers);
}

function report({ name, rest, flood, logins }: Side): void {
  write(`\n${name}: logins answered ${[...logins].map(([status, count]) => `${status}: ${count}`).join(", ")}`);
  for (const [state, times] of Object.entries({ "at rest": rest, flooded: flood })) {
    for (const [what, all] of Object.entries(times)) {
      const sorted = all.toSorted((one, other) => one - other);
      // The smallest time that this share of all times does not exceed (nearest rank).
      const quantile = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN);
      const figures = `p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, max ${quantile(1)} ms`;
      write(`  ${state.padEnd(8)} ${what.padEnd(4)} ${figures} (${sorted.length} answers)`);
    }
  }
}
