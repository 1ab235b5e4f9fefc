/**
 * Writes an email as SMTP sends it: a MIME message (RFC 5322, RFC 2045) with a plain-text part and an HTML part. An
 * email program shows one of these parts. nodemailer's own composer would add more than 20 KiB to the Worker, most of
 * it a table of file types.
 */
import { Buffer } from "node:buffer";
import { encode, wrap } from "nodemailer/lib/qp";
import { domainOf, formatSender, HEADERS, type OutgoingMail, type Sender } from "./transport.ts";

/**
 * A boundary that no quoted-printable text contains: in such a text, every `=` is followed by two hexadecimal digits or
 * the end of the line (RFC 2045 §6.7).
 */
const BOUNDARY = "=_postern";

/** Writes an email. `now` is the time at which it is sent. */
export function writeMessage({ id, to, subject, text, html }: OutgoingMail, sender: Sender, now: number): string {
  return [
    ...headers({
      From: formatHeaderSender(sender),
      To: to,
      Subject: formatText(subject),
      // Identical on every attempt (RFC 5322 §3.6.4), so that mail systems can detect duplicates.
      "Message-ID": `<${id}@${domainOf(sender)}>`,
      Date: new Date(now).toUTCString().replace("GMT", "+0000"),
      ...HEADERS,
      "MIME-Version": "1.0",
      "Content-Type": `multipart/alternative; boundary="${BOUNDARY}"`,
    }),
    // A program prefers the last part that it can show (RFC 2046 §5.1.4).
    ...part("text/plain", text),
    ...part("text/html", html),
    `--${BOUNDARY}--`,
    "",
  ].join("\r\n");
}

function part(type: string, content: string): string[] {
  return [
    `--${BOUNDARY}`,
    ...headers({ "Content-Type": `${type}; charset=utf-8`, "Content-Transfer-Encoding": "quoted-printable" }),
    wrap(encode(content.replaceAll(/\r\n?|\n/g, "\r\n"))),
  ];
}

/** The lines of headers, and the empty line after them. */
function headers(values: Readonly<Record<string, string>>): string[] {
  return [...Object.entries(values).map(([name, value]) => `${name}: ${value}`), ""];
}

function formatHeaderSender(sender: Sender): string {
  return isPlain(sender.name) ? formatSender(sender) : `${encodeWords(sender.name)} <${sender.address}>`;
}

/** Formats a text as a header value: removes its line breaks, and folds a long value at spaces (RFC 5322 §2.2.3). */
function formatText(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  return isPlain(line) ? line.replaceAll(/(.{60}\S*) /g, "$1\r\n ") : encodeWords(line);
}

/** Whether a header can contain the text unchanged. `=?` would begin an encoded word. */
function isPlain(text: string): boolean {
  return /^[ -~]*$/.test(text) && !text.includes("=?");
}

/**
 * Encodes a text as encoded words (RFC 2047). An encoded word may have at most 75 characters, so each encodes at most
 * 11 characters of the text, which are at most 44 bytes.
 */
function encodeWords(text: string): string {
  const words = text.match(/.{1,11}/gsu) ?? [];
  return words.map((word) => `=?UTF-8?B?${Buffer.from(word).toString("base64")}?=`).join("\r\n ");
}
