/**
 * Delivery over SMTP on workerd's sockets. Uses only nodemailer's connection class, because the other parts would add
 * 50 KiB to the Worker. Each connection sends one email. Connections can't be pooled, because a socket belongs to the
 * request that opened it.
 */
import { connect, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SMTPConnectionOptions } from "nodemailer/lib/smtp-connection";
import type { Config } from "../../config/config.ts";
import { type Clock, MINUTE, SECOND } from "../../platform/clock.ts";
import { SmtpTimeout, smtpFailure } from "./smtp-failure.ts";
import { domainOf, parseSender, requirePlainAddress, type Sender, type Transport } from "./transport.ts";

/** The server's address, credentials and encryption. */
export type SmtpSettings = Pick<Smtp, "host" | "port" | "tls"> & Partial<Pick<Smtp, "user" | "password">>;
type Smtp = Config["mail"]["smtp"];

/**
 * How long to wait for the server, in milliseconds. RFC 5321 §4.5.3.2 allows up to ten minutes, which suits a relay. A
 * queue consumer has 15 minutes for a batch of ten, so each email gets one minute. If the server accepts an email too
 * late, the next try sends a second copy, which has the same Message-ID.
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
export function createSmtpTransport(
  settings: SmtpSettings,
  from: string,
  clock: Clock,
  timeouts = TIMEOUTS,
): Transport {
  const sender = parseSender(from);
  return {
    async deliver(mail) {
      requirePlainAddress(mail.to);
      // Imported with the first email, so that this module does not slow down the start of the Worker.
      const { writeMessage } = await import("./mime-message.ts");
      const message = writeMessage(mail, sender, clock.now());
      await connected(settings, sender, timeouts, (connection) =>
        step((done) => connection.send({ from: sender.address, to: mail.to }, message, done)),
      );
    },
  };
}

/**
 * Connects, encrypts and logs in, but sends no email.
 *
 * @throws {MailNotDelivered} if one of these steps fails
 */
export async function greetServer(settings: SmtpSettings, from: string): Promise<void> {
  await connected(settings, parseSender(from), TIMEOUTS, async () => {});
}

async function connected(
  settings: SmtpSettings,
  sender: Sender,
  timeouts: typeof TIMEOUTS,
  work: (connection: SMTPConnection) => Promise<void>,
): Promise<void> {
  const { default: SMTPConnection } = await import("nodemailer/lib/smtp-connection");
  const deadline = AbortSignal.timeout(timeouts.delivery);
  let socket: Socket | undefined;
  let connection: SMTPConnection | undefined;
  try {
    socket = await openSocket(settings, timeouts.connection);
    connection = new SMTPConnection(connectionOptions(settings, sender, timeouts, socket));
    await Promise.race([failed(connection, deadline), used(connection, settings, work)]);
  } catch (error) {
    throw smtpFailure(error);
  } finally {
    connection?.close();
    socket?.destroy();
  }
}

/** Rejects when the connection breaks or the time is up, because not every step notices such a failure. */
function failed(connection: SMTPConnection, deadline: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  connection.on("error", reject);
  deadline.addEventListener("abort", () => reject(new SmtpTimeout()));
  return promise;
}

/** Greets the server, encrypts, logs in, and runs `work`. */
async function used(
  connection: SMTPConnection,
  { user, password }: SmtpSettings,
  work: (connection: SMTPConnection) => Promise<void>,
): Promise<void> {
  await step((done) => connection.connect(done));
  // Use configured credentials even if the server does not announce authentication.
  if (user !== undefined) await step((done) => connection.login({ user, pass: password }, done));
  await work(connection);
}

/** One step of a connection, as a promise. */
function step(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  start((error) => (error ? reject(error) : resolve()));
  return promise;
}

/** Opens the socket here and not in nodemailer, so that it can be closed in every case. */
function openSocket({ host, port, tls }: SmtpSettings, timeout: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = tls === "implicit" ? connectSecurely({ host, port }) : connect({ host, port });
  // Never remove this listener: an unhandled error event would crash the consumer.
  socket.on("error", reject);
  socket.once("connect", () => resolve(socket));
  // The socket's own timeout does not help: in workerd, a TLS handshake that hangs ends only when the invocation ends.
  // A destroyed socket emits no event until then, so the timer rejects the promise itself.
  const timer = setTimeout(() => {
    reject(new SmtpTimeout());
    socket.destroy();
  }, timeout);
  return promise.finally(() => clearTimeout(timer));
}

function connectionOptions(
  { host, port, tls }: SmtpSettings,
  sender: Sender,
  timeouts: typeof TIMEOUTS,
  socket: Socket,
): SMTPConnectionOptions {
  return {
    host,
    port,
    connection: socket,
    secure: tls === "implicit",
    secured: tls === "implicit",
    // `starttls` sends no email unencrypted, `implicit` uses TLS from the first byte, `none` is for development.
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
    // The greeting contains the sender's domain, because a Worker has no host name.
    name: domainOf(sender),
    connectionTimeout: timeouts.connection,
    greetingTimeout: timeouts.greeting,
    socketTimeout: timeouts.silence,
    socketCloseTimeout: 0,
  };
}
