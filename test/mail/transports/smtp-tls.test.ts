import process from "node:process";
import { describe, expect, it } from "vitest";
import { account, build, expectFailure, impatient, mailTo, ports, received, transport } from "./smtp.ts";

describe("SMTP over TLS", () => {
  it("starttls sends over a connection that was encrypted first, logged in", async () => {
    const mail = mailTo("starttls");
    await transport("starttls", "starttls", account).deliver(mail);
    expect(await received(mail.to)).toMatchObject([{ secure: true, user: "postern", from: "no-reply@example.com" }]);
  });

  it("implicit sends over a connection that is encrypted from the first byte", async () => {
    const mail = mailTo("implicit");
    await transport("implicit", "implicit", account).deliver(mail);
    expect(await received(mail.to)).toMatchObject([{ secure: true, user: "postern" }]);
  });

  it("starttls sends nothing to a server that cannot encrypt", async () => {
    const mail = mailTo("in-the-clear");
    await expectFailure(transport("plain", "starttls", account).deliver(mail), "smtp_tls_required");
    expect(await received(mail.to)).toEqual([]);
  });

  it("starttls refuses a trusted certificate that names another host", async () => {
    const mail = mailTo("other-host");
    const settings = { host: "127.0.0.1", port: ports.starttls, tls: "starttls", ...account } as const;
    await expectStrayRejection(() => expectFailure(build(settings).deliver(mail), "smtp_connection"));
    expect(await received(mail.to)).toEqual([]);
  });

  it("implicit refuses a trusted certificate that names another host", async () => {
    const mail = mailTo("other-host");
    const settings = { host: "127.0.0.1", port: ports.implicit, tls: "implicit", ...account } as const;
    await expectFailure(build(settings).deliver(mail), "smtp_connection");
    expect(await received(mail.to)).toEqual([]);
  });

  it("starttls refuses an untrusted certificate", async () => {
    const mail = mailTo("untrusted");
    const sending = transport("untrusted", "starttls", account);
    await expectStrayRejection(() => expectFailure(sending.deliver(mail), "smtp_connection"));
    expect(await received(mail.to)).toEqual([]);
  });

  it("implicit fails at a server that does not speak TLS", async () => {
    await expectFailure(transport("plain", "implicit", account).deliver(mailTo("no-tls")), "smtp_connection");
  });

  it.each([
    ["implicit", "silent"],
    ["starttls", "mute"],
  ] as const)("%s gives up on a handshake that does not get ahead", async (tls, server) => {
    const settings = { host: "localhost", port: ports[server], tls };
    await expectFailure(build(settings, impatient).deliver(mailTo("handshake")), "smtp_timeout");
  });
});

/**
 * workerd's TLSSocket closes its handle without a catch (`_destroySSL`), so a failed handshake leaves a rejection that
 * no code can handle. Only the runtime's own error may be rejected in this way.
 */
async function expectStrayRejection(run: () => Promise<void>): Promise<void> {
  const stray: string[] = [];
  const listener = (reason: unknown) => stray.push(String(reason));
  process.on("unhandledRejection", listener);
  try {
    await run();
    await expect.poll(() => stray).toEqual([expect.stringMatching(/^Error: internal error; reference = \w+$/)]);
  } finally {
    process.off("unhandledRejection", listener);
  }
}
