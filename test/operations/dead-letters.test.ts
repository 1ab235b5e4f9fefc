import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { runCronTasks } from "../../src/cron-tasks.ts";
import { deliverMails, MOST_TRIES } from "../../src/mail/deliver.ts";
import type { MailEvent, MailRequest } from "../../src/mail/requests.ts";
import { MailNotDelivered, type OutgoingMail } from "../../src/mail/transports/transport.ts";
import { createId, systemRandom } from "../../src/platform/random.ts";
import { extend } from "../../src/platform/records.ts";
import { appWith, atOnce, call, expectProblem, get, post } from "../support/client.ts";
import { withoutTable } from "../support/database.ts";
import { recordLogs } from "../support/logs.ts";
import { eventsOf, loggedIn, mailAbout, registered, rowOf, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const LIST = "/api/v1/emails/dead-letters";
const root = withStanding("superuser");

const list = async (query = "") => (await get(`${LIST}${query}`, { bearer: (await root).accessToken })).json;
const retry = async (id: string, send = appWith({})) =>
  post(`${LIST}/${id}/retry`, undefined, { bearer: (await root).accessToken }, send);

/** Lets the delivery of an email fail with this error. Returns the request's id, and the queue's decision. */
async function fail(event: MailEvent, error: Error, attempts: number, requestedAt = Date.now()) {
  const id = createId(requestedAt, systemRandom);
  const message = { id, timestamp: new Date(), attempts, body: { id, requestedAt, event } };
  const batch = createMessageBatch<MailRequest>("postern-mail", [message]);
  const transport = { deliver: async (_mail: OutgoingMail) => Promise.reject(error) };
  await deliverMails(batch, extend(coldIsolate(), { transport, deadLetters: env.MAIL_DEAD_LETTERS }));
  const { explicitAcks, retryMessages } = await getQueueResult(batch, createExecutionContext());
  return { id, acknowledged: explicitAcks.length, retried: retryMessages.length };
}

async function passwordChanged() {
  const { email } = await registered();
  const userId = String((await rowOf(email))?.id);
  return { email, userId, event: { kind: "password_changed", userId } as const };
}

beforeEach(async () => {
  await env.DB.exec("DELETE FROM undelivered_emails");
});

describe("an email that fails for good", () => {
  it("is listed once a server has refused it, with its address and the reason", async () => {
    const { email, event } = await passwordChanged();
    const { id, acknowledged } = await fail(event, new MailNotDelivered("smtp_rejected_550", "email"), 3);
    expect(acknowledged).toBe(1);
    expect(await list()).toEqual({
      items: [
        {
          ...{ id, kind: "password_changed", to: email, reason: "smtp_rejected_550" },
          ...{ failed_at: expect.any(String), attempts: 3 },
        },
      ],
      next_cursor: null,
    });
    const { json } = await get("/api/v1/overview", { bearer: (await root).accessToken });
    expect(json.emails.dead_letters).toBe(1);
  });

  it("is listed after its last try, and still goes to the dead-letter queue", async () => {
    const { email, event } = await passwordChanged();
    const down = new MailNotDelivered("smtp_timeout");
    expect((await fail(event, down, MOST_TRIES - 1)).retried).toBe(1);
    expect((await list()).items).toEqual([]);
    const { id, retried } = await fail(event, down, MOST_TRIES);
    expect(retried).toBe(1);
    expect((await list()).items).toMatchObject([{ id, to: email, attempts: MOST_TRIES }]);
    expect((await list()).items[0].reason).toContain("smtp_timeout");
  });

  it("is listed without an address if it could not even be written", async () => {
    const event = { kind: "of_a_newer_version" } as unknown as MailEvent;
    const { id } = await fail(event, new Error("never tried"), MOST_TRIES);
    expect((await list()).items).toMatchObject([{ id, kind: "of_a_newer_version", to: null }]);
    expect((await retry(id)).status).toBe(202);
  });

  it("goes to the dead-letter queue although it can't be listed", async () => {
    const { event } = await passwordChanged();
    const logs = recordLogs();
    await withoutTable("undelivered_emails", async () => {
      expect((await fail(event, new MailNotDelivered("smtp_timeout"), MOST_TRIES)).retried).toBe(1);
    });
    expect(logs().map((line) => line.event)).toEqual(["undelivered_not_kept", "mail_failed"]);
  });

  it("is listed by pages, the latest request first", async () => {
    const { event } = await passwordChanged();
    const ids: string[] = [];
    for (let number = 0; number < 3; number++) {
      const requestedAt = Date.now() - DAY + number * 1_000;
      ids.unshift((await fail(event, new MailNotDelivered("smtp_timeout"), MOST_TRIES, requestedAt)).id);
    }
    const first = await list("?limit=2");
    const second = await list(`?limit=2&cursor=${first.next_cursor}`);
    expect([...first.items, ...second.items].map(({ id }: { id: string }) => id)).toEqual(ids);
    expect(second.next_cursor).toBeNull();
  });

  it("is forgotten a week after its request, and with the account", async () => {
    const { email, userId, event } = await passwordChanged();
    await fail(event, new MailNotDelivered("smtp_timeout"), MOST_TRIES, Date.now() - 7 * DAY - 1_000);
    const { id } = await fail(event, new MailNotDelivered("smtp_timeout"), MOST_TRIES);
    await runCronTasks(coldIsolate());
    expect((await list()).items).toMatchObject([{ id, to: email }]);
    await call("DELETE", `/api/v1/users/${userId}`, { bearer: (await root).accessToken });
    expect((await list()).items).toEqual([]);
  });
});

describe("a retry", () => {
  it("sends the email again, to an address that was suppressed too, and takes it off the list", async () => {
    const { email, userId, event } = await passwordChanged();
    const { id } = await fail(event, new MailNotDelivered("smtp_rejected_550", "address"), 1);
    const suppressed = () => coldIsolate().suppressions.find(email);
    expect(await suppressed()).toBeGreaterThan(Date.now());
    expect((await retry(id.toUpperCase())).status).toBe(202);
    await mailAbout(email, /password/i);
    expect(await suppressed()).toBeUndefined();
    expect((await list()).items).toEqual([]);
    expectProblem(await retry(id), 404, "not_found");
    const [recorded] = await eventsOf(userId, "email_retried");
    expect(recorded).toMatchObject({ actor_id: (await root).userId, details: '{"kind":"password_changed"}' });
  });

  it("makes a link that works, although the one of the first try has expired", async () => {
    const person = await loggedIn();
    const event = { kind: "reset_password", email: person.email } as const;
    const { id } = await fail(event, new MailNotDelivered("smtp_rejected_550", "email"), 1, Date.now() - 59 * MINUTE);
    expect((await retry(id)).status).toBe(202);
    const { text } = await mailAbout(person.email, /reset/i);
    vi.setSystemTime(Date.now() + 30 * MINUTE);
    const [, token = ""] = /#token=([\w-]+)/.exec(text) ?? [];
    const reset = await post("/api/v1/auth/reset-password", { token, new_password: "a password as good as new" });
    expect(reset.status, reset.text).toBe(204);
  });

  it("sends it once, however many ask at once", async () => {
    const { event } = await passwordChanged();
    const { id } = await fail(event, new MailNotDelivered("smtp_timeout"), MOST_TRIES);
    const send = vi.spyOn(env.MAIL_QUEUE, "send");
    const statuses = await atOnce(5, async () => (await retry(id)).status);
    expect(statuses.toSorted()).toEqual([202, 404, 404, 404, 404]);
    expect(send).toHaveBeenCalledTimes(1);
  });
});
