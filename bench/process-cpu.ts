/** The CPU time of processes, from Linux's /proc. */
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Linux counts CPU time in hundredths of a second. */
const TICK_MILLISECONDS = 10;

export const hasProc = existsSync("/proc/self/stat");

interface Stat {
  id: number;
  parent: number;
  name: string;
  milliseconds: number;
}

/** The ids of the processes with this name that the process `parent` has started itself. */
export function childrenOf(parent: number, name: string): number[] {
  return allProcesses()
    .filter((stat) => stat.parent === parent && stat.name === name)
    .map(({ id }) => id);
}

/** The CPU time so far of a process and of all its descendants, in user and system mode, in milliseconds. */
export function cpuTime(root: number): number {
  const all = allProcesses();
  const sum = (id: number): number =>
    all.filter((stat) => stat.parent === id).reduce((total, stat) => total + sum(stat.id), millisecondsOf(id));
  const millisecondsOf = (id: number) => all.find((stat) => stat.id === id)?.milliseconds ?? 0;
  return sum(root);
}

function allProcesses(): Stat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [parseStat(readFileSync(`/proc/${name}/stat`, "utf8"))];
      } catch {
        // The process has ended since its folder was listed.
        return [];
      }
    });
}

/** Parses a line of proc_pid_stat(5). The name of a program may contain spaces and parentheses. */
export function parseStat(line: string): Stat {
  const [start, end] = [line.indexOf("("), line.lastIndexOf(")")];
  // `fields` begins with the third field of the line: the state, the parent, …
  const fields = line.slice(end + 2).split(" ");
  const [parent = 0, user = 0, system = 0] = [fields[1], fields[11], fields[12]].map(Number);
  return {
    id: Number(line.slice(0, start)),
    parent,
    name: line.slice(start + 1, end),
    milliseconds: (user + system) * TICK_MILLISECONDS,
  };
}
