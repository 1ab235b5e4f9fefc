import { utf8 } from "../platform/encoding.ts";
import { describeError, writeLog } from "../platform/log.ts";

/**
 * The body of a download. Each part is made when the client has read the previous part. If a part fails, this aborts
 * the response, so that the client knows that the download is incomplete. Also logs `export_broken_off` with the
 * reason.
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
