/** Measures the memory of a service. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import * as z from "zod";

/**
 * The bytes that the Worker still holds after a garbage collection, read with the debugger's protocol. If they grow
 * over a run, the Worker has a leak.
 */
export async function heldBytes(inspectorPort: number): Promise<number> {
  const [target] = targets.parse(await (await fetch(`http://127.0.0.1:${inspectorPort}/json`)).json());
  if (target === undefined) throw new Error("The inspector knows of no Worker.");
  // Wrangler's inspector insists on an origin, and the types here are those of Workers, which can't set one.
  const options = { headers: { Origin: "http://localhost" } };
  const socket: WebSocket = Reflect.construct(WebSocket, [target.webSocketDebuggerUrl, options]);
  try {
    await new Promise<void>((opened, failed) => {
      socket.addEventListener("open", () => opened());
      socket.addEventListener("error", () => failed(new Error("The inspector can't be reached.")));
    });
    await call(socket, 1, "HeapProfiler.enable");
    await call(socket, 2, "HeapProfiler.collectGarbage");
    const held = usage.parse(await call(socket, 3, "Runtime.getHeapUsage"));
    return held.usedSize + held.embedderHeapUsedSize + held.backingStorageSize;
  } finally {
    socket.close();
  }
}

const targets = z.array(z.object({ webSocketDebuggerUrl: z.string() }));
/** The bytes of JavaScript's objects, of the runtime's own objects behind them, and of buffers. */
const usage = z.object({ usedSize: z.number(), embedderHeapUsedSize: z.number(), backingStorageSize: z.number() });
const reply = z.object({ id: z.number().optional(), result: z.unknown().optional() });

/** Calls a method of the protocol, and resolves with its result. Ignores the events that the protocol sends. */
function call(socket: WebSocket, id: number, method: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.addEventListener("message", ({ data }) => {
      const read = reply.parse(JSON.parse(String(data)));
      if (read.id === id) resolve(read.result);
    });
    socket.addEventListener("close", () => reject(new Error("The inspector went away.")));
    socket.send(JSON.stringify({ id, method }));
  });
}

/**
 * The bytes in memory of the workerd processes that run in a folder. They include the simulators of D1, KV and queues.
 * `undefined` if the system has no /proc or no such process.
 */
export function residentBytes(folder: string): number | undefined {
  let kibibytes: number | undefined;
  for (const id of processes()) {
    try {
      const status = readFileSync(`/proc/${id}/status`, "utf8");
      if (!status.startsWith("Name:\tworkerd\n") || readlinkSync(`/proc/${id}/cwd`) !== folder) continue;
      kibibytes = (kibibytes ?? 0) + Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    } catch {
      // The process has ended since /proc was listed.
    }
  }
  return kibibytes === undefined ? undefined : kibibytes * 1_024;
}

function processes(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}
