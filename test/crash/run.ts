/**
 * `npm run test:crash`: kills the service at random moments of mixed traffic, starts it again, and checks whether
 * everything that it had acknowledged is there. `CRASHES` says how often (default: 20). `CRASH_SEED` chooses the
 * moments and the commands. Two runs with the same seed still differ, because the machine's timing does.
 */
import { makeClone } from "../node/live-service.ts";
import { crashAgainAndAgain, type Report } from "./crashes.ts";

/** In milliseconds: several times what a kill and the checks after it take on a usual machine. */
const LEAST_TIME = 9 * 60_000;
const TIME_PER_KILL = 30_000;

const kills = wholeNumber("CRASHES", 20, 1, 1_000);
const seed = wholeNumber("CRASH_SEED", Date.now() % 2 ** 31, 0, 2 ** 31);
const clone = makeClone();
// The service has its own process group, so a signal that ends this process would leave it running. Remove it first.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => void clone.remove().finally(() => process.exit(1)));
}
try {
  say(`${kills} kills with CRASH_SEED=${seed}. Building the service.`);
  const mostTime = Math.max(LEAST_TIME, kills * TIME_PER_KILL);
  const crashing = { kills, seed, clients: 12, mostCommands: 400, mostTime, say };
  const report = await crashAgainAndAgain(clone, await clone.prepare(), crashing);
  tell(report);
  process.exitCode = report.faults.length > 0 ? 1 : 0;
} finally {
  await clone.remove();
}

function tell({ faults, kills: done, accounts, acknowledged, verdicts, judged }: Report): void {
  const table = (title: string, counts: ReadonlyMap<string, number>) => {
    say(`\n${title}`);
    for (const [name, count] of [...counts].sort(([, one], [, other]) => other - one)) {
      say(`${String(count).padStart(8)}  ${name}`);
    }
  };
  table("Acknowledged", acknowledged);
  table("Answers that a kill took, by what had happened", verdicts);
  say(`\n${done} of ${kills} kills, ${accounts} accounts, ${judged} answers judged after a start.`);
  for (const fault of faults) say(`FAULT: ${fault}`);
  say(faults.length > 0 ? `${faults.length} faults.` : "Everything that was acknowledged is there.");
}

function wholeNumber(name: string, preset: number, least: number, most: number): number {
  const value = Number(process.env[name] ?? preset);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  process.stderr.write(`${name} takes a whole number from ${least} to ${most}.\n`);
  process.exit(2);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
