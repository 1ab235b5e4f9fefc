/** The consumer of the mail queue, and the emails that leave it, while each of their calls goes wrong. */
import { env } from "cloudflare:workers";
import { afterAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { deliverMails } from "../../src/mail/deliver.ts";
import type { MailRequest } from "../../src/mail/requests.ts";
import { createCloudflareTransport } from "../../src/mail/transports/cloudflare.ts";
import { createResendTransport } from "../../src/mail/transports/resend.ts";
import type { Transport } from "../../src/mail/transports/transport.ts";
import { extend } from "../../src/platform/records.ts";
import { createServices } from "../../src/services.ts";
import { account, build, impatient, mailTo, ports, received } from "../mail/transports/smtp.ts";
import { Calls, type Fault } from "../support/faults.ts";
import { newId, userInDirectory } from "./cast.ts";
import { atEachCall, type Consumer, deliver, deliverInTheEnd } from "./consuming.ts";
import { Table } from "./table.ts";

const tried = new Table("calls for emails");
afterAll(() => tried.print());

const config = parseConfig(env);

/** The notice of a new login. The consumer of the mail queue counts such notices in a limit. */
async function newLogin() {
  const { email, userId } = await userInDirectory();
  const event = { kind: "new_login", userId, device: null, ipAddress: "192.0.2.1" } as const;
  return { email, body: { id: newId(), requestedAt: Date.now(), event } satisfies MailRequest };
}

describe("the queue of emails", () => {
  const countTo = async (email: string) =>
    env.DB.prepare("SELECT count(*) AS `count` FROM outbox WHERE recipient = ?").bind(email).first("count");

  it("sends an email whichever call fails, and one that fails is tried again", () =>
    atEachCall(tried, "the queue of emails", async (plan) => {
      const { email, body } = await newLogin();
      const calls = new Calls(plan);
      await deliverInTheEnd("postern-mail", body, calls);
      expect(await countTo(email)).toBe(1);
      return calls;
    }));

  it("sends an email once although its message arrives twice, and late", async () => {
    const [first, second] = [await newLogin(), await newLogin()];
    expect(await deliver("postern-mail", [second.body, first.body, second.body], 1)).toBe(true);
    expect(await deliver("postern-mail", [first.body], 2)).toBe(true);
    expect([await countTo(first.email), await countTo(second.email)]).toEqual([1, 1]);
  });
});

/** `test/mail/` tests what each failure of a server means. These tests show that a retry makes the email arrive. */
describe("an email that leaves", () => {
  const through = (transportOf: (calls: Calls, attempts: number) => Transport): Consumer => ({
    consume(batch, calls) {
      const transport = transportOf(calls, batch.messages[0]?.attempts ?? 1);
      const parts = { transport, deadLetters: calls.bindings.MAIL_DEAD_LETTERS };
      return deliverMails(batch, extend(createServices(calls.bindings, config), parts));
    },
  });
  const from = "no-reply@example.com";

  it("through Resend has the same key at each try, and arrives, whichever call fails", () =>
    atEachCall(tried, "emails through Resend", async (plan) => {
      const { body } = await newLogin();
      const keys: (string | null)[] = [];
      const answer = async ({ headers }: Request) => {
        keys.push(headers.get("Idempotency-Key"));
        return Response.json({ id: "1" });
      };
      const calls = new Calls(plan);
      const resend = through(() => createResendTransport("re_secret", from));
      await deliverInTheEnd("postern-mail", body, calls, { ...resend, answer });
      expect(new Set(keys)).toEqual(new Set([body.id]));
      return calls;
    }));

  it("through the binding arrives, whichever call fails, and twice only if the first answer is lost", () =>
    atEachCall(tried, "emails through EMAIL", async (plan) => {
      const { email, body } = await newLogin();
      const sent: unknown[] = [];
      const EMAIL = { send: async ({ to }: { to: unknown }) => void sent.push(to) };
      const calls = new Calls(plan, { ...env, EMAIL });
      const binding = through(({ bindings }) => createCloudflareTransport(bindings.EMAIL as SendEmail, from));
      await deliverInTheEnd("postern-mail", body, calls, binding);
      expect(new Set(sent)).toEqual(new Set([email]));
      const isAnswerLost =
        ["after", "lost"].includes(plan?.fault ?? "") && calls.names[(plan?.at ?? 0) - 1] === "EMAIL.send";
      expect(sent).toHaveLength(isAnswerLost ? 2 : 1);
      return calls;
    }));

  it.each<[Fault, string, number]>([
    ["before", "nobody-listens", 1],
    ["before", "first-refuse-451", 1],
    ["before", "first-hang-up", 1],
    ["before", "first-hang-up-data", 1],
    ["stuck", "first-hang", 1],
    ["after", "first-hang-up-late", 2],
  ])("over SMTP is tried again, and each copy has the same Message-ID: %s, %s", async (fault, behaviour, copies) => {
    const { to: email } = mailTo(behaviour);
    const body = {
      id: newId(),
      requestedAt: Date.now(),
      event: { kind: "account_deleted", email, locale: "en" } as const,
    };
    const smtp = through((_, attempts) => {
      const port = attempts === 1 && behaviour === "nobody-listens" ? 1 : ports.starttls;
      const isHanging = attempts === 1 && fault === "stuck";
      return build({ host: "localhost", port, tls: "starttls", ...account }, isHanging ? impatient : undefined);
    });
    expect(await deliverInTheEnd("postern-mail", body, new Calls(), smtp)).toBe(2);
    const mails = await received(email);
    expect(mails).toHaveLength(copies);
    expect(new Set(mails.map(({ raw }) => /^Message-ID: (.+)$/im.exec(raw)?.[1])).size).toBe(1);
    tried.count("emails over SMTP", fault);
  });
});
