/** Checks whether the email transport answers, and whether it accepts a test email. */
import type { Config } from "../../config/config.ts";
import { createResendTransport } from "../../mail/transports/resend.ts";
import { createSmtpTransport, greetServer } from "../../mail/transports/smtp.ts";
import { MailNotDelivered, parseSender, type Transport } from "../../mail/transports/transport.ts";
import { type Clock, toIsoTime } from "../../platform/clock.ts";
import { createId } from "../../platform/random.ts";
import { isAbsent } from "./absent.ts";
import { type Examination, withService } from "./examination.ts";
import { type Finding, failed, ok, skipped } from "./finding.ts";
import { askResend } from "./resend.ts";
import { sendThroughService } from "./service-email.ts";

type Mail = Config["mail"];

/** Checks the email transport without sending an email. */
export async function checkEmailTransport(examination: Examination): Promise<Finding> {
  const { parts } = examination;
  const [given, config] = [await parts.variables, await parts.config];
  if (isAbsent(given))
    return skipped("The email transport is not known here.", `To see whether an email arrives: --mail <address>.`);
  if (config === undefined)
    return skipped(
      "The email transport is not known while the configuration is wrong.",
      "Fix the configuration first.",
    );
  const { mail } = config;
  if (mail.transport === "outbox")
    return ok("MAIL_TRANSPORT=outbox sends nothing: emails wait at /dev/outbox. For development only.");
  if (mail.transport === "cloudflare")
    return ok(
      `MAIL_TRANSPORT=cloudflare needs no login. Cloudflare must have onboarded ${parseSender(mail.from).address}'s domain.`,
    );
  if (given.secrets === "named")
    return skipped(
      `Cloudflare does not show the credentials for MAIL_TRANSPORT=${mail.transport}.`,
      "To see whether an email arrives: --mail <address>.",
    );
  return mail.transport === "smtp" ? greet(mail) : askResend(mail);
}

async function greet({ smtp, from }: Mail): Promise<Finding> {
  try {
    await greetServer(smtp, from);
    const login = smtp.user === undefined ? "without a login" : "and accepts the login";
    return ok(`${smtp.host}:${smtp.port} answers (SMTP_TLS=${smtp.tls}) ${login}.`);
  } catch (error) {
    return smtpFault(error, smtp);
  }
}

function smtpFault(error: unknown, { host, port, tls }: Mail["smtp"]): Finding {
  if (!(error instanceof MailNotDelivered)) throw error;
  const { reason } = error;
  return failed(`${host}:${port} does not take emails: ${reason}.`, SMTP_REMEDIES[reason] ?? refusedHere(reason, tls));
}

const SMTP_REMEDIES: Readonly<Record<string, string>> = {
  smtp_auth: "The server refuses the login. Check SMTP_USER and SMTP_PASSWORD.",
  smtp_tls_required: "The server offers no STARTTLS. Its encrypted port is often 465 with SMTP_TLS=implicit.",
  smtp_tls_failed: "The encryption failed. Check the server's certificate, and whether SMTP_HOST is the name in it.",
  smtp_timeout: "The server does not answer in time. Check SMTP_PORT and firewalls; port 465 needs SMTP_TLS=implicit.",
};

function refusedHere(reason: string, tls: string): string {
  return reason === "smtp_connection"
    ? `Check SMTP_HOST, SMTP_PORT, SMTP_TLS (${tls} is set) and the server's certificate.`
    : "The server refused Postern. Its log says why.";
}

/** `--mail`: sends a test email. If the doctor doesn't know the credentials, it lets the service send one. */
export async function checkArrival(examination: Examination): Promise<Finding> {
  const { emailTo, parts } = examination;
  if (emailTo === undefined) return skipped("No test email was asked for.", "To send one: --mail you@example.com.");
  const [given, config] = [await parts.variables, await parts.config];
  const transport =
    !isAbsent(given) && given.secrets === "readable" && config !== undefined
      ? ownTransport(config.mail, examination.clock)
      : undefined;
  if (transport === undefined)
    return withService(examination, (service) => sendThroughService(emailTo, service, examination.random));
  const { clock, random } = examination;
  const text = `This is the test email that \`npm run doctor\` sent at ${toIsoTime(clock.now())}.`;
  try {
    await transport.deliver({
      id: createId(clock.now(), random),
      to: emailTo,
      subject: "Test email",
      text,
      html: `<p>${text}</p>`,
    });
    return ok(`The server has accepted a test email to ${emailTo}. Check that it arrives, and not as spam.`);
  } catch (error) {
    if (!(error instanceof MailNotDelivered)) throw error;
    return failed(
      `The test email was not accepted: ${error.reason}.`,
      SMTP_REMEDIES[error.reason] ?? "docs/operate.md says what the reasons mean.",
    );
  }
}

/** Creates the transport if it works outside of a Worker. */
function ownTransport({ transport, smtp, resendApiKey, from }: Mail, clock: Clock): Transport | undefined {
  if (transport === "smtp") return createSmtpTransport(smtp, from, clock);
  return transport === "resend" ? createResendTransport(resendApiKey, from) : undefined;
}
