import { isOfAllowedDomain } from "../platform/email-address.ts";
import { weaknessOf } from "../platform/secret-strength.ts";
import type { Variables } from "./settings.ts";
import { GOOD_SECRET, isLoopback } from "./values.ts";

/** Scrypt settings (`ln`, `p`; r is 8) that OWASP ASVS 5.0 Appendix C approves. */
const APPROVED_SCRYPT = [
  { ln: 15, p: 3 },
  { ln: 16, p: 2 },
  { ln: 17, p: 1 },
];

/** Cloudflare's test keys: always pass, always fail, "already spent" (https://developers.cloudflare.com/turnstile/troubleshooting/testing/). */
const TURNSTILE_TEST_KEY = /^[123]x0{31}AA$/;

/** Values that contradict each other, or that the environment does not allow. */
export function contradictions(
  values: Variables,
  development: boolean,
  publicUrl: string | undefined,
  transport: string | undefined,
): string[] {
  const faults: string[] = [];
  const insist = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  insist(
    values.AUTH_SECRET !== values.AUTH_SECRET_PREVIOUS,
    "AUTH_SECRET_PREVIOUS is the same as AUTH_SECRET: set it to the secret before, or leave it out.",
  );
  insist(
    (values.REFRESH_TOKEN_EXPIRE_DAYS ?? 0) <= values.SESSION_MAX_DAYS,
    `REFRESH_TOKEN_EXPIRE_DAYS is longer than SESSION_MAX_DAYS (${values.SESSION_MAX_DAYS}), which ends every session: raise SESSION_MAX_DAYS, or lower it.`,
  );
  const { FIRST_SUPERUSER_EMAIL: first, ALLOWED_EMAIL_DOMAINS: allowed } = values;
  insist(
    first === undefined || isOfAllowedDomain(first, allowed),
    "FIRST_SUPERUSER_EMAIL is at a domain that ALLOWED_EMAIL_DOMAINS does not list.",
  );
  insist(
    first === undefined || values.LOG_LEVEL !== "error",
    "FIRST_SUPERUSER_EMAIL needs LOG_LEVEL=warn or info: LOG_LEVEL=error leaves the link out of the log.",
  );
  const { SCRYPT_LN: ln, SCRYPT_P: p } = values;
  const isApproved = APPROVED_SCRYPT.some((set) => ln >= set.ln && p >= set.p);
  const isPossible = 2 ** ln * 8 * p <= 2 ** 20;
  if (publicUrl === undefined) {
    faults.push("PUBLIC_URL is missing: it takes the https URL of this service.");
  } else {
    const { hostname, pathname, protocol } = new URL(publicUrl);
    insist(pathname === "/", "PUBLIC_URL takes no path: the service runs at the root of its host.");
    if (development)
      insist(
        isLoopback(hostname),
        "ENVIRONMENT=development takes a PUBLIC_URL on localhost: anyone could read the emails at any other address.",
      );
    else insist(protocol === "https:", "PUBLIC_URL takes an https URL outside development.");
  }
  if (!development) {
    for (const name of ["AUTH_SECRET", "AUTH_SECRET_PREVIOUS", "METRICS_TOKEN"] as const) {
      const weakness = weaknessOf(values[name] ?? "");
      insist(values[name] === undefined || weakness === undefined, `${name} ${weakness}: ${GOOD_SECRET}.`);
    }
    insist(values.RATE_LIMITING === "on", "RATE_LIMITING=off is for development only.");
    insist(transport !== "outbox", "MAIL_TRANSPORT=outbox is for development only.");
    insist(
      !TURNSTILE_TEST_KEY.test(values.TURNSTILE_SECRET_KEY ?? ""),
      "TURNSTILE_SECRET_KEY is one of Cloudflare's test keys, which are for development only.",
    );
    insist(
      isApproved,
      "SCRYPT_LN and SCRYPT_P take at least 15 and 3, 16 and 2, or 17 and 1 (OWASP ASVS 5.0 Appendix C).",
    );
  }
  insist(
    isPossible,
    "SCRYPT_LN and SCRYPT_P together exceed what Workers allow: 2^SCRYPT_LN * 8 * SCRYPT_P is at most 2^20.",
  );
  insist(
    values.TURNSTILE_SITE_KEY === undefined || values.TURNSTILE_SECRET_KEY !== undefined,
    "TURNSTILE_SITE_KEY needs TURNSTILE_SECRET_KEY: without it, the service cannot check the widget's token.",
  );
  if (transport === undefined) faults.push("MAIL_TRANSPORT is missing: it takes one of smtp, resend, cloudflare.");
  const sends = transport !== undefined && transport !== "outbox";
  insist(!sends || values.MAIL_FROM !== undefined, "MAIL_FROM is missing: it takes an address, or Name <address>.");
  insist(transport !== "smtp" || values.SMTP_HOST !== undefined, "SMTP_HOST is missing: MAIL_TRANSPORT=smtp needs it.");
  const hasUser = values.SMTP_USER !== undefined;
  insist(hasUser === (values.SMTP_PASSWORD !== undefined), "SMTP_USER and SMTP_PASSWORD must be set together.");
  const hasKey = values.RESEND_API_KEY !== undefined;
  insist(transport !== "resend" || hasKey, "RESEND_API_KEY is missing: MAIL_TRANSPORT=resend needs it.");
  return faults;
}
