/** Only Node has this method. `postern/client` calls it if it is there. */
interface BroadcastChannel {
  unref?(): void;
}
