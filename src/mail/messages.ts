/**
 * The emails: their kinds, the facts in each, and how a message becomes plain text. `render-html.ts` turns the same
 * message into HTML. `messages/` has one file with texts per language.
 */
import type { MessageKind } from "../config/email-subjects.ts";

/** The facts of each kind of email, besides the product's name. Times are milliseconds since the epoch. */
export interface Facts {
  /** To a new user: verify the address. */
  verify_email: { username: string; url: string; hours: number };
  /** To a person without an account. */
  invitation: { inviter: string; url: string; until: number };
  /** To the owner of an address that was registered again. */
  account_exists: { url: string };
  reset_password: { username: string; url: string; minutes: number };
  email_login: { username: string; url: string; minutes: number };
  password_blocked: { url: string; at: number };
  password_changed: { url: string; at: number };
  password_removed: { url: string; at: number };
  new_login: { device: Device | undefined; ipAddress: string | undefined; url: string; at: number };
  refresh_reused: { device: Device | undefined; url: string; at: number };
  second_factor_added: { factor: FactorKind; url: string; at: number };
  second_factor_removed: { factor: FactorKind; url: string; at: number };
  /** An operator removed all second factors of the user. */
  second_factors_removed: { url: string; at: number };
  /** For the second step of a login. */
  second_factor_code: { username: string; code: string; minutes: number };
  recovery_code_used: { left: number; url: string; at: number };
  recovery_codes_replaced: { url: string; at: number };
  passkey_counter_fell_back: { url: string; at: number };
  /** To the new address of an account: confirm it. */
  confirm_email: { username: string; url: string; hours: number };
  /** To the new address, instead of `confirm_email`, if the address already has an account. */
  email_in_use: { url: string };
  /** To the old address. The new address is masked. */
  email_change_requested: { newEmail: string; url: string; until: number };
  email_changed: { newEmail: string; url: string; until: number };
  account_deleted: { at: number };
}

/** A user who has at most this many unused recovery codes is asked to create new ones. */
export const FEW_CODES = 3;

/** The kinds of second factors that an email names. */
export type FactorKind = "totp" | "passkey" | "email";

/** A recognized browser, or the client's own words about itself. */
export type Device = string | { browser: string; system: string };

/** The emails in one language. A missing kind is a type error. */
export type Messages = {
  readonly [Kind in MessageKind]: (facts: Facts[Kind] & { product: string }) => Message;
};

/** All email texts of one language. */
export interface Language {
  readonly messages: Messages;
  /** Shown above the plain URL, for readers whose button does not work. */
  readonly withoutButton: string;
  /** The last line of every email. */
  readonly footer: (product: string) => string;
}

/** A label and its value. An attacker may control the value. */
export interface Detail {
  label: string;
  value: string;
}

export interface Message {
  /** Never contains text that an attacker controls: readers see the subject first and trust it most. */
  subject: string;
  /** Shown after the subject in an email program's list of emails. Readers trust this text as much as the subject. */
  preview: string;
  /** Paragraphs and lists of details. */
  body: readonly (string | readonly Detail[])[];
  action?: { label: string; url: string };
  /** Shown in small print after the button. */
  closing: string;
}

/**
 * The plain text of a message. The link is in angle brackets (RFC 3986 Appendix C): without them, some email programs
 * cut off the end of a token, such as a hyphen.
 */
export function renderText({ body, action, closing }: Message, footer: string): string {
  const blocks = body.map((block) => (typeof block === "string" ? block : block.map(detailText).join("\n")));
  const link = action === undefined ? [] : [`${action.label}:\n<${action.url}>`];
  return `${[...blocks, ...link, closing, footer].join("\n\n")}\n`;
}

function detailText({ label, value }: Detail): string {
  return `${label}: ${value}`;
}
