/** Randomness from a seed, for figures that are the same each time. */
import type { Random } from "../../src/platform/random.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

export interface SeededRandom extends Random {
  /** A number from 0 up to 1, without 1. */
  fraction(): number;
  /** A whole number from 0 up to `limit`, without `limit`. */
  below(limit: number): number;
  text(length: number): string;
}

/** The generator mulberry32. */
export function createSeededRandom(seed: number): SeededRandom {
  let state = seed;
  function fraction(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const below = (limit: number) => Math.floor(fraction() * limit);
  return {
    fraction,
    below,
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
    text: (length) => Array.from({ length }, () => LETTERS[below(LETTERS.length)]).join(""),
  };
}
