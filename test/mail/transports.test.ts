import { afterEach, describe, expect, it, vi } from "vitest";
import { createCloudflareTransport } from "../../src/mail/transports/cloudflare.ts";
import { createResendTransport } from "../../src/mail/transports/resend.ts";
import { MailNotDelivered, type Transport } from "../../src/mail/transports/transport.ts";

const FROM = "Postern <no-reply@example.com>";
const mail = {
  id: "0192f7a4-7c4e-7d8e-9f5a-3c1b2a4d5e6f",
  to: "ada@example.com",
  subject: "Hello",
  text: "https://app.example.com/verify#token",
  html: "<p>Hello</p>",
};

afterEach(() => vi.restoreAllMocks());

describe("Resend", () => {
  const transport = createResendTransport("re_secret", FROM);

  it("gets each mail as one request with its id as idempotency key and a user agent", async () => {
    const requests: Request[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      requests.push(new Request(input, init));
      return Response.json({ id: "49a3999c" });
    });
    await transport.deliver(mail);

    const [request] = requests;
    expect(requests).toHaveLength(1);
    expect(request?.method).toBe("POST");
    expect(request?.url).toBe("https://api.resend.com/emails");
    expect(Object.fromEntries(request?.headers ?? [])).toEqual({
      authorization: "Bearer re_secret",
      "content-type": "application/json",
      "idempotency-key": mail.id,
      "user-agent": "postern",
    });
    expect(request?.redirect).toBe("manual");
    const { subject, text, html } = mail;
    const headers = { "Auto-Submitted": "auto-generated" };
    expect(await request?.json()).toEqual({ from: FROM, to: [mail.to], subject, text, html, headers });
  });

  it.each([
    ["no-reply@example.com", "no-reply@example.com"],
    ["Acme <no-reply@example.com>", "Acme <no-reply@example.com>"],
    ["Acme, Inc. <no-reply@example.com>", '"Acme, Inc." <no-reply@example.com>'],
    ['"Acme, Inc." <no-reply@example.com>', '"Acme, Inc." <no-reply@example.com>'],
    ['The "Best" Acme <no-reply@example.com>', '"The \\"Best\\" Acme" <no-reply@example.com>'],
    ['"The \\"Best\\" Acme" <no-reply@example.com>', '"The \\"Best\\" Acme" <no-reply@example.com>'],
    ["Acme \\ Sons <no-reply@example.com>", '"Acme \\\\ Sons" <no-reply@example.com>'],
    ["Acme (Support) <no-reply@example.com>", '"Acme (Support)" <no-reply@example.com>'],
    ["Acme: mail@work; <no-reply@example.com>", '"Acme: mail@work;" <no-reply@example.com>'],
    ["Müller & Söhne, GmbH <no-reply@example.com>", '"Müller & Söhne, GmbH" <no-reply@example.com>'],
  ])("gets the sender %s with the name quoted if it has to be", async (from, sent) => {
    const bodies: unknown[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      bodies.push(await new Request(input, init).json());
      return Response.json({ id: "49a3999c" });
    });
    await createResendTransport("re_secret", from).deliver(mail);
    expect(bodies).toMatchObject([{ from: sent }]);
  });

  it.each([302, 403, 409, 422, 429, 500])(
    "fails the delivery with its status and none of its text: %i",
    async (status) => {
      vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(`not to ${mail.to}`, { status }));
      await expectFailure(transport, `resend_${status}`);
    },
  );

  it.each([
    [302, "", undefined],
    [400, "", "email"],
    [401, "", undefined],
    [403, "", undefined],
    [404, "", "email"],
    [408, "", undefined],
    [409, "", undefined],
    [413, "", "email"],
    [422, '{"message":"Invalid `from` field."}', "email"],
    [422, '{"message":"Invalid `to` field."}', "address"],
    [425, "", undefined],
    [429, "", undefined],
    [451, "", "email"],
    [500, "Invalid `to` field.", undefined],
  ])("tells what it refuses for good from what another try can change: %i %s", async (status, body, refused) => {
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(body, { status }));
    await expectFailure(transport, `resend_${status}`, { refused });
  });

  it("refuses the email where its answer breaks off", async () => {
    const broken = () => new ReadableStream({ start: (controller) => controller.error(new Error(mail.to)) });
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(broken(), { status: 422 }));
    await expectFailure(transport, "resend_422", { refused: "email" });
  });

  it("fails the delivery where an answer has no body", async () => {
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(null, { status: 503 }));
    await expectFailure(transport, "resend_503");
  });

  it("fails the delivery where it cannot be reached, without the network's words", async () => {
    vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError(`no route for ${mail.to}`));
    await expectFailure(transport, "resend_unreachable");
  });

  it("is not waited for without end", async () => {
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
    vi.spyOn(globalThis, "fetch").mockImplementation(async (_input, init) => {
      init?.signal?.throwIfAborted();
      return new Response();
    });
    await expectFailure(transport, "resend_unreachable");
    expect(timeout).toHaveBeenCalledExactlyOnceWith(15_000);
  });

  it("gets no mail whose address is not one plain address", async () => {
    const fetched = vi.spyOn(globalThis, "fetch");
    await expectFailure(transport, "mail_address", { to: "ada@example.com, eve@example.com", refused: "address" });
    expect(fetched).not.toHaveBeenCalled();
  });
});

describe("The send_email binding", () => {
  it("gets each mail once, with the sender's name apart from the address", async () => {
    const { binding, sent } = recordingBinding();
    await createCloudflareTransport(binding, FROM).deliver(mail);
    const { to, subject, text, html } = mail;
    const from = { name: "Postern", email: "no-reply@example.com" };
    const headers = { "Auto-Submitted": "auto-generated" };
    expect(sent).toEqual([{ from, to, subject, text, html, headers }]);
  });

  it("gets a name without the quotation marks around it", async () => {
    const { binding, sent } = recordingBinding();
    await createCloudflareTransport(binding, '"Acme, \\"Inc.\\"" <no-reply@example.com>').deliver(mail);
    expect(sent).toMatchObject([{ from: { name: 'Acme, "Inc."', email: "no-reply@example.com" } }]);
  });

  it("gets a bare address where the configuration gives no name", async () => {
    const { binding, sent } = recordingBinding();
    await createCloudflareTransport(binding, "no-reply@example.com").deliver(mail);
    expect(sent).toMatchObject([{ from: "no-reply@example.com" }]);
  });

  it.each([
    [Object.assign(new Error(mail.to), { code: "E_RATE_LIMIT_EXCEEDED" }), "cloudflare_rate_limit_exceeded"],
    [Object.assign(new Error(mail.to), { code: `E_${mail.to}` }), "cloudflare_failed"],
    [new Error(mail.to), "cloudflare_failed"],
    [mail.to, "cloudflare_failed"],
  ])("fails the delivery with its code and none of its text", async (failure, reason) => {
    const { binding } = recordingBinding(failure);
    await expectFailure(createCloudflareTransport(binding, FROM), reason);
  });

  it.each([
    ["E_RECIPIENT_SUPPRESSED", "address"],
    ["E_DELIVERY_FAILED", "email"],
    ["E_VALIDATION_ERROR", "email"],
    ["E_CONTENT_TOO_LARGE", "email"],
    ["E_SENDER_NOT_VERIFIED", undefined],
    ["E_SENDER_DOMAIN_NOT_AVAILABLE", undefined],
    ["E_RECIPIENT_NOT_ALLOWED", undefined],
    ["E_RATE_LIMIT_EXCEEDED", undefined],
    ["E_DAILY_LIMIT_EXCEEDED", undefined],
    ["E_INTERNAL_SERVER_ERROR", undefined],
    ["E_OF_A_LATER_YEAR", undefined],
  ])("tells what it refuses for good from what another try can change: %s", async (code, refused) => {
    const { binding } = recordingBinding(Object.assign(new Error(mail.to), { code }));
    const reason = code.replace("E_", "cloudflare_").toLowerCase();
    await expectFailure(createCloudflareTransport(binding, FROM), reason, { refused });
  });

  it("gets no mail whose address is not one plain address", async () => {
    const { binding, sent } = recordingBinding();
    await expectFailure(createCloudflareTransport(binding, FROM), "mail_address", {
      to: "ada@example.com\r\nBcc: eve@example.com",
      refused: "address",
    });
    expect(sent).toEqual([]);
  });
});

function recordingBinding(failure?: unknown) {
  const sent: unknown[] = [];
  const binding: SendEmail = {
    async send(message: unknown) {
      if (failure !== undefined) throw failure;
      sent.push(message);
      return { messageId: "0192" };
    },
  };
  return { binding, sent };
}

/** Expects that the delivery fails, and that the error contains the reason and nothing else. */
async function expectFailure(
  transport: Transport,
  reason: string,
  { to = mail.to, ...more }: { to?: string; refused?: string | undefined } = {},
): Promise<void> {
  const error = await transport.deliver({ ...mail, to }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MailNotDelivered);
  expect(error).toMatchObject({ message: reason, reason, ...more });
  expect(error).not.toHaveProperty("cause");
}
