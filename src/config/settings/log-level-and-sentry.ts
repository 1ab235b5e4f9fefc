/** Which log lines are written, and where errors are reported. */
import * as z from "zod";
import { LOG_LEVELS } from "../../platform/log.ts";
import { oneOf, type ValuesOf } from "../values.ts";

/** Parses a Sentry DSN, `https://<public key>@<host>/<project>`, into the URL of the project's envelope endpoint. */
const sentryDsn = z.string().transform((text, context) => {
  const url = envelopeUrl(text);
  if (url !== undefined) return url;
  context.addIssue({ code: "custom", message: "takes a Sentry DSN like https://0123abcd@o1.ingest.sentry.io/2" });
  return z.NEVER;
});

/** The name of an environment, as Sentry allows it: one line without spaces or slashes. */
const sentryEnvironment = z
  .string()
  .regex(/^[^\s/]{1,64}$/, "takes a name of at most 64 characters, without spaces or slashes");

export const variables = {
  LOG_LEVEL: oneOf(LOG_LEVELS).default("info"),
  SENTRY_DSN: sentryDsn.optional(),
  SENTRY_ENVIRONMENT: sentryEnvironment.optional(),
};

export function toConfig(values: ValuesOf<typeof variables>, environment: string) {
  return {
    log: { level: values.LOG_LEVEL },
    /** `envelopeUrl` is `undefined` if the service does not report errors to Sentry. */
    sentry: { envelopeUrl: values.SENTRY_DSN, environment: values.SENTRY_ENVIRONMENT ?? environment },
  } as const;
}

/**
 * The URL of the envelope endpoint of a DSN; `undefined` if the DSN is not valid. A path before the project's id
 * belongs to the address of the server. https://develop.sentry.dev/sdk/foundations/transport/authentication/
 */
function envelopeUrl(dsn: string): string | undefined {
  if (!URL.canParse(dsn)) return undefined;
  const { protocol, username, password, host, pathname, search, hash } = new URL(dsn);
  const [, prefix = "", project] = /^(.*)\/(\d+)\/?$/.exec(pathname) ?? [];
  const isPlain = password === "" && search === "" && hash === "" && /^\w+$/.test(username);
  if (!/^https?:$/.test(protocol) || !isPlain || project === undefined) return undefined;
  return `${protocol}//${host}${prefix}/api/${project}/envelope/?sentry_key=${username}&sentry_version=7`;
}
