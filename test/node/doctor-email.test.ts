/** The doctor's checks of the email transport, and the test email of `--mail`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { sendThroughService } from "../../src/commands/doctor/service-email.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { answer, DEV_VARS, examine, makeConfigured, startStandIn } from "./doctoring.ts";
import { makeTree } from "./stand-in.ts";

describe("The doctor's check of the email transport", () => {
  async function startSmtp(options: SMTPServerOptions): Promise<{ port: number; mails: string[] }> {
    const mails: string[] = [];
    const server = new SMTPServer({
      closeTimeout: 100,
      ...options,
      onAuth({ password }, _, callback) {
        if (password === "right") callback(null, { user: "me" });
        else callback(new Error("no"));
      },
      onRcptTo({ address }, _, callback) {
        mails.push(address);
        callback();
      },
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    onTestFinished(() => new Promise<void>((done) => server.close(() => done())));
    return { port: (server.server.address() as AddressInfo).port, mails };
  }

  const smtpVars = (port: number, password: string, tls = "none") =>
    makeConfigured(
      undefined,
      `${DEV_VARS}MAIL_TRANSPORT=smtp\nMAIL_FROM=a@example.com\nSMTP_HOST=127.0.0.1\nSMTP_PORT=${port}\nSMTP_USER=me\nSMTP_PASSWORD=${password}\nSMTP_TLS=${tls}\n`,
    );
  const open: SMTPServerOptions = { disabledCommands: ["STARTTLS"], allowInsecureAuth: true };

  it("logs in to the SMTP server without sending, and sends with --mail", async () => {
    const { port, mails } = await startSmtp(open);
    expect((await examine("email-transport", [], smtpVars(port, "right"))).lines).toEqual([
      expect.stringMatching(/^ok: 127\.0\.0\.1:\d+ answers .* and accepts the login/),
    ]);
    expect(mails).toEqual([]);
    const { lines } = await examine("email-arrival", ["--mail", "you@example.com"], smtpVars(port, "right"));
    expect(lines).toEqual([expect.stringMatching(/^ok: The server has accepted a test email to you@example\.com/)]);
    expect(mails).toEqual(["you@example.com"]);
  });

  it("says what is wrong with the login, the encryption or the address", async () => {
    const { port } = await startSmtp(open);
    const wrong = await examine("email-transport", [], smtpVars(port, "a-wrong-password"));
    expect([wrong.code, wrong.lines]).toEqual([
      1,
      [expect.stringMatching(/^failed: .*smtp_auth\. → .*SMTP_USER and SMTP_PASSWORD/)],
    ]);
    expect(wrong.lines.join()).not.toContain("a-wrong-password");
    expect((await examine("email-transport", [], smtpVars(port, "right", "starttls"))).lines).toEqual([
      expect.stringMatching(/^failed: .*smtp_tls_required\. → .*465/),
    ]);
    expect((await examine("email-transport", [], smtpVars(1, "right"))).lines).toEqual([
      expect.stringMatching(/^failed: .*smtp_connection\. → .*SMTP_HOST/),
    ]);
    const { lines } = await examine("email-arrival", ["--mail", "you@example.com"], smtpVars(1, "right"));
    expect(lines).toEqual([expect.stringMatching(/^failed: The test email was not accepted: smtp_connection/)]);
  });

  it.each([
    [
      "a full key with a verified domain",
      200,
      { data: [{ name: "example.com", status: "verified" }] },
      /^ok: .*has verified example\.com/,
    ],
    [
      "a domain that is not verified",
      200,
      { data: [{ name: "example.com", status: "pending" }] },
      /^warning: .*example\.com\. → .*DNS/,
    ],
    ["a key that may only send", 401, { name: "restricted_api_key" }, /^ok: .*may only send/],
    ["a wrong key", 400, { name: "validation_error" }, /^failed: Resend refuses the API key \(status 400\)/],
    ["a failure of Resend's", 500, {}, /^failed: Resend has a failure/],
  ])("understands Resend's answer to %s", async (_, status, body, words) => {
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
      if (String(input) === "https://api.resend.com/domains") return Response.json(body, { status });
      throw new TypeError("not reachable");
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const tree = makeConfigured(
      undefined,
      `${DEV_VARS}MAIL_TRANSPORT=resend\nMAIL_FROM=a@example.com\nRESEND_API_KEY=re_1234\n`,
    );
    const { lines } = await examine("email-transport", [], tree);
    expect(lines).toEqual([expect.stringMatching(words)]);
    expect(lines.join()).not.toContain("re_1234");
  });

  it("needs no login where the server asks for none", async () => {
    const { port } = await startSmtp({ ...open, authOptional: true });
    const vars = `${DEV_VARS}MAIL_TRANSPORT=smtp\nMAIL_FROM=a@example.com\nSMTP_HOST=127.0.0.1\nSMTP_PORT=${port}\nSMTP_TLS=none\n`;
    expect((await examine("email-transport", [], makeConfigured(undefined, vars))).lines).toEqual([
      expect.stringMatching(/^ok: 127\.0\.0\.1:\d+ answers \(SMTP_TLS=none\) without a login\./),
    ]);
  });

  it("sends to the server's log where the server gives no reason", async () => {
    const { port } = await startSmtp({ ...open, onConnect: (_, callback) => callback(new Error("not from there")) });
    expect((await examine("email-transport", [], smtpVars(port, "right"))).lines).toEqual([
      expect.stringMatching(
        /^failed: 127\.0\.0\.1:\d+ does not take emails: .* → The server refused Postern\. Its log/,
      ),
    ]);
  });

  it("names Cloudflare's part where Cloudflare sends", async () => {
    const vars = `${DEV_VARS}MAIL_TRANSPORT=cloudflare\nMAIL_FROM=Example <a@example.com>\n`;
    expect((await examine("email-transport", [], makeConfigured(undefined, vars))).lines).toEqual([
      expect.stringMatching(/^ok: MAIL_TRANSPORT=cloudflare needs no login\. .* onboarded a@example\.com's domain/),
    ]);
  });

  it("says how to see more where the values or the credentials are not known", async () => {
    const byUrl = await examine("email-transport", ["--url", await startStandIn()], makeTree());
    expect(byUrl.lines).toEqual([expect.stringMatching(/^skipped: .* is not known here\. → .*--mail <address>/)]);
    const wrong = await examine("email-transport", [], makeConfigured(undefined, `${DEV_VARS}SCRYPT_LN=99\n`));
    expect(wrong.lines).toEqual([
      expect.stringMatching(/^skipped: .* while the configuration is wrong\. → Fix the configuration first/),
    ]);
    const deployed = makeConfigured(
      (toml) =>
        toml
          .replaceAll(/^(PUBLIC_URL|MAIL_\w+) = .*$/gm, "")
          .replace(
            "[vars]",
            '[vars]\nPUBLIC_URL = "https://auth.example.com"\nMAIL_TRANSPORT = "resend"\nMAIL_FROM = "a@example.com"',
          ),
      "",
      `process.stdout.write(JSON.stringify([{ name: "AUTH_SECRET" }, { name: "RESEND_API_KEY" }]));`,
    );
    expect((await examine("email-transport", ["--remote"], deployed)).lines).toEqual([
      expect.stringMatching(
        /^skipped: Cloudflare does not show the credentials for MAIL_TRANSPORT=resend\. → .*--mail/,
      ),
    ]);
  });
});

describe("The doctor's test email", () => {
  const to = "you@example.com";
  const mailed = (text: string) => ({ to, subject: "Confirm your address", text });

  async function sendByUrl(routes: Record<string, unknown>) {
    return examine("email-arrival", ["--mail", to, "--url", await startStandIn(routes)], makeTree());
  }

  it("goes through Resend with the key from here", async () => {
    const requests: unknown[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      if (!String(input).startsWith("https://api.resend.com/")) throw new TypeError("not reachable");
      requests.push(JSON.parse(String(init?.body)));
      return Response.json({ id: "1" });
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const vars = `${DEV_VARS}MAIL_TRANSPORT=resend\nMAIL_FROM=a@example.com\nRESEND_API_KEY=re_1234\n`;
    expect((await examine("email-arrival", ["--mail", to], makeConfigured(undefined, vars))).lines).toEqual([
      expect.stringMatching(/^ok: The server has accepted a test email to you@example\.com/),
    ]);
    expect(requests).toEqual([expect.objectContaining({ to: [to], subject: "Test email" })]);
  });

  it("is the service's own to a new user where the credentials are not known", async () => {
    const { lines } = await sendByUrl({ "/api/v1/auth/register": answer({}, 202) });
    expect(lines).toEqual([
      expect.stringMatching(/^ok: The service has registered you@example\.com, and emails a link there\. .* expires\./),
    ]);
  });

  it("is looked for in the outbox of development", async () => {
    const items = [mailed("an older one"), { ...mailed("of another user"), to: "other@example.com" }];
    const register = (request: IncomingMessage, response: ServerResponse) => {
      items.unshift(mailed("the new one"));
      answer({}, 202)(request, response);
    };
    const { lines } = await sendByUrl({ "/dev/outbox": { items }, "/api/v1/auth/register": register });
    expect(lines).toEqual([
      expect.stringMatching(/^ok: The email to you@example\.com is in the outbox: "Confirm your address"/),
    ]);
  });

  it("is given up where none comes to the outbox, or the outbox goes away", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const outboxes = [{ items: [mailed("an older one")] }, { items: [mailed("an older one")] }];
    const service = {
      origin: "http://localhost:8787",
      async request(path: string) {
        if (path !== "/dev/outbox") return { status: 202, headers: new Headers(), json: {}, code: undefined };
        const json = outboxes.shift();
        return { status: json === undefined ? 404 : 200, headers: new Headers(), json, code: undefined };
      },
      about: async () => undefined,
    };
    const sent = sendThroughService(to, service, systemRandom);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await sent).toMatchObject({
      status: "failed",
      message: "No email to you@example.com came to the outbox.",
      remedy: expect.stringContaining("mail_failed"),
    });
  });

  it.each([
    [answer({ code: "rate_limited" }, 429), /^skipped: .* registering answered 429 rate_limited\. → Request a link/],
    [answer("no JSON of Postern's", 503), /^skipped: .* registering answered 503\. → Request a link/],
  ])("says why the service sends none", async (refusal, words) => {
    expect((await sendByUrl({ "/api/v1/auth/register": refusal })).lines).toEqual([expect.stringMatching(words)]);
  });
});
