/** Uploads the code, waits until the new version answers, and checks that users can log in. */
import * as z from "zod";
import { parseJson } from "../../platform/encoding.ts";
import { describeError } from "../../platform/log.ts";
import { VERSION } from "../../version.ts";
import { withDatabase } from "../database.ts";
import { refuseReplacement, withSecretsFile } from "./deployed-secrets.ts";
import type { Values } from "./questions.ts";
import { begin, type Setting, tell } from "./setting.ts";
import { smokeTest } from "./smoke-test.ts";
import { StepFailed } from "./step-failed.ts";

const POLL_MILLISECONDS = 2_000;
/** Five minutes: a new custom domain needs a certificate first. */
const MOST_POLLS = 150;

/** Uploads code, variables and secrets together, so that no version runs with only a part of them. */
export async function uploadWorker(setting: Setting, config: string, secrets: Values): Promise<void> {
  const { isDryRun, worker, wrangler, world } = setting;
  if (isDryRun) return tell(setting, "Worker", `would deploy ${worker} ${VERSION}.`);
  await refuseReplacement(setting, secrets);
  begin(setting, "Worker", "building and uploading …");
  const { code, output, complaints } = await withSecretsFile(secrets, (flags) =>
    wrangler.run(["deploy", "--config", config, "--message", `Postern ${VERSION}`, ...flags], world.stop),
  );
  const told = withoutSecrets(`${output}${complaints}`, Object.values(secrets));
  if (code !== 0) throw new StepFailed(`${told}\nWrangler did not finish the deployment.`);
  tell(setting, "Worker", `deployed ${worker} ${VERSION}.`);
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, "…"), text);
}

const healthSchema = z.object({ version: z.string() });

/** Waits until this version answers at the address and reports that it is ready. */
export async function awaitHealth(setting: Setting, origin: string): Promise<void> {
  const { isDryRun, outside, world } = setting;
  if (isDryRun) return tell(setting, "Health", `would wait for ${origin}/health/ready.`);
  begin(setting, "Health", `waiting for ${origin}/health/ready …`);
  let last = "";
  for (let polls = 0; polls < MOST_POLLS; polls += 1) {
    if (world.stop.aborted) throw new StepFailed("Stopped.");
    if (polls > 0) await outside.pause(POLL_MILLISECONDS);
    try {
      const response = await outside.fetch(`${origin}/health/ready`);
      const text = await response.text();
      const health = healthSchema.safeParse(parseJson(text));
      if (response.ok && health.data?.version === VERSION)
        return tell(setting, "Health", `${origin} is ready, with version ${VERSION}.`);
      last = `status ${response.status}: ${text.slice(0, 300)}`;
    } catch (error) {
      last = describeError(error);
    }
  }
  throw new StepFailed(`${origin}/health/ready does not answer with version ${VERSION}. The last answer was ${last}.
A new custom domain can take longer. \`npx wrangler tail ${setting.worker}\` shows what the Worker logs.`);
}

/** Checks the service by logging in, refreshing and logging out. */
export async function checkMainJob(setting: Setting, origin: string, hasChallenge: boolean): Promise<void> {
  const { environment, isDryRun, outside, world } = setting;
  const job = "log in, refresh, log out and delete a throw-away account";
  if (hasChallenge) return tell(setting, "Smoke test", "skipped: Turnstile lets no program log in.");
  if (isDryRun) return tell(setting, "Smoke test", `would ${job}.`);
  begin(setting, "Smoke test", "logging in to a throw-away account …");
  let failure: StepFailed | undefined;
  const place = { remote: true, persistTo: undefined, environment };
  const code = await withDatabase(place, world, async (directory) => {
    try {
      await smokeTest({ origin, directory, outside });
      return 0;
    } catch (error) {
      failure = error instanceof StepFailed ? error : new StepFailed(describeError(error));
      return 1;
    }
  });
  if (code !== 0) throw failure ?? new StepFailed("The new version runs, but could not be checked.");
  tell(setting, "Smoke test", "passed: log in, refresh, log out; the throw-away account is deleted.");
}
