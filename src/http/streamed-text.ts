import { utf8 } from "../platform/encoding.ts";
import { describeError, writeLog } from "../platform/log.ts";

/**
 * The body of a download that is made while it is read: a part is made when the client has taken the one before. If a
 * part fails, the response is cut off, so that the client does not take it for the whole. The log line
 * `export_broken_off` says why.
 */
export function streamText(parts: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const part = await parts.next();
        if (part.done) controller.close();
        else controller.enqueue(utf8(part.value));
      } catch (error) {
        writeLog("error", { event: "export_broken_off", error: describeError(error) });
        controller.error(new Error("The export was broken off."));
      }
    },
    async cancel() {
      await parts.return(undefined);
    },
  });
}
