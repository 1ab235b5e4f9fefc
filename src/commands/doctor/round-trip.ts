/** The main job from end to end: register, verify, log in, refresh, verify a token, log out, delete. */
import { type Database, databaseNow } from "../../db/client.ts";
import { pause, SECOND } from "../../platform/clock.ts";
import { VerificationError } from "../../verify/index.ts";
import { smokeTest } from "../deploy/smoke-test.ts";
import { StepFailed as DeploymentStepFailed } from "../deploy/step-failed.ts";
import { type Account, makeAccount } from "./account.ts";
import { type Examination, withDatabase, withService } from "./examination.ts";
import { type Finding, failed, ok, skipped } from "./finding.ts";
import { createJourney, StepFailed, type Tokens } from "./journey.ts";
import { describeFailure, type Service } from "./service.ts";
import { readOutbox } from "./service-email.ts";

type Journey = ReturnType<typeof createJourney>;

const LOOKS = 80;
const SEE_LOG = "Look for its request_id in the log of the service.";
const GIVE_ACCOUNT =
  "Put the credentials of a test account into DOCTOR_EMAIL and DOCTOR_PASSWORD (environment variables) to check login to logout.";

export function checkRoundTrip(examination: Examination): Promise<Finding | Finding[]> {
  return withService(examination, async (service) => {
    try {
      return await travel(service, examination);
    } catch (error) {
      if (error instanceof StepFailed) return failed(`${error.message}.`, remedyFor(error));
      if (error instanceof DeploymentStepFailed) return failed(error.message, SEE_LOG);
      if (error instanceof VerificationError)
        return failed(
          `The published keys do not verify a fresh token: ${error.code}.`,
          "Check PUBLIC_URL, this machine's clock, and the JWKS.",
        );
      return failed(`The service stopped answering: ${describeFailure(error)}.`, SEE_LOG);
    }
  });
}

async function travel(service: Service, examination: Examination): Promise<Finding | Finding[]> {
  const { DOCTOR_EMAIL: email, DOCTOR_PASSWORD: password } = examination.env;
  const about = await service.about();
  if (about === undefined) return skipped("Postern does not answer.", "Fix what the check `service` says.");
  if (about.challenge !== null)
    return skipped(
      "Registering and logging in require a challenge (Turnstile), which a program can't solve.",
      "Log in and out at /login yourself.",
    );
  if (email && password) return withTestAccount({ email, password }, service);
  if (examination.wish.kind === "deployed")
    return withDatabase(examination, (db) => withWrittenAccount(db, service, examination));
  if ((await readOutbox(service, "")) === undefined)
    return skipped("A throw-away account needs the link from its email, and this service has no outbox.", GIVE_ACCOUNT);
  if (about.registration !== "open") return skipped("Registration is not open.", GIVE_ACCOUNT);
  return withThrowAway(service, examination);
}

async function withTestAccount(account: Pick<Account, "email" | "password">, service: Service): Promise<Finding[]> {
  const journey = createJourney(service);
  await useSession(await journey.logIn(account), journey);
  return [
    ok("Login, refresh, reading the user, verifying the token and logout work. The logout ended the session."),
    skipped(
      "Registering and the email with the link were not checked: the test account exists.",
      "Register once at /register, or send a test email: --mail <address>.",
    ),
  ];
}

/** Runs the smoke test of a deployment, with an account that is written into the database. */
async function withWrittenAccount(db: Database, { origin }: Service, { random }: Examination): Promise<Finding[]> {
  await smokeTest({ origin, directory: { db, now: await databaseNow(db) }, outside: { fetch, pause, random } });
  return [
    ok("Login, refresh, reading the user and logout work. The throw-away account is deleted."),
    skipped(
      "Registering and the email with the link were not checked.",
      "Register once at /register, or send a test email: --mail <address>.",
    ),
  ];
}

async function withThrowAway(service: Service, { parts, random }: Examination): Promise<Finding> {
  const domain = (await parts.config)?.registration.emailDomains[0]?.replace(/^\*\./, "doctor.") ?? "example.com";
  const journey = createJourney(service);
  const account = makeAccount(domain, random);
  await journey.register(account);
  await journey.verifyEmail(await linkToken(service, account.email));
  try {
    await useSession(await journey.logIn(account), journey);
  } finally {
    await journey.deleteAccount(await journey.logIn(account), account.password);
  }
  return ok(
    "Registering, the emailed link, login, refresh, verifying the token and logout work. The throw-away account is deleted.",
  );
}

async function useSession(opened: Tokens, journey: Journey): Promise<void> {
  await journey.readMe(opened);
  const tokens = await journey.refresh(opened);
  await journey.verifyToken(tokens);
  await journey.logOut(tokens);
  await journey.expectRefused(tokens);
}

/** Waits for the email to this address, and returns the token in its link. */
async function linkToken(service: Service, email: string): Promise<string> {
  for (let look = 0; look < LOOKS; look++) {
    const emails = (await readOutbox(service, email)) ?? [];
    const [, token] = /#token=([\w-]+)/.exec(emails[0]?.text ?? "") ?? [];
    if (token !== undefined) return token;
    await pause(SECOND / 4);
  }
  throw new StepFailed("The email with the link did not come to the outbox: /dev/outbox", {
    status: 200,
    code: undefined,
  });
}

function remedyFor({ message }: StepFailed): string {
  if (message.includes("invalid_credentials")) return "Check DOCTOR_EMAIL and DOCTOR_PASSWORD.";
  return message.includes("rate_limited") ? "Wait as long as the limit says, then run this again." : SEE_LOG;
}
