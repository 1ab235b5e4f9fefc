/** The memory of a service. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import * as z from "zod";

/** The bytes that the Worker holds after a garbage collection, by the debugger's protocol: what is more is a leak. */
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
/** JavaScript's objects, the runtime's own objects behind them, and buffers. */
const usage = z.object({ usedSize: z.number(), embedderHeapUsedSize: z.number(), backingStorageSize: z.number() });
const reply = z.object({ id: z.number().optional(), result: z.unknown().optional() });

/** Resolves with the result; the protocol's events in between are none of ours. */
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
 * The bytes in memory of workerd's processes that run in a folder, the simulators of D1, KV and queues included;
 * `undefined` where the system does not tell.
 */
export function residentBytes(folder: string): number | undefined {
  let kibibytes: number | undefined;
  for (const id of processes()) {
    try {
      const status = readFileSync(`/proc/${id}/status`, "utf8");
      if (!status.startsWith("Name:\tworkerd\n") || readlinkSync(`/proc/${id}/cwd`) !== folder) continue;
      kibibytes = (kibibytes ?? 0) + Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    } catch {
      // The process has ended in between.
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
