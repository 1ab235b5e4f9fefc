/**
 * Real SMTP servers on the loopback interface while the tests run. They run in Node. Tests in workerd get their ports
 * from `inject("smtp")`, and the received emails from the mailbox, over HTTP.
 *
 * The local part of a recipient selects the server's behavior: `refuse-550` and `refuse-data-452` answer with that
 * code, `hang-up` and `hang-up-data` close the connection, `hang-up-late` closes it after the server has the email, and
 * `hang` never answers. With the prefix `first-`, the server behaves that way once and accepts the email the next time.
 */
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { TestProject } from "vitest/node";
import { type Certificate, createCertificate } from "../mail/transports/certificate.ts";

/** An email as a server received it. */
export interface ReceivedMail {
  from: string;
  to: string[];
  raw: string;
  /** The client's name in its greeting. */
  greeting: string;
  /** Whether the email came over TLS. */
  secure: boolean;
  /** The user that had logged in to the server. */
  user?: string | undefined;
}

/** The response of `http://127.0.0.1:<mailbox>/?to=<address>`. */
export interface Mailbox {
  mails: ReceivedMail[];
  /** The number of open connections to the servers. */
  connections: number;
}

declare module "vitest" {
  interface ProvidedContext {
    /** Ports on 127.0.0.1. */
    smtp: Record<(typeof SERVERS)[number], number>;
    /** The certificate for `localhost` that workerd trusts in the tests (vitest.config.ts). */
    smtpCertificate: Certificate;
  }
}

const SERVERS = ["starttls", "implicit", "plain", "untrusted", "silent", "mute", "endless", "rude", "mailbox"] as const;

/** Starts the servers before the tests and stops them afterwards. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const trusted = project.getProvidedContext().smtpCertificate ?? (await createCertificate());
  const inbox: ReceivedMail[] = [];
  const mailServers = [
    smtpServer(inbox, trusted),
    smtpServer(inbox, { ...trusted, secure: true }),
    smtpServer(inbox, { disabledCommands: ["STARTTLS"], authOptional: true, allowInsecureAuth: true }),
    smtpServer(inbox, await createCertificate()),
  ];
  const sockets = new Set<Socket>();
  const rawServers = [
    rawServer(sockets, (socket) => socket.once("end", () => socket.end())),
    rawServer(sockets, (socket) => {
      const replies = ["250 STARTTLS\r\n", "220 go on\r\n"];
      socket.write("220 here I am\r\n");
      socket.on("data", () => socket.write(replies.shift() ?? ""));
    }),
    rawServer(sockets, (socket) => {
      socket.write("220 here I am\r\n");
      const talk = setInterval(() => socket.write("250-and another thing\r\n"), 20);
      socket.once("close", () => clearInterval(talk));
    }),
    rawServer(sockets, (socket) => socket.end("421 nobody here likes you\r\n")),
  ];
  const mailbox = createHttpServer((request, response) => {
    const to = new URL(request.url ?? "", "http://localhost").searchParams.get("to") ?? "";
    const connections = mailServers.reduce((sum, server) => sum + server.connections.size, sockets.size);
    response.end(
      JSON.stringify({ mails: inbox.filter((mail) => mail.to.includes(to)), connections } satisfies Mailbox),
    );
  });

  const listeners = [...mailServers.map(({ server }) => server), ...rawServers, mailbox];
  const ports = await Promise.all(listeners.map(listen));
  const [starttls = 0, implicit = 0, plain = 0, untrusted = 0, silent = 0, mute = 0, endless = 0, rude = 0, http = 0] =
    ports;
  project.provide("smtp", { starttls, implicit, plain, untrusted, silent, mute, endless, rude, mailbox: http });

  return async () => {
    for (const socket of sockets) socket.destroy();
    mailbox.closeAllConnections();
    const closing = [...mailServers, ...rawServers, mailbox];
    await Promise.all(closing.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  };
}

function smtpServer(inbox: ReceivedMail[], options: SMTPServerOptions): SMTPServer {
  const failedOnce = new Set<string>();
  const behaviours = new Map<string, string>();
  const server = new SMTPServer({
    closeTimeout: 100,
    ...options,
    onAuth({ username, password }, _session, callback) {
      if (password === "correct horse") callback(null, { user: username });
      else callback(refusal(535, `${username} has another password than ${password}`));
    },
    onRcptTo({ address }, { id }, callback) {
      let behaviour = address.replace(/[.@].*$/, "");
      if (behaviour.startsWith("first-")) {
        behaviour = failedOnce.has(address) ? "take" : behaviour.replace("first-", "");
        failedOnce.add(address);
      }
      behaviours.set(id, behaviour);
      if (behaviour === "hang-up") hangUp(server, id);
      else if (/^refuse-\d/.test(behaviour))
        callback(refusal(Number(behaviour.slice(-3)), `${address} is not welcome`));
      else if (behaviour !== "hang") callback(null);
    },
    async onData(stream, session, callback) {
      const behaviour = behaviours.get(session.id) ?? "";
      if (behaviour === "hang-up-data") return hangUp(server, session.id);
      const raw = await text(stream);
      if (behaviour.startsWith("refuse-data"))
        return callback(refusal(Number(behaviour.slice(-3)), `not this: ${raw}`));
      const { mailFrom, rcptTo } = session.envelope;
      const from = mailFrom === false ? "" : mailFrom.address;
      const { hostNameAppearsAs: greeting, secure, user } = session;
      inbox.push({ from, to: rcptTo.map(({ address }) => address), raw, greeting, secure, user });
      if (behaviour === "hang-up-late") return hangUp(server, session.id);
      callback(null);
    },
  });
  // Refused handshakes and broken connections are part of the tests.
  server.on("error", () => {});
  return server;
}

function hangUp(server: SMTPServer, id: string): void {
  for (const connection of server.connections) if (connection.id === id) connection.close();
}

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

function rawServer(sockets: Set<Socket>, greet: (socket: Socket) => void): Server {
  // Half-open: the server can still send after the client has ended its side.
  return createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.resume();
    greet(socket);
  });
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(portOf(server.address())));
  });
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}
