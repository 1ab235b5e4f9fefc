/**
 * `npm run doctor`: examines a service on this machine, in a container or deployed. Says what is wrong and how to fix
 * it. Changes nothing, except that it makes a throw-away account and deletes it again.
 */
import { inTime, systemClock } from "../platform/clock.ts";
import { describeError } from "../platform/log.ts";
import { systemRandom } from "../platform/random.ts";
import { emailAddress } from "../users/fields.ts";
import { isAbsent } from "./doctor/absent.ts";
import { CHECKS, type Check } from "./doctor/checks.ts";
import { createExamination, type Examination, type Tools, type Wish } from "./doctor/examination.ts";
import { type Finding, failed } from "./doctor/finding.ts";
import { describeEnd, describeFinding, makeReport, type Result } from "./doctor/report.ts";
import { describeFailure } from "./doctor/service.ts";
import { PLACE_FLAGS, PLACE_USAGE, type Place, readFlags, understandCommand } from "./flags.ts";
import { endWith, here, type Surroundings } from "./surroundings.ts";

const USAGE = `Usage: npm run doctor -- [flags]

Examines a service: what it needs on this machine, its configuration, database, keys and emails, and the way
from registering to logging out. Without a flag it examines what \`npm run dev\` runs.

  --port <number>       the port of \`npm run dev\`, if it is not one of 8787 to 8796
  --url <url>           examine the service at this address, such as a container: only what HTTP shows,
                        and with --volume its database
  --mail <address>      send a test email there
  --json                print the findings as JSON
${PLACE_USAGE}

DOCTOR_EMAIL and DOCTOR_PASSWORD (environment variables) are the credentials of a test account, for services
where no throw-away account can be made. Exit code: 0 if nothing failed, 1 if something did, 2 for wrong flags.
`;

const TOOLS: Tools = { clock: systemClock, random: systemRandom, env: process.env };

/** Runs the command. Returns its exit code. */
export async function doctor(
  argv: readonly string[],
  world: Surroundings,
  tools = TOOLS,
  checks = CHECKS,
): Promise<number> {
  const text = { type: "string" } as const;
  const parsed = readFlags(argv, { ...PLACE_FLAGS, port: text, url: text, mail: text, json: { type: "boolean" } });
  const command = understandCommand(parsed, USAGE, world, ({ values }) => faultOf(values));
  if (typeof command === "number") return command;
  const { values, place } = command;
  const examination = createExamination(wishOf({ ...values, ...place }), values.mail, world, tools);
  const show = values.json ? () => {} : world.say;
  try {
    const findings: Result[] = [];
    for (const check of checks) {
      if (world.stop.aborted) break;
      const found = (await run(check, examination)).map((finding) => ({ check: check.name, ...finding }));
      for (const each of found) show(describeFinding(each));
      findings.push(...found);
    }
    const service = await examination.parts.service;
    const target = { kind: examination.wish.kind, url: isAbsent(service) ? null : service.origin };
    const report = makeReport(target, findings);
    world.say(values.json ? `${JSON.stringify(report, undefined, 2)}\n` : describeEnd(report));
    return report.status === "failed" ? 1 : 0;
  } finally {
    await examination.close();
  }
}

interface Values {
  port?: string;
  url?: string;
  mail?: string;
  remote?: boolean;
  "persist-to"?: string;
  volume?: string | undefined;
}

function faultOf({ port, url, mail, remote, volume, "persist-to": persistTo }: Values): string | undefined {
  if (port !== undefined && !/^[1-9]\d{0,4}$/.test(port)) return "--port takes a number from 1 to 65535.";
  if (url !== undefined && !isAddress(url))
    return "--url takes the address of a service, like https://auth.example.com.";
  if (mail !== undefined && !emailAddress.safeParse(mail).success) return "--mail takes an email address.";
  if (port !== undefined && (url !== undefined || remote))
    return "--port is for a service on this machine: it does not go with --url or --remote.";
  if (persistTo !== undefined && url !== undefined) return "--persist-to names local state: it does not go with --url.";
  if (volume !== undefined && url === undefined)
    return "--volume goes with --url, the address of the container that runs on it.";
  return undefined;
}

function isAddress(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && new URL(url).pathname === "/";
}

function wishOf({ port, url, remote, persistTo, volume, environment }: Values & Place): Wish {
  const origin = url === undefined ? undefined : new URL(url).origin;
  if (remote) return { kind: "deployed", url: origin, environment };
  if (origin !== undefined) return { kind: "url", url: origin, volume };
  return { kind: "local", port: port === undefined ? undefined : Number(port), persistTo };
}

/** Runs one check. If it throws or takes too long, it has failed; the other checks still run. */
async function run({ timeout, examine }: Check, examination: Examination): Promise<Finding[]> {
  try {
    return [await inTime(Promise.resolve(examine(examination)), timeout)].flat();
  } catch (error) {
    const isNetwork = error instanceof TypeError || (error instanceof Error && error.name === "TimeoutError");
    const reason = isNetwork ? `The service does not answer: ${describeFailure(error)}` : describeError(error);
    return [failed(`${reason}.`, "Run this again. If the error persists, the log of the service may say more.")];
  }
}

if (import.meta.main) {
  // Sends wrangler's progress to standard error, because standard output is for the findings, which may be JSON.
  console.log = console.error;
  await endWith(await doctor(process.argv.slice(2), here()));
}
