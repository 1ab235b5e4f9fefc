/** Counts what was tried, and prints it. */
import { FAULTS, type Fault } from "../support/faults.ts";
import { print } from "../support/logs.ts";

export const KINDS = Object.keys(FAULTS) as Fault[];

/** The width of the first column. */
const WIDTH = 46;

export class Table {
  readonly #title: string;
  readonly #rows = new Map<string, Map<Fault, number>>();

  constructor(title: string) {
    this.#title = title;
  }

  get total(): number {
    return [...this.#rows.values()].flatMap((counts) => [...counts.values()]).reduce((sum, count) => sum + count, 0);
  }

  count(name: string, fault: Fault): void {
    const counts = this.#rows.get(name) ?? new Map<Fault, number>();
    this.#rows.set(name, counts.set(fault, (counts.get(fault) ?? 0) + 1));
  }

  print(): void {
    const rows = [...this.#rows].map(([name, counts]) => {
      const numbers = KINDS.map((kind) => String(counts.get(kind) ?? 0).padStart(kind.length));
      return `${name.padEnd(WIDTH)}${numbers.join("  ")}`;
    });
    print([`${this.#title} that went wrong: ${this.total}`.padEnd(WIDTH) + KINDS.join("  "), ...rows].join("\n"));
  }
}
