/** A step that can't go on. The message says why and what to do; a later run continues. */
export class StepFailed extends Error {}
