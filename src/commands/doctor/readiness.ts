/** Checks what a running service says about itself. */
import * as z from "zod";
import { VERSION } from "../../version.ts";
import { isAbsent } from "./absent.ts";
import { type Examination, withService } from "./examination.ts";
import { type Finding, failed, ok, skipped, warning } from "./finding.ts";
import { describeFailure, type Service } from "./service.ts";

/** The parts of `/health/ready` that the checks read. A newer release may report more. */
const readinessSchema = z.object({
  checks: z.record(z.string(), z.string()),
  pending_migrations: z.array(z.string()).nullable(),
});

const metadataSchema = z.object({ issuer: z.string() });

export async function readReadiness(service: Service) {
  return readinessSchema.safeParse((await service.request("/health/ready")).json).data;
}

/** Checks whether Postern answers, with which release, and whether its issuer is the address of the request. */
export async function checkService({ parts, wish }: Examination): Promise<Finding[]> {
  const service = await parts.service;
  const isAsked = wish.kind !== "local" || wish.port !== undefined;
  if (isAbsent(service)) return [(isAsked ? failed : skipped)(service.absent, service.remedy)];
  const { origin } = service;
  try {
    const about = await service.about();
    if (about === undefined)
      return [
        failed(
          `${origin} answers, but not as Postern.`,
          "Check the address. If it is right, the log says why the service can't start: often a wrong configuration value.",
        ),
      ];
    const { issuer } = metadataSchema.parse((await service.request("/.well-known/oauth-authorization-server")).json);
    const findings = [ok(`Postern ${about.version} answers at ${origin}.`)];
    if (about.version !== VERSION)
      findings.push(
        warning(
          `${origin} runs ${about.version}, and this checkout is ${VERSION}.`,
          wish.kind === "local" ? "Restart `npm run dev`." : "Deploy this release, or use the checkout of that one.",
        ),
      );
    if (issuer !== origin)
      findings.push(
        warning(
          `Tokens and emails name ${issuer}, not ${origin}.`,
          "If users come by the second address, set PUBLIC_URL to it.",
        ),
      );
    if (/^http:/.test(origin) && !/^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(origin))
      findings.push(
        warning(`${origin} is not encrypted: others could read passwords.`, "Put the service behind https."),
      );
    return findings;
  } catch (error) {
    return [
      failed(
        `${origin} does not answer: ${describeFailure(error)}.`,
        "Start the service, or check the address, DNS and the certificate.",
      ),
    ];
  }
}

/** Checks whether the service reaches everything that it needs, as its `/health/ready` reports. */
export function checkReadiness(examination: Examination): Promise<Finding> {
  return withService(examination, async (service) => {
    const readiness = await readReadiness(service);
    if (readiness === undefined)
      return skipped(`${service.origin} has no /health/ready.`, "Deploy this release, which has it.");
    const entries = Object.entries(readiness.checks);
    const naming = (status: string) => entries.filter(([, value]) => value === status).map(([name]) => name);
    const [broken, late] = [naming("failed"), naming("late")];
    if (broken.length > 0)
      return failed(
        `The service reports failures of: ${broken.join(", ")}.`,
        "Look for health_check_failed in its log.",
      );
    if (late.length > 0)
      return warning(
        `The service reports as late: ${late.join(", ")}.`,
        "The cron job runs every minute. Look for follow_up_failed and task_failed in the log.",
      );
    return ok(`The service reaches everything: ${entries.map(([name]) => name).join(", ")}.`);
  });
}
