import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/config/config.ts";
import { createSmtpTransport } from "../../../src/mail/transports/smtp.ts";
import { systemClock } from "../../../src/platform/clock.ts";
import { expectFailure, headers, mailTo, ports, received, transport } from "./smtp.ts";

describe("What arrives", () => {
  it("holds the sender's name, the subject, both bodies, and a Message-ID that a second attempt repeats", async () => {
    const mail = { ...mailTo("twice"), subject: "Grüße 🎉", text: "the text", html: "<p>the page</p>" };
    const sending = transport("plain", "none");
    await sending.deliver(mail);
    await sending.deliver(mail);
    const [first, second] = await received(mail.to);
    expect(headers(first)).toContain("From: Postern <no-reply@example.com>");
    expect(headers(first)).toContain(`To: ${mail.to}`);
    expect(headers(first)).toContain("Subject: =?UTF-8?");
    expect(headers(first)).toContain("Auto-Submitted: auto-generated");
    expect(headers(first)).toContain(`Message-ID: <${mail.id}@example.com>`);
    expect(headers(second)).toContain(`Message-ID: <${mail.id}@example.com>`);
    expect(headers(first)).toMatch(/^Date: \w{3}, \d+ \w{3} \d{4} [\d:]{8} \+0000\r$/m);
    expect(headers(first)).toContain("Content-Type: multipart/alternative;");
    // The last part is the one that a program prefers (RFC 2046 §5.1.4).
    const parts = /text\/plain; charset=utf-8\r\n[^<]*the text[^<]*text\/html; charset=utf-8\r\n[^<]*<p>the page<\/p>/;
    expect(first?.raw).toMatch(parts);
  });

  it("keeps a subject with line breaks in one header", async () => {
    const mail = { ...mailTo("subject"), subject: "Hello\r\nBcc: eve@example.com\r\n\r\n<h1>Body</h1>" };
    await transport("plain", "none").deliver(mail);
    const [mailReceived] = await received(mail.to);
    expect(headers(mailReceived)).not.toMatch(/^Bcc:/im);
    expect(headers(mailReceived)).toMatch(/^Subject: Hello Bcc: eve@example\.com\s+<h1>Body<\/h1>\r$/m);
    expect(await received("eve@example.com")).toEqual([]);
  });

  it("keeps a text that looks like SMTP in the body", async () => {
    const smuggled = "\n.\nMAIL FROM:<eve@example.com>\r\n.\r\nRCPT TO:<eve@example.com>\r\n";
    const mail = { ...mailTo("smuggled"), text: `above${smuggled}below` };
    await transport("plain", "none").deliver(mail);
    const [mailReceived] = await received(mail.to);
    expect(mailReceived?.raw).toMatch(/above[\s\S]*\r\n\.\r\n[\s\S]*below/);
    expect(await received("eve@example.com")).toEqual([]);
  });

  it.each([
    ["Acme, Inc.", '"Acme, Inc."'],
    ['"Acme, Inc."', '"Acme, Inc."'],
    ['The "Best" Acme', '"The \\"Best\\" Acme"'],
    ["Müller, Söhne", "=?UTF-8?"],
  ])("comes from one sender, whatever its name: %s", async (name, header) => {
    const mail = mailTo("named");
    const settings = { host: "localhost", port: ports.plain, tls: "none" } as const;
    await createSmtpTransport(settings, `${name} <auth@example.org>`, systemClock).deliver(mail);
    const [arrived] = await received(mail.to);
    expect(arrived?.from).toBe("auth@example.org");
    expect(headers(arrived)).toContain(`From: ${header}`);
    expect(headers(arrived)).toMatch(/^From: [^\n]*(\r\n\s[^\n]*)? <auth@example\.org>\r$/m);
  });

  it("comes from a bare address where the configuration gives no name", async () => {
    const mail = mailTo("bare");
    const settings = { host: "localhost", port: ports.plain, tls: "none" } as const;
    await createSmtpTransport(settings, "auth@example.org", systemClock).deliver(mail);
    expect(headers((await received(mail.to))[0])).toContain("From: auth@example.org");
  });

  it("comes from, and greets with, the ASCII form of an international domain", async () => {
    const { mail: config } = parseConfig({ ...env, MAIL_FROM: "Bücher <Post@Bücher.example>" });
    const mail = mailTo("greeted");
    const settings = { host: "localhost", port: ports.plain, tls: "none" } as const;
    await createSmtpTransport(settings, config.from, systemClock).deliver(mail);
    const [arrived] = await received(mail.to);
    expect(arrived?.greeting).toBe("xn--bcher-kva.example");
    expect(headers(arrived)).toMatch(/^From: =\?UTF-8\?\S+ <Post@xn--bcher-kva\.example>\r$/m);
    expect(headers(arrived)).toContain(`Message-ID: <${mail.id}@xn--bcher-kva.example>`);
  });

  it("goes to an address of any characters that its form allows", async () => {
    const mail = { ...mailTo(""), to: `o'neil!#$%&*+-/=?^_\`{|}~.${crypto.randomUUID()}@example.com` };
    await transport("plain", "none").deliver(mail);
    const [arrived] = await received(mail.to);
    expect(arrived?.to).toEqual([mail.to]);
    expect(headers(arrived).replaceAll(/\s+/g, " ")).toContain(`To: ${mail.to} `);
  });

  it.each([
    "ada@example.com\r\nBcc: eve@example.com",
    "ada@example.com, eve@example.com",
    "Ada <ada@example.com>",
    "ada@example.com> SIZE=1\r\nRCPT TO:<eve@example.com",
    "",
  ])("goes to no address that is more or less than one: %j", async (to) => {
    await expectFailure(transport("plain", "none").deliver({ ...mailTo(""), to }), "mail_address");
    expect(await received("eve@example.com")).toEqual([]);
  });
});
