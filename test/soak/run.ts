/**
 * `npm run test:soak`: people use the service for `SOAK_MINUTES` (default: 30), in which ten years pass for the
 * service. Prints what the service stores, how much memory it takes and how fast it answers. Fails if its storage or
 * the Worker's heap grows, if something outlives its lifetime, or if nothing was there that could have grown. The speed
 * is only shown, because it also depends on the machine.
 */
import { makeClone } from "../node/live-service.ts";
import { MORTAL, type Soaked, soak } from "./soak.ts";
import { growth, HEADING, lineOf } from "./trend.ts";

const WINDOWS = 30;

const minutes = Number(process.env.SOAK_MINUTES ?? 30);
if (!(minutes >= 0.5 && minutes <= 1_440)) {
  process.stderr.write("SOAK_MINUTES takes a number from 0.5 to 1440.\n");
  process.exit(2);
}
const clone = makeClone();
// The service is in a process group of its own, so a signal that ends this process would leave the service running.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => void clone.remove().finally(() => process.exit(1)));
}
try {
  say(`Building the service. Then ten years pass in ${minutes} minutes, and one more without requests.\n\n${HEADING}`);
  const tell = (window: Parameters<typeof lineOf>[0]) => say(lineOf(window, WINDOWS));
  const duration = minutes * 60_000;
  const soaking = { duration, year: duration / 10, people: 6, rest: 150, windows: WINDOWS, seed: 1, tell };
  const soaked = await soak(clone, soaking);
  const faults = [...soaked.faults, ...growth(soaked.windows), ...outlived(soaked)];
  tellAnswers(soaked);
  for (const fault of faults) say(`FAULT: ${fault}`);
  if (faults.length === 0) say("Nothing grew, and nothing outlived its time.");
  process.exitCode = faults.length > 0 ? 1 : 0;
} finally {
  await clone.remove();
}

function tellAnswers({ answers, people }: Soaked): void {
  say(`\n${people} people came. What they asked for, and the answers:`);
  for (const [name, count] of [...answers].sort()) say(`${String(count).padStart(8)}  ${name}`);
}

function outlived({ left }: Soaked): string[] {
  const there = MORTAL.filter((name) => (left.rows[name] ?? 0) > 0);
  return there.map((name) => `When everybody had gone, ${left.rows[name]} rows of ${name} stayed.`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
