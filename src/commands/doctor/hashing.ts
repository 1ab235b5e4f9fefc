/** Measures how long one password hash takes, and compares the time with that of a server. */
import type { Config } from "../../config/config.ts";
import { hashPassword, nativeEngine } from "../../passwords/scrypt.ts";
import { makeAccount } from "./account.ts";
import { type Examination, withService } from "./examination.ts";
import { type Finding, ok, skipped, warning } from "./finding.ts";
import type { Service } from "./service.ts";

type Cost = Config["passwords"]["scrypt"];

/** The default cost, and how many milliseconds such a hash takes in workerd on a server's core (November 2026). */
const DEFAULT_COST: Cost = { ln: 15, r: 8, p: 3 };
const DEFAULT_MILLISECONDS = 255;
/** Other machines may take this many times as long before the check warns. */
const TOLERATED_FACTOR = 4;
/** Up to this many milliseconds, the check never warns: timers and requests alone can take as long. */
const FLOOR = 100;

export async function checkHashing(examination: Examination): Promise<Finding> {
  const cost = (await examination.parts.config)?.passwords.scrypt ?? DEFAULT_COST;
  if (examination.wish.kind === "local") return hashHere(cost, examination);
  return withService(examination, (service) => hashThere(service, cost, examination));
}

function hashHere(cost: Cost, { clock, random }: Examination): Finding {
  const started = clock.now();
  hashPassword("a password to be timed", cost, random, nativeEngine);
  return judge(
    `One hash (scrypt, ln=${cost.ln}, r=${cost.r}, p=${cost.p}) on this machine`,
    clock.now() - started,
    cost,
    "Logins are as slow. Something else may use the processor.",
  );
}

/** Measures a login of an unknown user, which also costs the service one hash. */
async function hashThere(service: Service, cost: Cost, { clock, random }: Examination): Promise<Finding> {
  const { email, password } = makeAccount("example.com", random);
  const logIn = () => service.request("/api/v1/auth/login", { method: "POST", body: { email, password } });
  // The first request may start an isolate and open the connection.
  await service.request("/health");
  const asked = clock.now();
  await service.request("/health");
  const answered = clock.now();
  const { status, code } = await logIn();
  const took = clock.now() - answered - (answered - asked);
  if (status === 401)
    return judge(
      "The hash of a login",
      Math.max(0, took),
      cost,
      "The service's processor is slow or busy: look at hash_lane in its metrics.",
    );
  if (code !== undefined)
    return skipped(`A login can't be timed: it answered ${status} (${code}).`, "Run this again later.");
  return warning(
    `A login answered ${status}, but not in Postern's format.`,
    "On the Workers Free plan a hash exceeds the CPU limit (error 1102): Postern needs Workers Paid.",
  );
}

function judge(what: string, took: number, { ln, r, p }: Cost, remedy: string): Finding {
  const { ln: defaultLn, r: defaultR, p: defaultP } = DEFAULT_COST;
  const expected = Math.ceil((DEFAULT_MILLISECONDS * 2 ** ln * r * p) / (2 ** defaultLn * defaultR * defaultP));
  const message = `${what} takes ${took} ms; about ${expected} ms are expected.`;
  return took <= Math.max(FLOOR, expected * TOLERATED_FACTOR) ? ok(message) : warning(message, remedy);
}
