import { describe, expect, it } from "vitest";
import { smtpFailure } from "../../../src/mail/transports/smtp-failure.ts";
import { MailNotDelivered } from "../../../src/mail/transports/transport.ts";
import { account, build, expectFailure, impatient, mailbox, mailTo, ports, received, transport } from "./smtp.ts";

/** Expects that there are soon at most this many connections. Other test files have some for a while. */
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

  it.each([
    ["RCPT TO", "550 no such user", "address"],
    ["RCPT TO", "550 5.1.1 no such user", "address"],
    ["RCPT TO", "550-5.1.1 The account\r\n550 5.1.1 does not exist", "address"],
    ["RCPT TO", "551 5.1.6 moved", "address"],
    ["RCPT TO", "553 5.1.3 no address", "address"],
    ["RCPT TO", "556 5.1.10 the domain accepts no mail", "address"],
    ["RCPT TO", "556 the domain accepts no mail", "address"],
    ["RCPT TO", "550 #5.1.0 Address rejected.", "address"],
    ["RCPT TO", "550-Not delivered\r\n550 5.1.1 no such user", "address"],
    ["RCPT TO", "550 5.2.1 disabled", "address"],
    ["RCPT TO", "550 5.4.1 Recipient address rejected: Access denied", "address"],
    ["RCPT TO", "552 5.2.2 mailbox full", "email"],
    ["RCPT TO", "553 5.1.8 bad sender", "email"],
    ["RCPT TO", "554 5.7.1 Relay access denied", "email"],
    ["RCPT TO", "550 5.7.1 Client host blocked", "email"],
    ["RCPT TO", "550 5.4.5 daily quota exceeded", "email"],
    ["RCPT TO", "552 mailbox full", "email"],
    ["RCPT TO", "554 Client host blocked using a block list", "email"],
    ["RCPT TO", "503 RCPT before MAIL", "email"],
    ["RCPT TO", "550 #5.7.1 Your access to this mail system has been rejected", "email"],
    ["RCPT TO", "550-Requested action not taken\r\n550-5.7.1 blocked\r\n550 5.7.1 see our page", "email"],
    ["MAIL FROM", "550 5.1.0 sender rejected", "email"],
    ["MAIL FROM", "553 5.1.2 the sender's domain does not exist", "email"],
    ["MAIL FROM", "550 5.1.1 no such sender", "email"],
    ["MAIL FROM", "550 sender refused", "email"],
    ["MAIL FROM", "552 5.3.4 too large", "email"],
    ["DATA", "554 refused", "email"],
    ["DATA", "550 5.7.1 looks like spam", "email"],
    ["DATA", "550 5.1.1 no such user", "address"],
    ["RCPT TO", "450 4.2.1 later", undefined],
    ["RCPT TO", "452 4.2.2 mailbox full", undefined],
    ["DATA", "451 later", undefined],
    ["MAIL FROM", "530 5.7.0 Authentication required", undefined],
    ["AUTH PLAIN", "535 5.7.8 wrong password", undefined],
    ["CONN", "554 no service here", undefined],
    ["EHLO", "550 go away", undefined],
    ["STARTTLS", "554 no", undefined],
  ])("refuses for good what its reply to %s says: %s", (command, response, refused) => {
    const error = Object.assign(new Error(response), {
      command,
      response,
      responseCode: Number.parseInt(response, 10),
    });
    expect(smtpFailure(error).refused).toBe(refused);
  });

  it("refuses an address in RCPT and a text in DATA, and an unreachable one refuses neither", async () => {
    const refusedBy = async (behaviour: string) => {
      const error = await transport("plain", "none")
        .deliver(mailTo(behaviour))
        .catch((thrown: unknown) => thrown);
      return error instanceof MailNotDelivered ? error.refused : "delivered";
    };
    expect(await refusedBy("refuse-550")).toBe("address");
    expect(await refusedBy("refuse-data-554")).toBe("email");
    for (const passing of ["refuse-450", "refuse-data-452", "hang-up"])
      expect(await refusedBy(passing)).toBeUndefined();
  });

  it("is described by a reason alone, never by the text of the error", () => {
    const broken = Object.assign(new Error("ada@example.com"), { code: "ETLS" });
    expect(smtpFailure(broken).message).toBe("smtp_tls_failed");
    expect(smtpFailure("ada@example.com").message).toBe("smtp_connection");
  });
});
