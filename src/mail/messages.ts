/**
 * The emails: their kinds, the facts in each, and how a message becomes text and HTML. `messages/` has one file with
 * texts per language. The text version and the HTML version of an email use the same texts.
 */
import type { MessageKind } from "../config/email-subjects.ts";
import { escapeHtml } from "../platform/encoding.ts";

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
  new_login: { device: Device | undefined; ipAddress: string | undefined; url: string; at: number };
  refresh_reused: { device: Device | undefined; url: string; at: number };
  second_factor_added: { factor: FactorKind; url: string; at: number };
  second_factor_removed: { factor: FactorKind; url: string; at: number };
  /** By an operator. */
  second_factors_removed: { url: string; at: number };
  recovery_code_used: { left: number; url: string; at: number };
  recovery_codes_replaced: { url: string; at: number };
  passkey_counter_fell_back: { url: string; at: number };
  /** To the new address of an account: confirm it. */
  confirm_email: { username: string; url: string; hours: number };
  /** To the new address, instead of `confirm_email`, if the address already has an account. */
  email_in_use: object;
  /** To the old address. The new address is masked. */
  email_change_requested: { newEmail: string; url: string; until: number };
  email_changed: { newEmail: string; url: string; until: number };
  account_deleted: { at: number };
}

/** From this many recovery codes on, their owner is asked to create new ones. */
export const FEW_CODES = 3;

/** The kinds of second factors that an email names. */
export type FactorKind = "totp" | "passkey";

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
}

/** A label and its value. An attacker may control the value. */
export interface Detail {
  label: string;
  value: string;
}

export interface Message {
  /** Never contains text that an attacker controls: readers see the subject first and trust it most. */
  subject: string;
  /** Paragraphs and lists of details. */
  body: readonly (string | readonly Detail[])[];
  action?: { label: string; url: string };
  /** Shown in small print at the end. */
  closing: string;
}

/**
 * The plain text of a message. The link is in angle brackets (RFC 3986 Appendix C), because some email programs would
 * otherwise cut off the end of a token, such as a hyphen.
 */
export function renderText({ body, action, closing }: Message): string {
  const blocks = body.map((block) => (typeof block === "string" ? block : block.map(detailText).join("\n")));
  const link = action === undefined ? [] : [`${action.label}:\n<${action.url}>`];
  return `${[...blocks, ...link, closing].join("\n\n")}\n`;
}

/**
 * The HTML of a message: one column, no images, no external resources. A username can look like a telephone number, a
 * date or an address. The HTML asks Apple's programs to make no links of these.
 */
export function renderHtml(message: Message, page: { product: string; locale: string; withoutButton: string }): string {
  const { action, body, closing, subject } = message;
  const blocks = body.map((block) => {
    const lines = typeof block === "string" ? [block] : block.map(detailText);
    return `<p style="margin:0 0 16px">${lines.map(escapeHtml).join("<br>")}</p>`;
  });
  const link =
    action === undefined
      ? ""
      : `<p style="margin:24px 0"><a href="${escapeHtml(action.url)}" style="display:inline-block;padding:12px 20px;border-radius:8px;background:#2f4784;color:#ffffff;text-decoration:none;font-weight:600">${escapeHtml(action.label)}</a></p>
<p style="margin:0 0 16px;font-size:13px;color:#5a5d66">${escapeHtml(page.withoutButton)}<br><a href="${escapeHtml(action.url)}" style="color:inherit;word-break:break-all">${escapeHtml(action.url)}</a></p>`;
  return `<!doctype html>
<html lang="${escapeHtml(page.locale)}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no"><title>${escapeHtml(subject)}</title></head>
<body style="margin:0;padding:24px;background:#f4f2ee;color:#1d1f24;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
<div style="max-width:520px;margin:0 auto;padding:32px;border-radius:12px;background:#ffffff">
<p style="margin:0 0 24px;font-weight:700">${escapeHtml(page.product)}</p>
${blocks.join("")}${link}
<p style="margin:24px 0 0;font-size:13px;color:#5a5d66">${escapeHtml(closing)}</p>
</div></body></html>
`;
}

function detailText({ label, value }: Detail): string {
  return `${label}: ${value}`;
}
