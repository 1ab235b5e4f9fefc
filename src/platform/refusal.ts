/** Expected failures as values. The whole service uses this class, and returns refusals instead of throwing them. */

/** One rejected field. `field` is the path in the body, joined with dots. Never contains the field's value. */
export interface FieldError {
  field: string;
  code: string;
  message: string;
}

/** The error for a field that is missing. */
export function missingField(field: string): FieldError {
  return { field, code: "required", message: "This field is required." };
}

interface RefusalDetails {
  /** What is wrong, field by field. */
  errors?: FieldError[];
  /** Tells an operator why the service refused, and what to do. Clients never see this reason. */
  reason?: string;
  /** For the log: the user whom the refusal concerns, if known. */
  userId?: string;
  /** More members of the problem document (RFC 9457 §3.2). */
  members?: Readonly<Record<string, unknown>>;
  /** Headers of the response, in addition to the usual ones. */
  headers?: Record<string, string>;
}

/** `code` is one of the codes in `http/problems.ts`. Each endpoint declares the codes that it can return. */
export class Refusal<Code extends string = string> {
  readonly code: Code;
  readonly details: RefusalDetails;

  constructor(code: Code, details: RefusalDetails) {
    this.code = code;
    this.details = details;
  }
}

export function refuse<const Code extends string>(code: Code, details: RefusalDetails = {}): Refusal<Code> {
  return new Refusal(code, details);
}

export function isRefusal(outcome: unknown): outcome is Refusal {
  return outcome instanceof Refusal;
}
