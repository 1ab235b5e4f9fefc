/** How emails leave the service, from whom, and with which logo. */
import * as z from "zod";
import { canonicalDomain, isDomain, isLocalPart } from "../../platform/email-address.ts";
import { withoutSpacesAround } from "../../platform/spaces.ts";
import { mailSubjects } from "../email-subjects.ts";
import { oneOf, unless, type ValuesOf, wholeNumber } from "../values.ts";

/**
 * The sender of emails: an address or `Name <address>`. The domain may be the name of a single host. The parsed value
 * has the domain in its stored form, because the domain is also used in the SMTP greeting and in Message-IDs.
 */
const mailSender = z
  .string()
  .overwrite(withoutSpacesAround)
  .transform((text, context) => {
    const [, name, bracketed] = /^([^<>\p{Cc}\u2028\u2029]{1,80}) <([^<>]+)>$/u.exec(text) ?? [];
    const [local = "", typedDomain = "", ...more] = (bracketed ?? text).split("@");
    const domain = canonicalDomain(typedDomain);
    if (isLocalPart(local) && isDomain(domain) && more.length === 0) {
      const address = `${local}@${domain}`;
      return name === undefined ? address : `${name} <${address}>`;
    }
    context.addIssue({ code: "custom", message: "takes an address, or Name <address>" });
    return z.NEVER;
  });

const LOGO_TAKES = "takes a path like /static/logo.png, or an https URL; takes no SVG, which Gmail does not show";

/** The address of an image: a path on this service, or a URL elsewhere. */
const mailLogo = z
  .string()
  .refine((text) => /^\/(?![/\\])[\w./%~-]+$/.test(text) || isHttpsUrl(text), LOGO_TAKES)
  .refine((text) => !/\.svgz?$/i.test(text.replace(/[?#].*$/, "")), LOGO_TAKES);

function isHttpsUrl(text: string): boolean {
  const url = URL.parse(text);
  return url?.protocol === "https:" && url.username === "" && url.password === "" && !/[\s"<>\\]/.test(text);
}

export const variables = {
  MAIL_TRANSPORT: oneOf(["outbox", "smtp", "resend", "cloudflare"]).optional(),
  MAIL_FROM: mailSender.optional(),
  MAIL_SUBJECTS: mailSubjects,
  MAIL_LOGO_URL: mailLogo.optional(),
  MAIL_LOGO_WIDTH: wholeNumber(120, 16, 480),
  SMTP_HOST: z.string().min(1, "takes a host name").optional(),
  SMTP_PORT: wholeNumber(587, 1, 65_535),
  SMTP_USER: z.string().min(1, "takes a username").optional(),
  SMTP_PASSWORD: z.string().min(1, "takes a password").optional(),
  SMTP_TLS: oneOf(["starttls", "implicit", "none"]).default("starttls"),
  RESEND_API_KEY: z.string().min(1, "takes an API key").optional(),
};

type Values = ValuesOf<typeof variables>;

type Transport = NonNullable<Values["MAIL_TRANSPORT"]>;

/** The transport to use; `undefined` if none is set in production, which `contradictions` reports. */
export function transportOf({ MAIL_TRANSPORT }: Values, development: boolean): Transport | undefined {
  return MAIL_TRANSPORT ?? (development ? "outbox" : undefined);
}

export function toConfig(
  values: Values,
  transport: Transport,
  { productName, publicUrl }: { productName: string; publicUrl: string },
) {
  const { MAIL_LOGO_URL: logo, MAIL_LOGO_WIDTH: width } = values;
  return {
    transport,
    from: values.MAIL_FROM ?? `${productName} <no-reply@localhost>`,
    subjects: values.MAIL_SUBJECTS,
    logo: logo === undefined ? undefined : { url: new URL(logo, publicUrl).href, width },
    smtp: {
      host: values.SMTP_HOST ?? "",
      port: values.SMTP_PORT,
      user: values.SMTP_USER,
      password: values.SMTP_PASSWORD,
      tls: values.SMTP_TLS,
    },
    resendApiKey: values.RESEND_API_KEY ?? "",
  } as const;
}

export function contradictions(values: Values, transport: Transport | undefined, development: boolean): string[] {
  const sends = transport !== undefined && transport !== "outbox";
  return [
    ...unless(development || transport !== "outbox", "MAIL_TRANSPORT=outbox is for development only."),
    ...unless(transport !== undefined, "MAIL_TRANSPORT is missing: it takes one of smtp, resend, cloudflare."),
    ...unless(
      !sends || values.MAIL_FROM !== undefined,
      "MAIL_FROM is missing: it takes an address, or Name <address>.",
    ),
    ...unless(
      transport !== "smtp" || values.SMTP_HOST !== undefined,
      "SMTP_HOST is missing: MAIL_TRANSPORT=smtp needs it.",
    ),
    ...unless(
      (values.SMTP_USER === undefined) === (values.SMTP_PASSWORD === undefined),
      "SMTP_USER and SMTP_PASSWORD must be set together.",
    ),
    ...unless(
      transport !== "resend" || values.RESEND_API_KEY !== undefined,
      "RESEND_API_KEY is missing: MAIL_TRANSPORT=resend needs it.",
    ),
  ];
}
