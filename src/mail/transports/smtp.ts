/**
 * Delivery over SMTP, with nodemailer on workerd's sockets. Each connection sends one email: a socket belongs to the
 * request that opened it, so connections can't be pooled.
 */
import { connect, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import type { Transporter } from "nodemailer";
import type { SMTPTransportOptions } from "nodemailer/lib/smtp-transport";
import type { Config } from "../../config/config.ts";
import { MINUTE, SECOND } from "../../platform/clock.ts";
import { SmtpTimeout, smtpFailure } from "./smtp-failure.ts";
import {
  HEADERS,
  type OutgoingMail,
  parseSender,
  requirePlainAddress,
  type Sender,
  type Transport,
} from "./transport.ts";

/** The server's address, credentials and encryption. */
export type SmtpSettings = Pick<Smtp, "host" | "port" | "tls"> & Partial<Pick<Smtp, "user" | "password">>;
type Smtp = Config["mail"]["smtp"];

/**
 * How long to wait for the server, in milliseconds. RFC 5321 §4.5.3.2 allows up to ten minutes, which suits a relay. A
 * queue consumer has 15 minutes for a batch of ten, so each email gets one minute. If a late reply causes a second copy,
 * it has the same Message-ID.
 */
const TIMEOUTS = {
  /** From the first packet to the end of the TLS handshake. */
  connection: 10 * SECOND,
  /** Until the server's greeting. */
  greeting: 10 * SECOND,
  /** Between two responses. */
  silence: 30 * SECOND,
  /** For one whole delivery, even if the server keeps responding. */
  delivery: MINUTE,
};

/** Creates the transport. `from` is an address or `Name <address>`. */
export function createSmtpTransport(settings: SmtpSettings, from: string, timeouts = TIMEOUTS): Transport {
  const sender = parseSender(from);
  return {
    async deliver(mail) {
      requirePlainAddress(mail.to);
      const signal = AbortSignal.timeout(timeouts.delivery);
      await connected(settings, sender, timeouts, (transporter) =>
        transporter.sendMail({ ...message(mail, sender), signal }),
      );
    },
  };
}

/**
 * Connects, encrypts and logs in as for an email, and sends none.
 *
 * @throws {MailNotDelivered} if the server does not accept it
 */
export async function greetServer(settings: SmtpSettings, from: string): Promise<void> {
  await connected(settings, parseSender(from), TIMEOUTS, (transporter) => transporter.verify());
}

async function connected(
  settings: SmtpSettings,
  sender: Sender,
  timeouts: typeof TIMEOUTS,
  work: (transporter: Transporter) => Promise<unknown>,
): Promise<void> {
  // Imported with the first email, so that it does not slow down the start of the Worker.
  const { createTransport } = await import("nodemailer");
  let socket: Socket | undefined;
  try {
    socket = await openSocket(settings, timeouts.connection);
    await work(createTransport(connectionOptions(settings, sender, timeouts, socket)));
  } catch (error) {
    throw smtpFailure(error);
  } finally {
    socket?.destroy();
  }
}

/** Opens the socket here and not in nodemailer, so that it can be closed in every case. */
function openSocket({ host, port, tls }: SmtpSettings, timeout: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = tls === "implicit" ? connectSecurely({ host, port }) : connect({ host, port });
  // The listener stays attached: an unhandled error event would crash the consumer.
  socket.on("error", reject);
  socket.once("connect", () => resolve(socket));
  // The socket's own timeout does not help. workerd only ends a hanging TLS handshake with the invocation, and a
  // destroyed socket emits nothing until then.
  const timer = setTimeout(() => {
    reject(new SmtpTimeout());
    socket.destroy();
  }, timeout);
  return promise.finally(() => clearTimeout(timer));
}

function connectionOptions(
  { host, port, user, password, tls }: SmtpSettings,
  sender: Sender,
  timeouts: typeof TIMEOUTS,
  socket: Socket,
): SMTPTransportOptions {
  return {
    host,
    port,
    // By default nodemailer resolves names over HTTPS. The runtime already does that in connect().
    getSocket: (_options, callback) => callback(null, { connection: socket }),
    secure: tls === "implicit",
    secured: tls === "implicit",
    // `starttls` never sends unencrypted, `implicit` uses TLS from the first byte, `none` is for development.
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
    // Use configured credentials even if the server does not announce authentication.
    ...(user === undefined ? {} : { auth: { user, pass: password }, forceAuth: true }),
    // The greeting contains the sender's domain, because a Worker has no host name.
    name: domainOf(sender),
    connectionTimeout: timeouts.connection,
    greetingTimeout: timeouts.greeting,
    socketTimeout: timeouts.silence,
    socketCloseTimeout: 0,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function message({ id, to, subject, text, html }: OutgoingMail, sender: Sender) {
  return {
    from: sender,
    // An object is one address. A string would be parsed for several.
    to: { name: "", address: to },
    subject,
    text,
    html,
    headers: HEADERS,
    // Identical on every attempt (RFC 5322 §3.6.4), so that mail systems can detect duplicates.
    messageId: `<${id}@${domainOf(sender)}>`,
  };
}

function domainOf(sender: Sender): string {
  return sender.address.slice(sender.address.lastIndexOf("@") + 1);
}
