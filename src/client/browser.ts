/** The world around the client, as parameters. Nothing else of the client reads a clock or waits. */
import type { Fetch } from "./types.ts";

export interface Channel<Message> {
  postMessage(message: Message): void;
  close(): void;
}

export interface Surroundings {
  fetch: Fetch;
  /** Milliseconds by the wall, which somebody may set, and of a stopwatch, which may stop while the machine sleeps. */
  readClocks(): Reading;
  pause(milliseconds: number): Promise<void>;
  /** A signal that aborts after this many milliseconds. */
  timeout(milliseconds: number): AbortSignal;
  /** Runs this while no other tab of the origin runs anything of the same name. Absent where there are no Web Locks. */
  lock: ((name: string, signal: AbortSignal, work: () => Promise<void>) => Promise<unknown>) | undefined;
  /** Reaches the other tabs of the origin, and nobody else. Absent where there is no BroadcastChannel. */
  openChannel: (<Message>(name: string, listen: (message: Message) => void) => Channel<Message>) | undefined;
}

export interface Reading {
  wall: number;
  stopwatch: number;
}

/** What this package was compiled without: the types of a browser. */
interface Host {
  userAgent?: string;
  locks?: { request(name: string, options: { signal: AbortSignal }, work: () => Promise<void>): Promise<unknown> };
}

/** The browser's own. */
export function browser(): Surroundings {
  // Without these: an http page that is not localhost, a worker of an older browser.
  const { locks }: Host = typeof navigator === "undefined" ? {} : navigator;
  const hasChannels = typeof BroadcastChannel === "function";
  return {
    fetch: (input, init) => globalThis.fetch(input, init),
    readClocks: () => ({ wall: Date.now(), stopwatch: performance.now() }),
    pause: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
    timeout: (milliseconds) => AbortSignal.timeout(milliseconds),
    lock: locks && ((name, signal, work) => locks.request(name, { signal }, work)),
    openChannel: hasChannels
      ? (name, listen) => {
          const channel = new BroadcastChannel(name);
          channel.onmessage = (event: MessageEvent) => listen(event.data);
          // Node alone has this: a server that renders pages could not end.
          channel.unref?.();
          return channel;
        }
      : undefined,
  };
}

/** Milliseconds since a reading: whichever clock has gone further, since the other one was set back or has slept. */
export function elapsedSince(then: Reading, now: Reading): number {
  return Math.max(now.wall - then.wall, now.stopwatch - then.stopwatch);
}
