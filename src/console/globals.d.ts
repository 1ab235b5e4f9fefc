/** The types of audit events. The build fills them in. */
declare const EVENT_TYPES: readonly string[];

/** Only Node has this method. `postern/client` calls it if it is there. */
interface BroadcastChannel {
  unref?(): void;
}
