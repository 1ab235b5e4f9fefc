/** What the service counts outside of HTTP requests, and what it counts in Analytics Engine. */
import { createMessageBatch } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { runCall } from "../../src/features/rpc/run-call.ts";
import { deliverMails } from "../../src/mail/deliver.ts";
import type { MailEvent, MailRequest } from "../../src/mail/requests.ts";
import { MailNotDelivered, type Transport } from "../../src/mail/transports/transport.ts";
import { countInObject } from "../../src/metrics/count-in-object.ts";
import { createMeter } from "../../src/metrics/meter.ts";
import { createId, systemRandom } from "../../src/platform/random.ts";
import { extend } from "../../src/platform/records.ts";
import { createServices } from "../../src/services.ts";
import { readMe, register, tryLogin } from "../support/account.ts";
import { appWith, get } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import { countingApp, growth, METRICS_TOKEN } from "../support/metrics.ts";
import { loggedIn, newPerson, registered } from "../support/people.ts";

const app = countingApp();
const counting = (bindings = {}) => createServices({ ...env, ...bindings }, parseConfig({ ...env, METRICS_TOKEN }));
const mail = (kind: string, state: string) => `postern_emails_total{kind="${kind}",state="${state}"}`;

function batchOf(event: MailEvent) {
  const body: MailRequest = { id: createId(Date.now(), systemRandom), requestedAt: Date.now(), event };
  return createMessageBatch<MailRequest>("postern-mail", [
    { id: crypto.randomUUID(), timestamp: new Date(), attempts: 1, body },
  ]);
}

describe("the mail queue's consumer", () => {
  const notice = async (): Promise<MailEvent> => ({ kind: "password_changed", userId: (await loggedIn()).userId });
  const reject = (refused?: "address"): Transport => ({
    deliver: async () => {
      throw new MailNotDelivered("smtp_550", refused);
    },
  });

  it.each<[string, Transport]>([
    ["sent", { deliver: async () => {} }],
    ["retried", reject()],
    ["refused", reject("address")],
  ])("counts an email that is %s", async (state, transport) => {
    const event = await notice();
    const [grown] = await growth(app, [mail(event.kind, state)], () =>
      deliverMails(batchOf(event), extend(counting(), { transport, deadLetters: env.MAIL_DEAD_LETTERS })),
    );
    expect(grown).toBe(1);
  });

  it("counts an email that is suppressed, and one that is not needed", async () => {
    const event = await notice();
    const parts = extend(counting(), { transport: reject("address"), deadLetters: env.MAIL_DEAD_LETTERS });
    const gone: MailEvent = { kind: "password_changed", userId: crypto.randomUUID() };
    const names = [mail(event.kind, "suppressed"), mail(event.kind, "not_needed")];
    const grown = await growth(app, names, async () => {
      await deliverMails(batchOf(event), parts);
      await deliverMails(batchOf(event), parts);
      await deliverMails(batchOf(gone), parts);
    });
    expect(grown).toEqual([1, 1]);
  });

  it("is told apart from the request that queues the email", async () => {
    const [grown] = await growth(app, [mail("verify_email", "queued")], () => register(newPerson(), app));
    expect(grown).toBe(1);
  });
});

describe("calls over RPC", () => {
  it("are counted by method and result", async () => {
    const names = ["ok", "failed"].map((result) => `postern_rpc_calls_total{method="jwks",result="${result}"}`);
    const grown = await growth(app, names, async () => {
      await runCall("jwks", counting(), async () => 1);
      await expect(runCall("jwks", counting(), () => Promise.reject(new Error("out")))).rejects.toThrow("unavailable");
    });
    expect(grown).toEqual([1, 1]);
  });
});

describe("a session object", () => {
  it("counts the revocations that it copies to KV, and calls no object without METRICS_TOKEN", async () => {
    const copy = (bindings: object) =>
      countInObject({ ...env, ...bindings }, (meter) => meter.count("revocation_copies", { result: "ok" }));
    const name = 'postern_revocation_copies_total{result="ok"}';
    expect(await growth(app, [name], () => copy({ METRICS_TOKEN }))).toEqual([1]);
    const METRICS = {
      getByName: () => {
        throw new Error("called");
      },
    };
    const logs = recordLogs();
    for (const off of [{}, { METRICS_TOKEN: "" }]) await copy({ METRICS, ...off });
    expect(logs()).toEqual([]);
    expect(await growth(app, [name], async () => {})).toEqual([0]);
  });
});

describe("Analytics Engine", () => {
  function dataset() {
    const points: AnalyticsEngineDataPoint[] = [];
    return { points, ANALYTICS: { writeDataPoint: (point: AnalyticsEngineDataPoint) => points.push(point) } };
  }

  it("gets the same events, with the labels in the order of the family, without METRICS_TOKEN too", async () => {
    const person = await registered();
    const { points, ANALYTICS } = dataset();
    const send = appWith({}, { ANALYTICS } as unknown as typeof env);
    await tryLogin(person, {}, send);
    expect(points).toContainEqual({ indexes: ["logins"], blobs: ["succeeded"], doubles: [1] });
    expect(points).toContainEqual({
      indexes: ["http_requests"],
      blobs: ["/api/v1/auth/login", "POST", "200"],
      doubles: [1],
    });
    const durations = points.filter(({ indexes }) => indexes?.[0] === "http_request_duration_seconds");
    expect(durations).toEqual([
      { indexes: [expect.any(String)], blobs: ["/api/v1/auth/login", "POST"], doubles: [expect.any(Number)] },
    ]);
    expect(JSON.stringify(points)).not.toContain(person.username);
  });

  it("fails no request, and its failure is logged once", async () => {
    const { accessToken } = await loggedIn();
    const ANALYTICS = {
      writeDataPoint: () => {
        throw new Error("full");
      },
    };
    const logs = recordLogs();
    expect((await readMe(accessToken, appWith({}, { ANALYTICS } as unknown as typeof env))).status).toBe(200);
    expect(logs().filter(({ event }) => event === "analytics_failed")).toHaveLength(1);
  });

  it("gets at most the 250 data points that the platform allows an invocation", () => {
    const { points, ANALYTICS } = dataset();
    const meter = createMeter(undefined, ANALYTICS);
    for (let run = 0; run < 300; run++) meter.count("cron_runs", { result: "ok" });
    expect(points).toHaveLength(250);
  });
});

describe("a series", () => {
  it("escapes what its labels hold, and takes an unknown value of a closed set for other", async () => {
    const series = [
      'postern_cron_tasks_total{task="a\\"b\\\\c\\nd",result="ok"}',
      'postern_logins_total{result="other"}',
    ];
    const grown = await growth(app, series, async () => {
      const meter = counting().meter;
      meter.count("cron_tasks", { task: 'a"b\\c\nd', result: "ok" });
      meter.count("logins", { result: "a new code" });
    });
    expect(grown).toEqual([1, 1]);
  });
});

describe("without METRICS_TOKEN", () => {
  it("only what has a history is counted", async () => {
    const [grown] = await growth(app, ['postern_http_requests_total{route="/docs",method="GET",status="200"}'], () =>
      get("/docs", {}, appWith({})),
    );
    expect(grown).toBe(0);
  });
});
