/** What a check found, and what to do about it. */
export type Status = "ok" | "warning" | "failed" | "skipped";

export interface Finding {
  status: Status;
  /** A sentence. Never contains the value of a secret. */
  message: string;
  /** What to do. `null` if there is nothing to do. */
  remedy: string | null;
}

export const ok = (message: string): Finding => ({ status: "ok", message, remedy: null });
export const warning = (message: string, remedy: string): Finding => ({ status: "warning", message, remedy });
export const failed = (message: string, remedy: string): Finding => ({ status: "failed", message, remedy });
/** For a part that this run could not check. `remedy` says what to do so that the part is checked. */
export const skipped = (message: string, remedy: string): Finding => ({ status: "skipped", message, remedy });
