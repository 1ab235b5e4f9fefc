/** What only the operator knows: variables and secrets of the service, and how to ask for them. */
import { ConfigurationError, parseConfig } from "../../config/config.ts";
import { systemRandom } from "../../platform/random.ts";
import { freshSecret } from "../dev-vars.ts";
import type { Surroundings } from "../surroundings.ts";
import { StepFailed } from "./step-failed.ts";

/**
 * A deployment's values by name. A value is empty if the operator wants none, or if it is a secret that Cloudflare
 * already has.
 */
export type Values = Record<string, string>;

interface Question {
  name: string;
  /** What the operator must know to answer. */
  explanation: string;
  isSecret?: true;
  /** Returns the value for an empty answer. An empty text means that the service needs no value. */
  fallback?: (values: Values, workersDev: string | undefined) => string | undefined;
  /** Turns a typed answer into a value that the service accepts. */
  complete?: (answer: string) => string;
  isNeeded?: (values: Values) => boolean;
}

const usesSmtp = (values: Values) => values.MAIL_TRANSPORT === "smtp";

/** The secrets that only the operator knows. Cloudflare stores them, and no file contains them. */
export const ASKED_SECRETS = ["SMTP_PASSWORD", "RESEND_API_KEY", "TURNSTILE_SECRET_KEY"];

const QUESTIONS: readonly Question[] = [
  {
    name: "PUBLIC_URL",
    explanation: `The address at which browsers and apps reach Postern. It is the issuer in every token and the host in every
emailed link, so choose it before you have users. A host name of your own, such as auth.example.com, must belong to a
domain in this Cloudflare account; if that name has a DNS record already, it is replaced.`,
    fallback: (_values, workersDev) => workersDev,
    complete: (answer) => (answer.includes("://") ? answer : `https://${answer}`),
  },
  {
    name: "PRODUCT_NAME",
    explanation: "What your product is called, as users read it in emails and on pages.",
    fallback: () => "Postern",
  },
  {
    name: "MAIL_TRANSPORT",
    explanation: `How emails leave, such as the link that verifies an address:
  smtp        any mail server that takes a user name and a password
  resend      Resend's API; needs a key from resend.com
  cloudflare  Cloudflare's Email Service; needs your domain set up there`,
  },
  {
    name: "MAIL_FROM",
    explanation: `The sender of all emails, as no-reply@example.com or Example <no-reply@example.com>. Its domain must allow your
mail service to send for it.`,
  },
  {
    name: "SMTP_HOST",
    explanation: "The host name of the mail server, such as smtp.example.com. Workers can't use port 25.",
    isNeeded: usesSmtp,
  },
  { name: "SMTP_PORT", explanation: "The port of the mail server.", fallback: () => "587", isNeeded: usesSmtp },
  {
    name: "SMTP_TLS",
    explanation: "How the connection is encrypted: starttls (usual on port 587), implicit (usual on port 465) or none.",
    fallback: (values) => (values.SMTP_PORT === "465" ? "implicit" : "starttls"),
    isNeeded: usesSmtp,
  },
  {
    name: "SMTP_USER",
    explanation: "The user name at the mail server. Press Enter if it takes none.",
    fallback: () => "",
    isNeeded: usesSmtp,
  },
  {
    name: "SMTP_PASSWORD",
    explanation: "The password at the mail server. It is sent to Cloudflare as a secret, and kept nowhere else.",
    isSecret: true,
    isNeeded: (values) => usesSmtp(values) && Boolean(values.SMTP_USER),
  },
  {
    name: "RESEND_API_KEY",
    explanation: "The API key from resend.com. It is sent to Cloudflare as a secret, and kept nowhere else.",
    isSecret: true,
    isNeeded: (values) => values.MAIL_TRANSPORT === "resend",
  },
  {
    name: "TURNSTILE_SECRET_KEY",
    explanation: `The secret key of the Turnstile widget whose site key is in TURNSTILE_SITE_KEY. It is sent to Cloudflare as a secret,
and kept nowhere else.`,
    isSecret: true,
    isNeeded: (values) => Boolean(values.TURNSTILE_SITE_KEY),
  },
];

/** The names of all variables and secrets that the command asks for. */
export const ASKED_NAMES = QUESTIONS.map(({ name }) => name);

/** The questions that these values leave open. An empty text is an answer only for a secret or an optional value. */
function openQuestions(values: Values): Question[] {
  const isOpen = ({ name, isSecret, fallback }: Question) =>
    values[name] === undefined || (values[name] === "" && !isSecret && fallback?.(values, undefined) !== "");
  return QUESTIONS.filter((question) => isOpen(question) && (question.isNeeded?.(values) ?? true));
}

/** Answers the open questions with their defaults, without asking. `missing` names those without a default. */
export function takeDefaults(given: Values, workersDev: string | undefined): { values: Values; missing: string[] } {
  let values = given;
  const missing: string[] = [];
  for (;;) {
    const question = openQuestions(values).find(({ name }) => !missing.includes(name));
    if (question === undefined) return { values, missing };
    const value = question.fallback?.(values, workersDev);
    if (value === undefined) missing.push(question.name);
    else values = { ...values, [question.name]: value };
  }
}

/** What `askOpenQuestions` needs to ask the operator. */
interface Interview {
  world: Surroundings;
  /** The Worker's address on workers.dev, if the account has a subdomain there. */
  workersDev: string | undefined;
  /** Saves each answer at once, so that after an interruption the command does not ask again. */
  keep(name: string, value: string): Promise<void>;
  /** Runs further checks on an answer that passes the service's own validation. Returns the fault, or `undefined`. */
  check(name: string, value: string): Promise<string | undefined>;
}

/** Asks the open questions, one after another. Repeats a question while the service would refuse the answer. */
export async function askOpenQuestions(given: Values, interview: Interview): Promise<Values> {
  let values = given;
  for (;;) {
    const [question] = openQuestions(values);
    if (question === undefined) return values;
    const value = await askOne(question, values, interview);
    values = { ...values, [question.name]: value };
    await interview.keep(question.name, value);
  }
}

async function askOne(question: Question, values: Values, { world, workersDev, check }: Interview): Promise<string> {
  const { name, explanation, isSecret = false, fallback, complete = String } = question;
  const byDefault = fallback?.(values, workersDev);
  world.say(`\n${explanation}\n`);
  for (;;) {
    const hint = byDefault ? ` [${byDefault}]` : "";
    const typed = await world.ask(`${name}${hint}: `, isSecret ? "known-secret" : undefined);
    if (typed === undefined) throw new StepFailed("Stopped at a question.");
    const answer = isSecret ? typed : typed.trim();
    const value = answer === "" ? byDefault : complete(answer);
    if (value === "") return value;
    const fault =
      value === undefined
        ? `${name} is needed.`
        : (faultsOf({ ...values, [name]: value }, name)[0] ?? (await check(name, value)));
    if (value !== undefined && fault === undefined) return value;
    world.say(`${fault}\n`);
  }
}

/**
 * Returns the faults that the service would find in these values, or only those of the value called `name`. Made-up
 * values replace the secrets that only Cloudflare knows.
 */
export function faultsOf(values: Values, name?: string): string[] {
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
  const unknown = {
    AUTH_SECRET: freshSecret(systemRandom),
    ...(given.SMTP_USER ? { SMTP_PASSWORD: "unknown" } : {}),
    ...(given.MAIL_TRANSPORT === "resend" ? { RESEND_API_KEY: "unknown" } : {}),
    ...(given.TURNSTILE_SITE_KEY ? { TURNSTILE_SECRET_KEY: "unknown-but-long-enough" } : {}),
  };
  try {
    parseConfig({ ...unknown, ...given });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const faults = error.message.split("\n  ").slice(1);
    return faults.filter((fault) => name === undefined || new RegExp(`^${name}\\b`).test(fault));
  }
}
