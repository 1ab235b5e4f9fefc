import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, inject, it, vi } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import worker from "../../src/index.ts";
import { deliverMails, retryDelay } from "../../src/mail/deliver.ts";
import { renderMail } from "../../src/mail/render.ts";
import type { MailEvent, MailRequest } from "../../src/mail/requests.ts";
import { DEFAULT_THEME } from "../../src/mail/theme.ts";
import { chooseTransport } from "../../src/mail/transports/choose.ts";
import type { OutgoingMail, Transport } from "../../src/mail/transports/transport.ts";
import { writeMail } from "../../src/mail/write.ts";
import { extend } from "../../src/platform/records.ts";
import { register } from "../support/account.ts";
import { deployedAt, expectProblem, get, post } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { neverLog, recordLogs } from "../support/logs.ts";
import { mailsTo, newPerson, registered, rowOf } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

async function waiting() {
  const person = newPerson();
  await register(person);
  await mailsTo(person.email);
  return { ...person, id: String((await rowOf(person.email))?.id) };
}

function batchOf(events: MailEvent[], attempts = 1) {
  const messages = events.map((event) => {
    const id = crypto.randomUUID();
    return { id, timestamp: new Date(), attempts, body: { id, requestedAt: Date.now(), event } };
  });
  return createMessageBatch<MailRequest>("postern-mail", messages);
}

function firstOf(batch: MessageBatch<MailRequest>) {
  const [message] = batch.messages;
  if (message === undefined) throw new Error("The batch is empty.");
  return message;
}

/** The queue's decision on each message of a batch, after delivery with this transport. */
async function deliver(batch: MessageBatch<MailRequest>, transport: Transport) {
  await deliverMails(batch, extend(coldIsolate(), { transport, deadLetters: env.MAIL_DEAD_LETTERS }));
  return getQueueResult(batch, createExecutionContext());
}

describe("the mail queue's consumer", () => {
  it("sends a mail and is done with its message", async () => {
    const { id, email } = await waiting();
    const sent: OutgoingMail[] = [];
    const batch = batchOf([{ kind: "verify_email", registrationId: id }]);
    const result = await deliver(batch, { deliver: async (mail) => void sent.push(mail) });
    expect(result.explicitAcks).toHaveLength(1);
    expect(sent).toMatchObject([{ to: email, subject: "Verify your email address for Postern" }]);
    for (const { text } of sent) neverLog(/#token=([\w-]+)/.exec(text)?.[1]);
  });

  it("asks for a later retry where the transport fails, and holds up no other message [RG-8]", async () => {
    const [first, second] = [await waiting(), await waiting()];
    const batch = batchOf(
      [
        { kind: "verify_email", registrationId: first.id },
        { kind: "verify_email", registrationId: second.id },
      ],
      3,
    );
    const logs = recordLogs();
    const retry = vi.spyOn(firstOf(batch), "retry");
    const result = await deliver(batch, {
      async deliver(mail) {
        if (mail.to === first.email) throw new Error("smtp_connection");
      },
    });
    expect(result.explicitAcks).toEqual([batch.messages[1]?.id]);
    expect(result.retryMessages).toMatchObject([{ msgId: batch.messages[0]?.id }]);
    expect(retry).toHaveBeenCalledExactlyOnceWith({ delaySeconds: 40 });
    expect(logs().find(({ event }) => event === "mail_failed")).toMatchObject({
      error: "Error: smtp_connection",
      attempts: 3,
    });
  });

  it("counts a failure as a warning until the email has failed for minutes, and as an error from then on", async () => {
    const { id } = await waiting();
    const logs = recordLogs();
    for (const attempts of [1, 4, 5, 31]) {
      const batch = batchOf([{ kind: "verify_email", registrationId: id }], attempts);
      await deliver(batch, { deliver: async () => Promise.reject(new Error("smtp_timeout")) });
    }
    const failed = logs().filter(({ event }) => event === "mail_failed");
    expect(failed.map(({ level }) => level)).toEqual(["warn", "warn", "error", "error"]);
  });

  it("makes the very same mail on every retry, so that a provider knows it again", async () => {
    const { id } = await waiting();
    const sent: OutgoingMail[] = [];
    const batch = batchOf([{ kind: "verify_email", registrationId: id }]);
    for (let attempt = 0; attempt < 2; attempt++) {
      await deliver(batch, {
        async deliver(mail) {
          sent.push(mail);
          throw new Error("smtp_timeout");
        },
      });
    }
    expect(sent[0]).toEqual(sent[1]);
  });

  it("sends nothing where there is nothing to say any more", async () => {
    const verified = await registered();
    const userId = String((await rowOf(verified.email))?.id);
    const sent: OutgoingMail[] = [];
    const batch = batchOf([
      { kind: "verify_email", registrationId: userId },
      { kind: "verify_email", registrationId: crypto.randomUUID() },
      { kind: "resend_verification", email: verified.email },
      { kind: "resend_verification", email: newPerson().email },
    ]);
    const result = await deliver(batch, { deliver: async (mail) => void sent.push(mail) });
    expect(result.explicitAcks).toHaveLength(4);
    expect(sent).toEqual([]);
  });

  it("sends no link that would be dead on arrival", async () => {
    const { id } = await waiting();
    const batch = batchOf([{ kind: "verify_email", registrationId: id }], 20);
    vi.setSystemTime(Date.now() + 25 * 3_600_000);
    const sent: OutgoingMail[] = [];
    const result = await deliver(batch, { deliver: async (mail) => void sent.push(mail) });
    expect(result.explicitAcks).toHaveLength(1);
    expect(sent).toEqual([]);
  });

  it("leaves a body that is none of ours to the dead-letter queue, and holds up no other message", async () => {
    const { id } = await waiting();
    const good = {
      id: crypto.randomUUID(),
      requestedAt: Date.now(),
      event: { kind: "verify_email", registrationId: id },
    };
    const newer = '{"id":"1","requestedAt":1,"event":{"kind":"of_a_newer_version"}}';
    const bodies = ['"nonsense"', "null", "{}", '{"id":"1","event":null}', newer, JSON.stringify(good)];
    const messages = bodies.map((body, index) => ({
      id: `${index}`,
      timestamp: new Date(),
      attempts: 1,
      body: JSON.parse(body),
    }));
    const batch = createMessageBatch<MailRequest>("postern-mail", messages);
    const result = await deliver(batch, { deliver: async () => {} });
    expect(result.explicitAcks).toEqual(["5"]);
    expect(result.retryMessages).toHaveLength(5);
  });

  it("stops mailing an address that strangers register again and again, and tells them nothing", async () => {
    const { email } = await waiting();
    for (let time = 0; time < 6; time++) {
      expect((await register({ ...newPerson(), email })).status).toBe(202);
    }
    const logs = recordLogs();
    await eventually(() => expect(logs().some(({ event }) => event === "mail_not_needed")).toBe(true));
    expect(await mailsTo(email, 5)).toHaveLength(5);
  });

  it("keeps a mail once in the outbox though its message comes twice", async () => {
    const { id, email } = await waiting();
    const batch = batchOf([{ kind: "verify_email", registrationId: id }]);
    await worker.queue?.(batch, env);
    await worker.queue?.(batch, env);
    expect(await mailsTo(email, 2)).toHaveLength(2);
  });

  it("waits 10 s before the first retry, twice as long each time, an hour at most: 30 tries take about a day", () => {
    const delays = Array.from({ length: 30 }, (_, index) => retryDelay(index + 1));
    expect(delays.slice(0, 4)).toEqual([10, 20, 40, 80]);
    expect(Math.max(...delays)).toBe(3_600);
    const total = delays.reduce((sum, delay) => sum + delay, 0);
    expect(total / 3_600).toBeGreaterThan(20);
    expect(total / 3_600).toBeLessThan(26);
  });
});

describe("mails", () => {
  it("let no name or link break out of their HTML", () => {
    const product = `<b>"Evil" & Co</b>`;
    const written = writeMail(
      "verify_email",
      { email: "ada@example.com", locale: "en" },
      { username: "<i>", url: `https://x/"><script>`, hours: 1 },
      { ...parseConfig(env), productName: product },
    );
    const logo = { url: `https://x/"><script>`, width: 120 };
    const { html } = renderMail(written, { product, logo, theme: DEFAULT_THEME });
    expect(html).not.toMatch(/<b>|<i>|<script>/);
    expect(html).toContain("&lt;b&gt;&quot;Evil&quot; &amp; Co&lt;/b&gt;");
    expect(html).toContain("expires in 1 hour.");
  });
});

describe("the transport", () => {
  const config = parseConfig(env).mail;
  const parts = { db: coldIsolate().db, clock: coldIsolate().clock, email: undefined };

  const mail = { id: crypto.randomUUID(), to: "ada@example.com", subject: "S", text: "T", html: "H" };

  it("is the one that MAIL_TRANSPORT names", async () => {
    await chooseTransport({ ...config, transport: "outbox" }, parts).deliver(mail);
    const { json } = await get("/dev/outbox");
    expect(json.items.some(({ to }: { to: string }) => to === mail.to)).toBe(true);

    const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json({ id: "1" }));
    await chooseTransport({ ...config, transport: "resend", resendApiKey: "re_1" }, parts).deliver(mail);
    expect(String(fetched.mock.calls[0]?.[0])).toContain("api.resend.com");
    fetched.mockRestore();

    const { plain } = inject("smtp");
    const smtp = { ...config.smtp, host: "127.0.0.1", port: plain, tls: "none" as const };
    await chooseTransport({ ...config, transport: "smtp", smtp }, parts).deliver(mail);
  });

  it("cloudflare needs its binding, and says how to get it", () => {
    const email = { send: async () => ({ messageId: "1" }) };
    expect(() => chooseTransport({ ...config, transport: "cloudflare" }, parts)).toThrow(
      /send_email binding named EMAIL/,
    );
    expect(chooseTransport({ ...config, transport: "cloudflare" }, { ...parts, email }).deliver).toBeTypeOf("function");
  });
});

describe("GET /dev/outbox", () => {
  it("shows the mails newest first", async () => {
    const { email } = await waiting();
    await post("/api/v1/auth/resend-verification", { email });
    await mailsTo(email, 2);
    const { json } = await get("/dev/outbox");
    const times = json.items.map(({ sent_at }: { sent_at: string }) => sent_at);
    expect(times).toEqual([...times].sort().reverse());
  });

  it("does not exist for another host, nor outside development", async () => {
    for (const path of ["/dev/outbox", "/health", "/"]) {
      expectProblem(await get(`http://192.0.2.1:8787${path}`), 421, "misdirected_request");
    }
    const production = deployedAt("https://auth.example.com");
    // Without `get`, which compares responses with the OpenAPI document of development.
    const outbox = await production(new Request("https://auth.example.com/dev/outbox"));
    expect(outbox.status).toBe(404);
    const health = await get("https://auth.example.com/health", {}, production);
    expect(health.status).toBe(200);
    expect(health.headers.has("Server-Timing")).toBe(false);
  });
});
