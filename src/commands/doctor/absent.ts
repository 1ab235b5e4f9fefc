/** Something that a check needs and does not have, and how to get it. */
export interface Absent {
  absent: string;
  remedy: string;
  /** Whether its absence is a fault of the service. */
  isFault?: boolean;
}

export const isAbsent = (part: unknown): part is Absent =>
  typeof part === "object" && part !== null && "absent" in part && "remedy" in part;
