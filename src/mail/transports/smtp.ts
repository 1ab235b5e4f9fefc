/**
 * Delivery over SMTP, by nodemailer on the sockets of workerd. One connection carries one mail: a
 * socket belongs to the request that opened it, so there is nothing to pool between two of them.
 */
import { connect, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import type { SMTPTransportOptions } from "nodemailer/lib/smtp-transport";
import { MINUTE, SECOND } from "../../platform/clock.ts";
import type { OutgoingMail } from "../outgoing-mail.ts";
import { parseSender, type Sender } from "./sender.ts";
import { SmtpTimeout, smtpFailure } from "./smtp-failure.ts";
import { requirePlainAddress, type Transport } from "./transport.ts";

/** Where the server is and how it is spoken to. */
export interface SmtpSettings {
  host: string;
  port: number;
  user?: string | undefined;
  password?: string | undefined;
  /** `starttls` never sends in the clear, `implicit` is TLS from the first byte, `none` is for development. */
  tls: "starttls" | "implicit" | "none";
}

/** How long a server may keep the queue's consumer waiting, in milliseconds. */
export interface SmtpTimeouts {
  /** From the first packet to the end of the TLS handshake. */
  connection: number;
  /** Until the server's greeting. */
  greeting: number;
  /** Between two signs of life. */
  silence: number;
  /** For the whole of one delivery, however lively the server is. */
  delivery: number;
}

/**
 * RFC 5321 §4.5.3.2 would wait up to ten minutes, which suits a relay. A consumer has 15 minutes for
 * a batch of ten, so a mail gets one; its Message-ID shows where a late answer led to a second copy.
 */
const TIMEOUTS: SmtpTimeouts = {
  connection: 10 * SECOND,
  greeting: 10 * SECOND,
  silence: 30 * SECOND,
  delivery: MINUTE,
};

/** Builds the transport. `from` is an address, or `Name <address>`. */
export function createSmtpTransport(settings: SmtpSettings, from: string, timeouts = TIMEOUTS): Transport {
  const sender = parseSender(from);
  return {
    async deliver(mail) {
      requirePlainAddress(mail.to);
      // Loaded by the first mail, so that it costs the start-up of the Worker nothing.
      const { createTransport } = await import("nodemailer");
      const signal = AbortSignal.timeout(timeouts.delivery);
      let socket: Socket | undefined;
      try {
        socket = await openSocket(settings, timeouts.connection);
        const transporter = createTransport(connectionOptions(settings, sender, timeouts, socket));
        await transporter.sendMail({ ...message(mail, sender), signal });
      } catch (error) {
        throw smtpFailure(error);
      } finally {
        socket?.destroy();
      }
    },
  };
}

/** Opens the connection here, because only what is opened here can be closed whatever happens next. */
function openSocket({ host, port, tls }: SmtpSettings, timeout: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = tls === "implicit" ? connectSecurely({ host, port }) : connect({ host, port });
  // The listener stays: an error that nobody listens for would bring the consumer down.
  socket.on("error", reject);
  socket.once("connect", () => resolve(socket));
  // Not the socket's own timeout: workerd ends a TLS handshake that hangs only with the invocation,
  // and a socket that is destroyed meanwhile says nothing until then.
  const timer = setTimeout(() => {
    reject(new SmtpTimeout());
    socket.destroy();
  }, timeout);
  return promise.finally(() => clearTimeout(timer));
}

function connectionOptions(
  { host, port, user, password, tls }: SmtpSettings,
  sender: Sender,
  timeouts: SmtpTimeouts,
  socket: Socket,
): SMTPTransportOptions {
  return {
    host,
    port,
    // Left to itself, nodemailer looks names up over HTTPS; here the runtime does it in connect().
    getSocket: (_options, callback) => callback(null, { connection: socket }),
    secure: tls === "implicit",
    secured: tls === "implicit",
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
    // Configured credentials are used, whether or not the server says that it wants any.
    ...(user === undefined ? {} : { auth: { user, pass: password }, forceAuth: true }),
    // The greeting to the server names the sender's domain; a Worker has no host name of its own.
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
    // As an object, it is taken as one address and not searched for more of them.
    to: { name: "", address: to },
    subject,
    text,
    html,
    // The same at every attempt (RFC 5322 §3.6.4), so that mail systems can tell a second copy.
    messageId: `<${id}@${domainOf(sender)}>`,
  };
}

function domainOf(sender: Sender): string {
  return sender.address.slice(sender.address.lastIndexOf("@") + 1);
}
