/**
 * `npm run measure:cpu`: measures the CPU time of requests for the table in docs/cost.md. It runs only on Linux,
 * because it reads /proc. It counts everything in workerd's process, including the work of objects, and takes the mean
 * of requests that are sent one after another.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { cpus } from "node:os";
import { logIn, readMe, register } from "../node/live-person.ts";
import { makeClone } from "../node/live-service.ts";

/** Linux counts in hundredths of a second. */
const TICK_MILLISECONDS = 10;
const REQUESTS = { login: 30, refresh: 300, me: 300, register: 30 };

/** The CPU time so far of workerd's processes that run in a folder, in milliseconds. */
function cpuTime(folder: string): number {
  let ticks = 0;
  for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${id}/stat`, "utf8");
      if (!stat.includes("(workerd)") || readlinkSync(`/proc/${id}/cwd`) !== folder) continue;
      const [, , , , , , , , , , , user = 0, system = 0] = stat.slice(stat.lastIndexOf(")")).split(" ").map(Number);
      ticks += user + system;
    } catch {
      // The process has ended since /proc was listed.
    }
  }
  return ticks * TICK_MILLISECONDS;
}

const clone = makeClone();
try {
  const { origin } = await clone.start(["--var", "RATE_LIMITING:off"]);
  const person = await register(origin);
  let tokens = await logIn(origin, person);
  const json = { "Content-Type": "application/json" };
  const send = (path: string, body: object) =>
    fetch(`${origin}/api/v1/auth/${path}`, { method: "POST", headers: json, body: JSON.stringify(body) });
  const requests: Record<keyof typeof REQUESTS, (index: number) => Promise<unknown>> = {
    login: () => logIn(origin, person),
    async refresh() {
      const response = await send("refresh", { refresh_token: tokens.refresh_token });
      if (response.ok) tokens = await response.json();
    },
    me: () => readMe(origin, tokens.access_token),
    register: (index) =>
      send("register", {
        email: `p${index}@example.com`,
        username: `person${index + 1}`,
        password: `a fine password ${index}`,
      }),
  };
  process.stdout.write(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, Node ${process.version}\n`);
  for (const [name, count] of Object.entries(REQUESTS)) {
    const request = requests[name as keyof typeof REQUESTS];
    await request(-1);
    const before = cpuTime(clone.folder);
    for (let index = 0; index < count; index++) await request(index);
    process.stdout.write(`${name}: ${((cpuTime(clone.folder) - before) / count).toFixed(1)} ms\n`);
  }
} finally {
  await clone.remove();
}
