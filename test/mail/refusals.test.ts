import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runCronTasks } from "../../src/cron-tasks.ts";
import type { Services } from "../../src/endpoint/services.ts";
import { deliverMails } from "../../src/mail/deliver.ts";
import type { MailEvent, MailRequest } from "../../src/mail/requests.ts";
import { MailNotDelivered, type OutgoingMail, type Transport } from "../../src/mail/transports/transport.ts";
import { extend } from "../../src/platform/records.ts";
import { ARCHIVE_DOWN, archivingIsolate, drain, placesOf } from "../support/archive.ts";
import { post, shown } from "../support/client.ts";
import { neverLog, recordLogs } from "../support/logs.ts";
import { eventsOf, mailsTo, newPerson, registered, rowOf } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";
import { transport as smtp } from "./transports/smtp.ts";

const DAY = 86_400_000;

/** A transport that gives these answers and then repeats the last one. `asked`: the emails that it should send. */
function answering(...answers: (string | undefined)[]) {
  const asked: OutgoingMail[] = [];
  const transport: Transport = {
    async deliver(mail) {
      const answer = answers[Math.min(asked.push(mail), answers.length) - 1];
      if (answer === "address" || answer === "email") throw new MailNotDelivered("smtp_rejected_550", answer);
      if (answer !== undefined) throw new MailNotDelivered(answer);
    },
  };
  return { transport, asked };
}

/** Hands these events to the consumer, as one batch. */
function deliver(transport: Transport, ...events: MailEvent[]) {
  return deliverWith(coldIsolate(), transport, ...events);
}

async function deliverWith(services: Services, transport: Transport, ...events: MailEvent[]) {
  const messages = events.map((event) => {
    const id = crypto.randomUUID();
    return { id, timestamp: new Date(), attempts: 1, body: { id, requestedAt: Date.now(), event } };
  });
  const batch = createMessageBatch<MailRequest>("postern-mail", messages);
  await deliverMails(batch, extend(services, { transport, deadLetters: env.MAIL_DEAD_LETTERS }));
  const { explicitAcks, retryMessages } = await getQueueResult(batch, createExecutionContext());
  return { acknowledged: explicitAcks.length, retried: retryMessages.length, messages };
}

/** An invitation, because its address may belong to no user. */
async function invitationTo(email: string): Promise<MailEvent> {
  inviterId ??= String((await rowOf((await registered()).email))?.id);
  const expiresAt = Date.now() + 400 * DAY;
  return { kind: "invitation", invitationId: crypto.randomUUID(), inviterId, email, locale: "en", expiresAt };
}
let inviterId: string | undefined;

const deadLetters = () => vi.spyOn(env.MAIL_DEAD_LETTERS, "send");

async function auditCount(): Promise<number> {
  const query = "SELECT count(*) AS count FROM audit_events WHERE type = 'email_refused'";
  return (await env.DB.prepare(query).first<{ count: number }>())?.count ?? -1;
}

async function suppressions(): Promise<Record<string, unknown>[]> {
  return (await env.DB.prepare("SELECT * FROM suppressed_addresses").all()).results;
}

beforeEach(async () => {
  await env.DB.prepare("DELETE FROM suppressed_addresses").run();
});
afterEach(() => vi.restoreAllMocks());

describe("an email that a server refuses for good", () => {
  it.each(["refuse-550", "refuse-551", "refuse-553", "refuse-data-554"])(
    "is tried once, goes to the dead-letter queue and is recorded without its address: %s",
    async (behaviour) => {
      const email = `${behaviour}.${crypto.randomUUID()}@example.com`;
      neverLog(email);
      const sent = deadLetters();
      const logs = recordLogs();
      const before = await auditCount();
      const result = await deliver(smtp("plain", "none"), await invitationTo(email));
      expect(result).toMatchObject({ acknowledged: 1, retried: 0 });
      expect(sent).toHaveBeenCalledExactlyOnceWith(result.messages[0]?.body);
      expect(await auditCount()).toBe(before + 1);
      const event = await env.DB.prepare(
        "SELECT * FROM audit_events WHERE type = 'email_refused' ORDER BY id DESC",
      ).first();
      const code = behaviour.slice(-3);
      const suppressed = !behaviour.includes("data");
      expect(event).toMatchObject({ actor_id: null, user_id: null, ip_address: null });
      expect(JSON.parse(String(event?.details))).toEqual({
        kind: "invitation",
        reason: `smtp_rejected_${code}`,
        suppressed,
      });
      expect(JSON.stringify([event, await suppressions()])).not.toContain(behaviour);
      expect(await suppressions()).toHaveLength(suppressed ? 1 : 0);
      expect(logs().filter(({ mail_kind }) => mail_kind === "invitation")).toMatchObject([
        { event: "mail_refused", error: `MailNotDelivered: smtp_rejected_${code}`, attempts: 1 },
      ]);
    },
  );

  it("is recorded at the account that owns the address", async () => {
    const { email } = await registered();
    const userId = String((await rowOf(email))?.id);
    await deliver(answering("address").transport, { kind: "password_changed", userId });
    const [event] = await eventsOf(userId, "email_refused");
    expect(JSON.parse(String(event?.details))).toMatchObject({ kind: "password_changed", suppressed: true });
  });

  it("is tried once while the database for events is down, and recorded there later", async () => {
    const { email } = await registered();
    const userId = String((await rowOf(email))?.id);
    const sent = deadLetters();
    const { transport } = answering("address");
    const event = { kind: "password_changed", userId } as const;
    const result = await deliverWith(archivingIsolate(ARCHIVE_DOWN), transport, event);
    expect(result).toMatchObject({ acknowledged: 1, retried: 0 });
    expect(sent).toHaveBeenCalledTimes(1);
    const [refused] = await eventsOf(userId, "email_refused");
    await drain();
    expect((await placesOf(userId)).archived).toContain(refused?.id);
  });

  it("is not lost if the dead-letter queue does not accept it: then it is tried again", async () => {
    vi.spyOn(env.MAIL_DEAD_LETTERS, "send").mockRejectedValue(new Error("out"));
    const result = await deliver(answering("address").transport, await invitationTo(newPerson().email));
    expect(result).toMatchObject({ acknowledged: 0, retried: 1 });
    expect(await suppressions()).toEqual([]);
  });

  it.each(["smtp_connection", "smtp_auth", "resend_429"])(
    "is no email that failed for another reason, which is retried: %s",
    async (reason) => {
      const sent = deadLetters();
      const before = await auditCount();
      const result = await deliver(answering(reason).transport, await invitationTo(newPerson().email));
      expect(result).toMatchObject({ acknowledged: 0, retried: 1 });
      expect(sent).not.toHaveBeenCalled();
      expect([await auditCount(), await suppressions()]).toEqual([before, []]);
    },
  );
});

describe("an address under .invalid, where no mail server can be", () => {
  it("gets no email", async () => {
    const { transport, asked } = answering(undefined);
    const logs = recordLogs();
    const event: MailEvent = { kind: "account_deleted", email: "deployment-check@postern.invalid", locale: "en" };
    expect(await deliver(transport, event)).toMatchObject({ acknowledged: 1, retried: 0 });
    expect(asked).toEqual([]);
    expect(logs().map(({ event }) => event)).toEqual(["mail_suppressed"]);
  });
});

describe("an address that a server refused for good", () => {
  it("gets no email of any kind for a day, and no log names it", async () => {
    const { email } = await registered();
    neverLog(email);
    const userId = String((await rowOf(email))?.id);
    const { transport, asked } = answering("address");
    const kinds: MailEvent[] = [
      { kind: "reset_password", email },
      { kind: "password_changed", userId },
      { kind: "new_login", userId, device: null, ipAddress: "192.0.2.44" },
      { kind: "account_deleted", email, locale: "en" },
    ];
    await deliver(transport, { kind: "reset_password", email });
    const sent = deadLetters();
    const logs = recordLogs();
    vi.setSystemTime(Date.now() + DAY - 1_000);
    expect(await deliver(transport, ...kinds)).toMatchObject({ acknowledged: kinds.length, retried: 0 });
    expect(asked).toHaveLength(1);
    expect(sent).not.toHaveBeenCalled();
    expect(logs().map(({ event }) => event)).toEqual(kinds.map(() => "mail_suppressed"));
  });

  it("is tried again after a day, and left alone for twice as long after each refusal, at most 30 days", async () => {
    const { transport, asked } = answering("address");
    const event = await invitationTo(newPerson().email);
    const start = Date.now();
    let days = 0;
    for (const pause of [1, 2, 4, 8, 16, 30, 30]) {
      vi.setSystemTime(start + days * DAY);
      const tries = asked.length;
      await deliver(transport, event);
      expect(asked, `after ${days} days`).toHaveLength(tries + 1);
      vi.setSystemTime(start + (days + pause) * DAY - 1);
      await deliver(transport, event);
      expect(asked, `before ${days + pause} days`).toHaveLength(tries + 1);
      days += pause;
    }
  });

  it("is like any other as soon as its server accepts an email", async () => {
    const { transport, asked } = answering("address", undefined, "address");
    const event = await invitationTo(newPerson().email);
    const start = Date.now();
    vi.setSystemTime(start);
    await deliver(transport, event);
    vi.setSystemTime(start + DAY);
    await deliver(transport, event);
    expect(await suppressions()).toEqual([]);
    // The next refusal counts as the first one again.
    await deliver(transport, event);
    vi.setSystemTime(start + 2 * DAY);
    await deliver(transport, event);
    expect(asked).toHaveLength(4);
  });

  it("is sent an email once, even if it can't be taken off the list afterwards", async () => {
    const { transport, asked } = answering("address", undefined);
    const event = await invitationTo(newPerson().email);
    await deliver(transport, event);
    vi.setSystemTime(Date.now() + DAY);
    await env.DB.prepare(
      "CREATE TRIGGER keep BEFORE DELETE ON suppressed_addresses BEGIN SELECT raise(ABORT, 'no'); END",
    ).run();
    const logs = recordLogs();
    expect(await deliver(transport, event)).toMatchObject({ acknowledged: 1, retried: 0 });
    await env.DB.prepare("DROP TRIGGER keep").run();
    expect(asked).toHaveLength(2);
    expect(logs().map((line) => line.event)).toEqual(["suppression_not_forgotten", "mail_sent"]);
  });

  it("is suppressed for one day, however many emails were refused at the same time", async () => {
    const email = newPerson().email;
    const events = await Promise.all([1, 2, 3, 4].map(() => invitationTo(email)));
    const { transport, asked } = answering("address");
    await deliver(transport, ...events);
    expect(await suppressions()).toMatchObject([{ refusals: 1 }]);
    const tries = asked.length;
    vi.setSystemTime(Date.now() + DAY);
    await deliver(transport, await invitationTo(email));
    expect(asked).toHaveLength(tries + 1);
  });

  it("is not told apart from others by any response", async () => {
    const [suppressed, other] = [await registered(), await registered()];
    const userId = String((await rowOf(suppressed.email))?.id);
    await deliver(answering("address").transport, { kind: "password_changed", userId });
    const stranger = newPerson().email;
    await deliver(answering("address").transport, await invitationTo(stranger));

    for (const path of ["forgot-password", "resend-verification"]) {
      const answers = await Promise.all(
        [suppressed.email, other.email, stranger, newPerson().email].map((email) =>
          post(`/api/v1/auth/${path}`, { email }),
        ),
      );
      for (const answer of answers) expect(shown(answer)).toEqual(shown(answers[0] ?? answer));
    }
    const registrations = await Promise.all(
      [suppressed.email, other.email, stranger, newPerson().email].map((email) =>
        post("/api/v1/auth/register", { ...newPerson(), email }),
      ),
    );
    for (const answer of registrations) expect(shown(answer)).toEqual(shown(registrations[0] ?? answer));
    // The other address got its emails. So the earlier emails to the suppressed address were dropped, and are not late.
    await mailsTo(other.email, 3);
    expect(await mailsTo(suppressed.email)).toHaveLength(1);
  });

  it("is forgotten by the cron job a month after the end, and not before", async () => {
    const start = Date.now();
    await deliver(answering("address").transport, await invitationTo(newPerson().email));
    vi.setSystemTime(start + 31 * DAY - 1_000);
    await runCronTasks(coldIsolate());
    expect(await suppressions()).toHaveLength(1);
    vi.setSystemTime(start + 31 * DAY + 60_000);
    await runCronTasks(coldIsolate());
    expect(await suppressions()).toEqual([]);
  });
});
