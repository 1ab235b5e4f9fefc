import fc from "fast-check";
import { expect, it } from "vitest";
import { writeMessage } from "../../src/mail/transports/mime-message.ts";
import { parseSender } from "../../src/mail/transports/transport.ts";

const MAIL = { id: "0199", to: "ada@example.com", subject: "Hello", text: "the text", html: "<p>the page</p>" };
const SENDER = { name: "Postern", address: "no-reply@example.com" };
const NOW = Date.UTC(2026, 10, 29, 8, 5, 3);

const texts = () => fc.string({ unit: fc.constantFrom(..."a =?.-_,", "\t", "\r", "\n", "ß", "🎉") });

it("has the headers that every email needs, and says that a program wrote it", () => {
  const { headers } = read(writeMessage(MAIL, SENDER, NOW));
  expect(headers).toEqual({
    From: "Postern <no-reply@example.com>",
    To: "ada@example.com",
    Subject: "Hello",
    "Message-ID": "<0199@example.com>",
    Date: "Sun, 29 Nov 2026 08:05:03 +0000",
    "Auto-Submitted": "auto-generated",
    "MIME-Version": "1.0",
    "Content-Type": 'multipart/alternative; boundary="=_postern"',
  });
});

it("brings any text and page over unchanged, but for line ends, in lines of at most 76 ASCII characters", () => {
  fc.assert(
    fc.property(texts(), texts(), (text, html) => {
      const { body, parts } = read(writeMessage({ ...MAIL, text, html }, SENDER, NOW));
      expect(body).toMatch(/^[\t\r\n -~]*$/);
      expect(Math.max(...body.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(76);
      expect(body.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
      expect(parts).toEqual([
        { type: "text/plain; charset=utf-8", content: inLines(text) },
        { type: "text/html; charset=utf-8", content: inLines(html) },
      ]);
    }),
    { numRuns: 500 },
  );
});

it("brings any subject and name of the sender over, each in its own header", () => {
  fc.assert(
    fc.property(texts(), texts(), (subject, given) => {
      const sender = { ...SENDER, name: given.replaceAll(/[\r\n\t]/g, "").trim() };
      const { headers } = read(writeMessage({ ...MAIL, subject }, sender, NOW));
      expect(Object.keys(headers)).toHaveLength(8);
      expect(headers.Subject).toBe(subject.replaceAll(/\s+/g, " ").trim());
      expect(parseSender(headers.From ?? "")).toEqual(sender);
    }),
    { numRuns: 500 },
  );
});

it("folds a long subject at spaces", () => {
  const subject = "Somebody has tried to log in to your account, and the password was blocked on all other networks";
  const message = writeMessage({ ...MAIL, subject }, SENDER, NOW);
  expect(message).toContain("Subject: Somebody has tried to log in to your account, and the password\r\n was blocked");
  expect(read(message).headers.Subject).toBe(subject);
});

it("splits a name of many characters between whole characters", () => {
  const name = "🎉".repeat(80);
  const message = writeMessage(MAIL, { ...SENDER, name }, NOW);
  expect(Math.max(...message.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(78);
  expect(read(message).headers.From).toBe(`${name} <no-reply@example.com>`);
});

/** Reads a message by RFC 5322, RFC 2045 and RFC 2047, and shares no code with the writer of messages. */
function read(message: string) {
  const [head = "", body = ""] = halves(message);
  const headers = readHeaders(head);
  const [, boundary = ""] = /boundary="(.*)"/.exec(headers["Content-Type"] ?? "") ?? [];
  const [, ...sections] = `\r\n${body}`.split(`\r\n--${boundary}`);
  expect(sections.at(-1)).toBe("--\r\n");
  const parts = sections.slice(0, -1).map((section) => {
    const [partHead = "", content = ""] = halves(section.slice(2));
    const { "Content-Type": partType, "Content-Transfer-Encoding": encoding } = readHeaders(partHead);
    expect(encoding).toBe("quoted-printable");
    return { type: partType, content: decodeBytes(content.replaceAll("=\r\n", "")) };
  });
  return { headers, body, parts };
}

function halves(text: string): string[] {
  const end = text.indexOf("\r\n\r\n");
  return [text.slice(0, end), text.slice(end + 4)];
}

function readHeaders(head: string): Record<string, string> {
  const lines = head.replaceAll(/\r\n(?=[ \t])/g, "").split("\r\n");
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(": ")), decodeWords(line.slice(line.indexOf(": ") + 2))]),
  );
}

function decodeWords(value: string): string {
  return value
    .replaceAll(/\?= =\?/g, "?==?")
    .replaceAll(/=\?UTF-8\?B\?([\w+/=]*)\?=/g, (_, word: string) =>
      new TextDecoder().decode(Uint8Array.from(atob(word), (character) => character.charCodeAt(0))),
    );
}

/** Decodes a quoted-printable text without soft line breaks. */
function decodeBytes(text: string): string {
  return decodeURIComponent(text.replaceAll("%", "%25").replaceAll(/=([\dA-F]{2})/g, "%$1"));
}

function inLines(text: string): string {
  return text.replaceAll(/\r\n?|\n/g, "\r\n");
}
