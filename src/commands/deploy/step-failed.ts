/** Thrown by a step that can't continue. The message says why, and what to do before the command is run again. */
export class StepFailed extends Error {}
