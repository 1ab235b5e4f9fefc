/** Runs queue consumers, and other work that no request asks for, so that each of their calls goes wrong. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { expect, inject } from "vitest";
import worker from "../../src/index.ts";
import type { MailRequest } from "../../src/mail/requests.ts";
import { Calls, FAULTS, type Plan, surrounded } from "../support/faults.ts";
import { KINDS, type Table } from "./table.ts";

const { isThorough } = inject("faults");

/**
 * Repeats some work so that each of its calls goes wrong in each way. `run` does the work once by the plan, and returns
 * its calls. In the usual suite, only every `every`th call goes wrong, and different calls for each fault.
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
      // In this work, only fetches have a time limit.
      if (fault === "stuck" && name !== "fetch") continue;
      if (fault === "evicted" && index > 0) break;
      if (fault === "after" && usual.reads.has(index) && !isThorough) continue;
      if (!isThorough && fault !== "stuck" && fault !== "evicted" && (index + shift) % every > 0) continue;
      const calls = await run({ at: index + 1, fault }).catch((error: Error) => {
        throw new Error(`${name}, call ${index + 1}, ${FAULTS[fault]}: ${error.message}`, { cause: error });
      });
      // An isolate sends its counts every few seconds, so the next run may send none.
      if (!calls.hasStruck && name === "METRICS.add") continue;
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

/** Delivers messages. Returns whether the consumer acknowledged them. If its isolate is lost, it did not. */
export async function deliver(
  queue: string,
  bodies: readonly unknown[],
  attempts: number,
  calls = new Calls(),
  { consume = (batch, { bindings }) => worker.queue(batch, bindings), answer }: Consumer = {},
): Promise<boolean> {
  const messages = bodies.map((body, index) => ({ id: `${index}`, timestamp: new Date(), attempts, body }));
  const batch = createMessageBatch(queue, messages) as MessageBatch<MailRequest>;
  const work = () => calls.wait(consume(batch, calls));
  const hasEnded = await (answer ? surrounded(calls, answer, work) : work());
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

/** Delivers a message up to twice, until the consumer acknowledges it. Returns how often it was delivered. */
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
