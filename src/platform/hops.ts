import type { Clock } from "./clock.ts";
import { type Meter, NO_METER } from "./meter.ts";
import { inSpan } from "./spans.ts";

/**
 * The target of a round trip. The Worker's assets, Have I Been Pwned (`breaches`) and Turnstile are not storage, but
 * requests wait for them too.
 */
export type HopTarget =
  | ("d1" | "audit_d1" | "sessions" | "limiter" | "kv" | "queue" | "metrics")
  | ("assets" | "breaches" | "turnstile");

/** One round trip. `depth` is the length of the longest chain of sequential round trips that ends with this one. */
interface Hop {
  target: HopTarget;
  depth: number;
  milliseconds: number;
}

/** A storage call failed or could not be made. The client only gets a 503. */
export class StorageUnavailable extends Error {
  constructor(target: HopTarget, cause: unknown) {
    super(`${target} did not answer`, { cause });
    this.name = "StorageUnavailable";
  }
}

/**
 * Counts and times the storage round trips (hops) of a request. Every call to a binding goes through `hop`. The speed
 * of an edge service depends on how many round trips happen one after another. Two hops happen one after another if one
 * starts after the other has ended.
 */
export class Hops {
  readonly made: Hop[] = [];
  readonly #clock: Clock;
  readonly #meter: Meter;
  #depthReached = 0;

  constructor(clock: Clock, meter = NO_METER) {
    this.#clock = clock;
    this.#meter = meter;
  }

  /** How many round trips happened one after another. */
  get sequential(): number {
    return Math.max(0, ...this.made.map((hop) => hop.depth));
  }

  /** Runs one round trip. Throws {@link StorageUnavailable} with the failure as its cause. */
  async hop<Result>(target: HopTarget, call: () => Promise<Result>): Promise<Result> {
    const depth = this.#depthReached + 1;
    const startedAt = this.#clock.now();
    try {
      return await inSpan(`postern.hop.${target}`, { "postern.hop.depth": depth }, call);
    } catch (error) {
      this.#meter.count("storage_failures", { target });
      throw new StorageUnavailable(target, error);
    } finally {
      const milliseconds = this.#clock.now() - startedAt;
      this.made.push({ target, depth, milliseconds });
      this.#meter.time("storage_hop_duration_seconds", { target }, milliseconds);
      this.#depthReached = Math.max(this.#depthReached, depth);
    }
  }

  /** The value of a `Server-Timing` header (W3C Server Timing), with one entry per round trip. */
  serverTiming(): string {
    return this.made.map((hop) => `${hop.target};dur=${hop.milliseconds};desc="wave ${hop.depth}"`).join(", ");
  }
}
