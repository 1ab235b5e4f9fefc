/** Sends any bytes over one connection, and reads the HTTP/1.1 answers to them. */
import { connect } from "node:net";

export interface RawAnswer {
  status: number;
  headers: Map<string, string>;
  body: string;
}

export interface Exchange {
  answers: RawAnswer[];
  /** The bytes after the last complete answer. */
  rest: string;
}

/**
 * After how many milliseconds of silence the exchange ends: `SILENCE` while answers are missing, because the machine
 * may be busy, and `LINGER` once the expected answers have come.
 */
const SILENCE = 10_000;
const LINGER = 200;

/**
 * Writes the pieces with pauses in between, and reads until the server closes the connection or falls silent. By then
 * the server may have sent more answers than expected. After the last piece, `end` can close our half of the
 * connection, or break the connection off.
 */
export function exchange(
  origin: string,
  pieces: readonly (string | Uint8Array)[],
  { expected = 1, end = "wait" }: { expected?: number; end?: "wait" | "close" | "break" } = {},
): Promise<Exchange> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let received = "";
    const done = () => {
      socket.destroy();
      resolve(parseAnswers(received));
    };
    // The server may break the connection off. What it sent before still counts.
    socket.on("error", done).on("close", done).setTimeout(SILENCE, done);
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      received += chunk;
      if (parseAnswers(received).answers.length >= expected) socket.setTimeout(LINGER);
    });
    socket.on("connect", async () => {
      for (const [index, piece] of pieces.entries()) {
        if (index > 0) await new Promise((later) => setTimeout(later, 50));
        if (!socket.destroyed) socket.write(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
      }
      if (end === "close") socket.end();
      if (end === "break") setTimeout(() => socket.resetAndDestroy(), 50);
    });
  });
}

/** Reads complete answers, one after another (RFC 9112 §6). Each character of the text is one byte. */
function parseAnswers(text: string): Exchange {
  const answers: RawAnswer[] = [];
  let rest = text;
  for (;;) {
    const head = /^HTTP\/1\.[01] (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(rest);
    if (head === null) return { answers, rest };
    const status = Number(head[1]);
    const lines = (head[2] ?? "").split("\r\n").filter((line) => line !== "");
    const headers = new Map(
      lines.map((line): [string, string] => {
        const [name = "", ...value] = line.split(":");
        return [name.toLowerCase(), value.join(":").trim()];
      }),
    );
    const body = readBody(rest.slice(head[0].length), status, headers);
    if (body === undefined) return { answers, rest };
    answers.push({ status, headers, body: body.text });
    rest = rest.slice(head[0].length + body.length);
  }
}

function readBody(text: string, status: number, headers: Map<string, string>) {
  if (status < 200 || status === 204 || status === 304) return { text: "", length: 0 };
  if (headers.get("transfer-encoding") === "chunked") return readChunks(text);
  const length = Number(headers.get("content-length") ?? text.length);
  return text.length < length ? undefined : { text: text.slice(0, length), length };
}

function readChunks(text: string): { text: string; length: number } | undefined {
  let at = 0;
  let whole = "";
  for (;;) {
    const size = /^([0-9a-f]+)\r\n/i.exec(text.slice(at));
    if (size === null) return undefined;
    const length = Number.parseInt(size[1] ?? "", 16);
    const from = at + size[0].length;
    if (text.length < from + length + 2) return undefined;
    whole += text.slice(from, from + length);
    at = from + length + 2;
    if (length === 0) return { text: whole, length: at };
  }
}
