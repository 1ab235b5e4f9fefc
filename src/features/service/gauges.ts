/** The gauges of `GET /metrics`: numbers that are read from D1 and the queues for each scrape. */
import type { Services } from "../../endpoint/services.ts";
import type { Gauge } from "../../metrics/exposition.ts";
import type { QueueDepth } from "../../metrics/queue-depths.ts";
import { inTime, SECOND } from "../../platform/clock.ts";
import { describeError, writeLog } from "../../platform/log.ts";
import { timeOfId } from "../../platform/random.ts";
import { VERSION } from "../../version.ts";

/** Reads all gauges in one round trip. If D1 does not answer, its numbers are left out, and `database_up` is 0. */
export async function readGauges(services: Services): Promise<Gauge[]> {
  const { clock, followUpRows, keyring, queueDepths } = services;
  const [known, queues] = await Promise.all([
    orUndefined(Promise.all([keyring.ages(), followUpRows.waiting()])),
    queueDepths.read(),
  ]);
  return [
    {
      name: "build",
      type: "info",
      help: "The version that answers.",
      samples: [{ labels: [{ name: "version", value: VERSION }], value: 1 }],
    },
    single("database_up", "Whether D1 answered this scrape.", known === undefined ? 0 : 1),
    ...queueGauges(queues),
    ...(known === undefined ? [] : [...keyGauges(known[0]), ...followUpGauges(known[1], queues, clock.now())]),
  ];
}

async function orUndefined<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await inTime(reading);
  } catch (error) {
    writeLog("warn", { event: "gauge_unknown", error: describeError(error) });
    return undefined;
  }
}

/** A gauge with one sample, without labels. */
export function single(name: string, help: string, value: number): Gauge {
  return { name, help, samples: [{ labels: [], value }] };
}

function keyGauges({ ages, overdue }: Awaited<ReturnType<Services["keyring"]["ages"]>>): Gauge[] {
  return [
    {
      name: "signing_key_age_seconds",
      help: "Time since a published signing key was created, by what it does now; the oldest of each.",
      samples: Object.entries(ages).map(([state, age]) => ({
        labels: [{ name: "state", value: state }],
        value: age / SECOND,
      })),
    },
    single(
      "signing_key_overdue_seconds",
      "For how long the newest signing key should have had a successor; 0 if none is due.",
      overdue / SECOND,
    ),
  ];
}

function queueGauges(queues: readonly QueueDepth[]): Gauge[] {
  const labels = (queue: string) => [{ name: "queue", value: queue }];
  return [
    {
      name: "queue_messages",
      help: "Messages in each queue. mail_dead and audit_dead are the dead-letter queues.",
      samples: queues.map(({ queue, messages }) => ({ labels: labels(queue), value: messages })),
    },
    {
      name: "queue_oldest_message_seconds",
      help: "The age of the oldest message of each queue; 0 if it is empty.",
      samples: queues.flatMap(({ queue, oldest }) =>
        oldest === undefined ? [] : [{ labels: labels(queue), value: oldest }],
      ),
    },
  ];
}

function followUpGauges(
  rows: Awaited<ReturnType<Services["followUpRows"]["waiting"]>>,
  queues: readonly QueueDepth[],
  now: number,
): Gauge[] {
  const kinds = ["mail", "sessions", "anonymise"] as const;
  const firstMail = rows.find(({ kind }) => kind === "mail")?.firstId;
  const unqueued = firstMail == null ? 0 : Math.max(0, now - timeOfId(firstMail)) / SECOND;
  const queued = queues.find(({ queue }) => queue === "mail")?.oldest ?? 0;
  return [
    {
      name: "follow_ups_waiting",
      help: "Work in D1 that no request or run of the cron job has carried out yet, by kind.",
      samples: kinds.map((kind) => ({
        labels: [{ name: "kind", value: kind }],
        value: rows.find((row) => row.kind === kind)?.count ?? 0,
      })),
    },
    single(
      "email_oldest_unsent_seconds",
      "The age of the oldest email that waits in D1 or in the mail queue; 0 if none does.",
      Math.max(unqueued, queued),
    ),
  ];
}
