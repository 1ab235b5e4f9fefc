/** The types of audit events. The build fills them in. */
declare const EVENT_TYPES: readonly string[];
