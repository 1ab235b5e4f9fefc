/** How many messages wait in each queue, as far as the platform knows. */
import { type Clock, inTime, SECOND } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";

export interface QueueDepth {
  queue: "mail" | "mail_dead" | "audit" | "audit_dead";
  messages: number;
  /** Seconds since the oldest message was sent. 0 if the queue is empty; absent if the platform does not know. */
  oldest?: number;
}

export type QueueDepths = ReturnType<typeof createQueueDepths>;

interface Queues {
  MAIL_QUEUE: Queue<never>;
  MAIL_DEAD_LETTERS: Queue<never>;
  AUDIT_QUEUE: Queue<never>;
  AUDIT_DEAD_LETTERS?: Queue<never>;
}

export function createQueueDepths(queues: Queues, { clock, hops }: { clock: Clock; hops: Hops }) {
  /** The depth of one queue. An empty list if the queue is not bound, or if the call fails. */
  async function depthOf(queue: QueueDepth["queue"], bound: Queue<never> | undefined): Promise<QueueDepth[]> {
    if (bound === undefined) return [];
    try {
      const { backlogCount, oldestMessageTimestamp } = await hops.hop("queue", () => inTime(bound.metrics()));
      if (backlogCount === 0) return [{ queue, messages: 0, oldest: 0 }];
      if (oldestMessageTimestamp === undefined) return [{ queue, messages: backlogCount }];
      const age = Math.max(0, clock.now() - oldestMessageTimestamp.getTime());
      return [{ queue, messages: backlogCount, oldest: age / SECOND }];
    } catch (error) {
      writeLog("warn", { event: "queue_depth_unknown", error: describeError(error) });
      return [];
    }
  }

  return {
    /** Asks all queues at once, in one round trip. */
    async read(): Promise<QueueDepth[]> {
      const depths = await Promise.all([
        depthOf("mail", queues.MAIL_QUEUE),
        depthOf("mail_dead", queues.MAIL_DEAD_LETTERS),
        depthOf("audit", queues.AUDIT_QUEUE),
        depthOf("audit_dead", queues.AUDIT_DEAD_LETTERS),
      ]);
      return depths.flat();
    },
  };
}
