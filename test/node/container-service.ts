/** Runs the service as its container does: by the scripts of the image, on plain workerd. Needs no Docker. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, linkSync, mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { inject } from "vitest";
import { buildContainer } from "../../src/build/container.ts";
import type { Mailbox } from "../support/smtp-server.ts";
import { freePort } from "./loopback.ts";
import { plainEnvironment } from "./run-program.ts";

export const AUTH_SECRET = "q7Zc1WmP0xVt5LrNf8Yd3KbHs6JgUe2A";
export const PUBLIC_URL = "https://auth.example.com";

type Variables = Record<string, string>;

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  json: Record<string, unknown>;
}

export interface Running {
  child: ChildProcess;
  port: number;
  output(): string;
  ended: Promise<number | null>;
}

/** Whether the scripts can run here. Debian has these programs in `sqlite3` and `util-linux`. */
export const hasPrograms = ["sqlite3", "flock"].every((name) => {
  try {
    return execFileSync("sh", ["-c", `command -v ${name}`]).length > 0;
  } catch {
    return false;
  }
});

/** Builds the contents of the image into a temporary folder, in which tests can also put volumes. */
export async function makeContainer() {
  const root = mkdtempSync(join(tmpdir(), "postern container-"));
  const image = join(root, "image");
  await buildContainer(image);
  const running = new Set<Running>();

  const environment = (data: string, port: number, more: Variables): NodeJS.ProcessEnv => ({
    ...plainEnvironment(),
    DATA_DIRECTORY: data,
    ADDRESS: "127.0.0.1",
    PORT: String(port),
    AUTH_SECRET,
    PUBLIC_URL,
    TRUSTED_PROXY: "127.0.0.1",
    MAIL_TRANSPORT: "smtp",
    MAIL_FROM: "Postern <no-reply@example.com>",
    SMTP_HOST: "127.0.0.1",
    SMTP_PORT: String(inject("smtp").plain),
    SMTP_TLS: "none",
    BREACHED_PASSWORD_CHECK: "off",
    ...more,
  });

  function launch(data: string, more: Variables = {}, folder = image, port = 1): Running {
    const child = spawn(join(folder, "start"), {
      env: environment(data, port, more),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (part) => (output += part));
    const ended = new Promise<number | null>((done) => child.once("close", done));
    const started = { child, port, output: () => output, ended };
    running.add(started);
    ended.then(() => running.delete(started));
    return started;
  }

  return {
    image,
    volume: () => mkdtempSync(join(root, "volume ")),
    /** Runs the image's `start` in a case in which it must end by itself. */
    async refuse(data: string, more: Variables = {}, folder = image) {
      const started = launch(data, more, folder, await freePort());
      return { code: await started.ended, output: started.output() };
    },
    /** Starts the service, and waits until it is healthy. */
    async start(data: string, more: Variables = {}, folder = image): Promise<Running> {
      const started = launch(data, more, folder, await freePort());
      for (;;) {
        if (!running.has(started)) throw new Error(started.output());
        const health = await send(started, "/health", { proxied: false }).catch(() => undefined);
        if (health?.status === 200) return started;
        await pause(50);
      }
    },
    /** Copies the image, so that a test can turn the copy into a release with other migrations. */
    release(): string {
      const folder = mkdtempSync(join(root, "release "));
      cpSync(image, folder, { recursive: true, filter: (path) => path !== join(image, "workerd") });
      linkSync(join(image, "workerd"), join(folder, "workerd"));
      return folder;
    },
    run(script: "backup" | "restore", data: string, ...words: string[]): string {
      const options = { env: environment(data, 1, {}), encoding: "utf8", stdio: "pipe" } as const;
      return execFileSync(resolve(image, script), words, options);
    },
    async remove() {
      for (const { child, ended } of running) {
        child.kill("SIGKILL");
        await ended;
      }
      rmSync(root, { recursive: true, force: true });
    },
  };
}

interface Call {
  body?: unknown;
  bearer?: string | undefined;
  headers?: Variables;
  /** Whether the request has the headers that the trusted proxy adds. */
  proxied?: boolean;
  /** The address that the request comes from. */
  from?: string;
}

/** Sends a request as a proxy that has terminated TLS does. */
export function send({ port }: Running, path: string, call: Call = {}): Promise<Answer> {
  const { body, bearer, headers = {}, proxied = true, from = "127.0.0.1" } = call;
  const own = {
    Host: new URL(PUBLIC_URL).host,
    ...(proxied ? { "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.1" } : {}),
    ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
    ...headers,
  };
  const method = body === undefined ? "GET" : "POST";
  return new Promise((done, failed) => {
    const options = { port, path, method, headers: own, host: "127.0.0.1", localAddress: from, agent: false };
    const sent = request(options, async (response) => {
      const answer = await text(response);
      const isJson = response.headers["content-type"]?.includes("json");
      done({ status: response.statusCode ?? 0, headers: response.headers, json: isJson ? JSON.parse(answer) : {} });
    });
    sent.once("error", failed);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The token of the link that an SMTP server received for this address. */
export async function emailedToken(email: string): Promise<string> {
  for (let looks = 0; looks < 600; looks++) {
    const { mails }: Mailbox = JSON.parse(
      await (await fetch(`http://127.0.0.1:${inject("smtp").mailbox}/?to=${encodeURIComponent(email)}`)).text(),
    );
    const raw = mails[0]?.raw.replaceAll(/=\r\n/g, "").replaceAll("=3D", "=") ?? "";
    const token = /verify-email#token=([\w-]+)/.exec(raw)?.[1];
    if (token !== undefined) return token;
    await pause(50);
  }
  throw new Error(`No link came for ${email}.`);
}
