/** Says what a check needs but does not have, and how to get it. */
export interface Absent {
  absent: string;
  remedy: string;
  /** Whether the service is at fault. */
  isFault?: boolean;
}

export const isAbsent = (part: unknown): part is Absent =>
  typeof part === "object" && part !== null && "absent" in part && "remedy" in part;
