import { describe, expect, it } from "vitest";
import { smtpFailure } from "../../../src/mail/transports/smtp-failure.ts";
import { MailNotDelivered } from "../../../src/mail/transports/transport.ts";
import { account, build, expectFailure, impatient, mailbox, mailTo, ports, received, transport } from "./smtp.ts";

/** Expects no more connections than these. Other files have some of their own for a while. */
const expectConnections = (most: number) =>
  expect.poll(async () => (await mailbox("")).connections, { timeout: 20_000 }).toBeLessThanOrEqual(most);

describe("A server that does not take the mail", () => {
  it.each([
    ["refuse-450", "smtp_rejected_450"],
    ["refuse-550", "smtp_rejected_550"],
    ["refuse-data-452", "smtp_rejected_452"],
    ["refuse-data-554", "smtp_rejected_554"],
    ["hang-up", "smtp_connection"],
    ["hang-up-data", "smtp_connection"],
    ["hang", "smtp_timeout"],
  ])("fails the delivery and loses its connection: %s", async (behaviour, reason) => {
    const before = (await mailbox("")).connections;
    const mail = mailTo(behaviour);
    const settings = { host: "localhost", port: ports.plain, tls: "none" } as const;
    await expectFailure(build(settings, behaviour === "hang" ? impatient : undefined).deliver(mail), reason);
    expect(await received(mail.to)).toEqual([]);
    await expectConnections(before);
  });

  it.each([
    ["silent", "smtp_timeout"],
    ["endless", "smtp_timeout"],
    ["rude", "smtp_rejected_421"],
  ] as const)("does not keep the consumer: %s", async (server, reason) => {
    const before = (await mailbox("")).connections;
    const settings = { host: "localhost", port: ports[server], tls: "none" } as const;
    await expectFailure(build(settings, impatient).deliver(mailTo(server)), reason);
    await expectConnections(before);
  });

  it.each(["first-hang-up", "first-refuse-451", "first-hang-up-data"])(
    "gets it once it behaves again: %s",
    async (behaviour) => {
      const mail = mailTo(behaviour);
      const sending = transport("starttls", "starttls", account);
      await expect(sending.deliver(mail)).rejects.toThrow(MailNotDelivered);
      await sending.deliver(mail);
      expect(await received(mail.to)).toHaveLength(1);
    },
  );

  it("fails the delivery if no server listens", async () => {
    await expectFailure(
      build({ host: "localhost", port: 1, tls: "none" }).deliver(mailTo("nobody")),
      "smtp_connection",
    );
  });

  it("fails the delivery where it refuses the password, and where it knows no passwords", async () => {
    const wrong = { user: "postern", password: "battery staple" };
    await expectFailure(transport("starttls", "starttls", wrong).deliver(mailTo("password")), "smtp_auth");
    await expectFailure(transport("starttls", "none", account).deliver(mailTo("password")), "smtp_auth");
  });

  it("is described by a reason alone, never by the text of the error", () => {
    const broken = Object.assign(new Error("ada@example.com"), { code: "ETLS" });
    expect(smtpFailure(broken).message).toBe("smtp_tls_failed");
    expect(smtpFailure("ada@example.com").message).toBe("smtp_connection");
  });
});
