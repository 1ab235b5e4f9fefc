/** What the client needs from the browser, as parameters. No other file of the client reads a clock or waits. */
import type { Fetch } from "./types.ts";

interface Channel<Message> {
  postMessage(message: Message): void;
  close(): void;
}

export interface Surroundings {
  fetch: Fetch;
  /**
   * Reads two clocks, in milliseconds: the wall clock, which a person can set, and a monotonic clock, which may stop
   * while the machine sleeps.
   */
  readClocks(): Reading;
  pause(milliseconds: number): Promise<void>;
  /** A signal that aborts after this many milliseconds. */
  timeout(milliseconds: number): AbortSignal;
  /** Runs `work` while no other tab of the origin runs work with the same name. Absent without Web Locks. */
  lock: ((name: string, signal: AbortSignal, work: () => Promise<void>) => Promise<unknown>) | undefined;
  /** Opens a channel to the other tabs of the origin. Absent without BroadcastChannel. */
  openChannel: (<Message>(name: string, listen: (message: Message) => void) => Channel<Message>) | undefined;
}

export interface Reading {
  wall: number;
  stopwatch: number;
}

/** The parts of `navigator` that this file uses. The package is compiled without the DOM library. */
interface Host {
  userAgent?: string;
  locks?: { request(name: string, options: { signal: AbortSignal }, work: () => Promise<void>): Promise<unknown> };
}

/** The browser's own environment. */
export function browser(): Surroundings {
  // Web Locks are missing on http pages other than localhost, and in workers of older browsers.
  const { locks }: Host = typeof navigator === "undefined" ? {} : navigator;
  const hasChannels = typeof BroadcastChannel === "function";
  return {
    fetch: (input, init) => globalThis.fetch(input, init),
    readClocks: () => ({ wall: Date.now(), stopwatch: performance.now() }),
    pause: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
    timeout: abortAfter,
    lock: locks && ((name, signal, work) => locks.request(name, { signal }, work)),
    openChannel: hasChannels
      ? (name, listen) => {
          const channel = new BroadcastChannel(name);
          channel.onmessage = (event: MessageEvent) => listen(event.data);
          // Only Node has this method. Without the call, a server that renders pages could not exit.
          channel.unref?.();
          return channel;
        }
      : undefined,
  };
}

/** `AbortSignal.timeout` is missing before Safari 16. */
function abortAfter(milliseconds: number): AbortSignal {
  const controller = new AbortController();
  const timer: unknown = setTimeout(() => controller.abort(), milliseconds);
  // Only Node's timers are objects. A pending timer would keep a server that renders pages from exiting.
  if (timer instanceof Object && "unref" in timer && typeof timer.unref === "function") timer.unref();
  return controller.signal;
}

/**
 * Milliseconds between two readings. A person may have set the wall clock back, and the stopwatch may have stopped
 * while the machine slept, so the larger difference counts.
 */
export function elapsedSince(then: Reading, now: Reading): number {
  return Math.max(now.wall - then.wall, now.stopwatch - then.stopwatch);
}
