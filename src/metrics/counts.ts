/** The counts of one isolate, or of all isolates together. */

/**
 * The numbers of each series. The keys are like `logins{result="succeeded"}`. A counter has one number. A histogram has
 * one number for each bucket, one for values above the last bucket, and the sum of all values.
 */
export type Counts = Record<string, number[]>;

export interface Label {
  name: string;
  value: string;
}

/** The labels of a series as text. Both exposition formats write labels in this way. */
export function labelText(labels: readonly Label[]): string {
  return labels.map(({ name, value }) => `${name}="${value.replaceAll(/[\\"\n]/g, escapeCharacter)}"`).join(",");
}

function escapeCharacter(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}

/** The key of a series in {@link Counts}. */
export function seriesKey(family: string, labels: readonly Label[]): string {
  return `${family}{${labelText(labels)}}`;
}

export function addCounts(counts: Counts, more: Counts): void {
  for (const [series, increments] of Object.entries(more)) {
    const before = counts[series];
    // Another release may have had other buckets. Then the histogram starts again.
    counts[series] =
      before?.length === increments.length
        ? before.map((value, index) => value + (increments[index] ?? 0))
        : [...increments];
  }
}
