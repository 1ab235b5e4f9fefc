/** Work that no request asks for, with each of its calls gone wrong, and the consumers of queues. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { expect, inject } from "vitest";
import worker from "../../src/index.ts";
import type { MailRequest } from "../../src/mail/requests.ts";
import { Calls, FAULTS, type Plan, surround } from "../support/faults.ts";
import { KINDS, type Table } from "./table.ts";

const { isThorough } = inject("faults");

/**
 * Each call of some work, gone wrong in each way. `run` returns the calls of a run whose call goes wrong. In the suite,
 * long work has only each `every`th call go wrong, another one for each fault.
 */
export async function atEachCall(
  tried: Table,
  what: string,
  run: (plan?: Plan) => Promise<Calls>,
  { every = 1, kinds = KINDS } = {},
): Promise<void> {
  const usual = await run();
  expect(usual.names.length, "calls").toBeGreaterThan(0);
  for (const [shift, fault] of kinds.entries()) {
    for (const [index, name] of usual.names.entries()) {
      // Only what a fetch asks for has a time limit here.
      if (fault === "stuck" && name !== "fetch") continue;
      if (fault === "evicted" && index > 0) break;
      if (fault === "after" && usual.reads.has(index) && !isThorough) continue;
      if (!isThorough && fault !== "stuck" && fault !== "evicted" && (index + shift) % every > 0) continue;
      const calls = await run({ at: index + 1, fault }).catch((error: Error) => {
        throw new Error(`${name}, call ${index + 1}, ${FAULTS[fault]}: ${error.message}`, { cause: error });
      });
      expect(calls.hasStruck, `${name}, ${FAULTS[fault]}: the call is made`).toBe(true);
      tried.count(what, fault);
    }
  }
}

export interface Consumer {
  consume?: (batch: MessageBatch<MailRequest>, calls: Calls) => Promise<void>;
  /** Answers the outgoing fetches. */
  answer?: (request: Request) => Promise<Response>;
}

/** Delivers messages, and says whether the consumer has done with them. If its isolate is lost, it has not. */
export async function deliver(
  queue: string,
  bodies: readonly unknown[],
  attempts: number,
  calls = new Calls(),
  { consume = (batch, { bindings }) => worker.queue(batch, bindings), answer }: Consumer = {},
): Promise<boolean> {
  const messages = bodies.map((body, index) => ({ id: `${index}`, timestamp: new Date(), attempts, body }));
  const batch = createMessageBatch(queue, messages) as MessageBatch<MailRequest>;
  const restore = answer && surround(calls, answer);
  const hasEnded = await calls.wait(consume(batch, calls)).finally(restore);
  if (!hasEnded) {
    expect(calls.plan?.fault, "only the loss of the isolate ends a consumer before it is done").toBe("lost");
    return false;
  }
  const result = await getQueueResult(batch, createExecutionContext());
  const { explicitAcks, ackAll, retryMessages, retryBatch } = result;
  const isDone = ackAll || explicitAcks.length === bodies.length;
  const isRetried = retryBatch.retry || retryMessages.length === bodies.length;
  expect(isDone !== isRetried, "a message is either done or tried again").toBe(true);
  return isDone;
}

/** Delivers a message until the consumer has done with it. Returns how often. */
export async function deliverInTheEnd(
  queue: string,
  body: unknown,
  calls: Calls,
  consumer?: Consumer,
): Promise<number> {
  if (await deliver(queue, [body], 1, calls, consumer)) return 1;
  expect(await deliver(queue, [body], 2, new Calls(undefined, calls.given), consumer)).toBe(true);
  return 2;
}
