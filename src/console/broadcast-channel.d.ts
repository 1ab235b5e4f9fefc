/** Only Node has the method `unref`. `postern/client` calls this method if it exists. */
interface BroadcastChannel {
  unref?(): void;
}
