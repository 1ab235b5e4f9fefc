import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import worker from "../src/index.ts";
import { systemRandom } from "../src/platform/random.ts";
import { continueTrace, formatTraceparent } from "../src/platform/trace.ts";

import { fakeBreaches, range } from "./support/breaches.ts";
import { appWith, get, post } from "./support/client.ts";
import { eventually } from "./support/eventually.ts";
import { type LogLine, recordLogs } from "./support/logs.ts";
import { loggedIn, mailsTo, newPerson } from "./support/people.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const GIVEN = `00-${TRACE_ID}-${PARENT}-01`;

/** A new trace id, by which a test finds its own log lines. */
function trace() {
  const { traceId, spanId } = continueTrace(undefined, systemRandom);
  return { traceId, traceparent: `00-${traceId}-${spanId}-01`, parent: spanId };
}

describe("traceparent", () => {
  it.each([
    ["continues a valid one, as its own span", GIVEN, TRACE_ID, "01"],
    ["keeps the flags that it knows alone", `00-${TRACE_ID}-${PARENT}-ff`, TRACE_ID, "03"],
    ["reads what it knows of a later version", `cc-${TRACE_ID}-${PARENT}-01-what-the-future-brings`, TRACE_ID, "01"],
    ["begins a new one without a header", undefined, undefined, "02"],
    ["begins a new one in place of text", "nonsense", undefined, "02"],
    ["begins a new one in place of capitals", GIVEN.toUpperCase(), undefined, "02"],
    ["begins a new one in place of two headers", `${GIVEN}, ${GIVEN}`, undefined, "02"],
    ["begins a new one in place of one with more fields than its version has", `${GIVEN}-00`, undefined, "02"],
    ["begins a new one in place of an invalid version", `ff${GIVEN.slice(2)}`, undefined, "02"],
    ["begins a new one in place of an empty trace id", `00-${"0".repeat(32)}-${PARENT}-01`, undefined, "02"],
    ["begins a new one in place of an empty parent id", `00-${TRACE_ID}-${"0".repeat(16)}-01`, undefined, "02"],
  ])("%s", (_, header, traceId, flags) => {
    const continued = continueTrace(header, systemRandom);
    expect(continued.traceId).toMatch(/^[\da-f]{32}$/);
    expect(continued.traceId === TRACE_ID).toBe(traceId !== undefined);
    const passedOn = formatTraceparent(continued);
    expect(passedOn).toMatch(new RegExp(`^00-${continued.traceId}-[\\da-f]{16}-${flags}$`));
    expect(passedOn).not.toContain(PARENT);
  });
});

describe("the trace of a request", () => {
  it("is in its log line, whether the client sent one or not", async () => {
    const logs = recordLogs();
    await get("/", { headers: { traceparent: GIVEN } });
    await get("/");
    await get("/", { headers: { traceparent: '00-x","level":"error' } });
    const [given, begun, invalid] = logs();
    expect(given).toMatchObject({
      event: "request",
      trace_id: TRACE_ID,
      span_id: expect.stringMatching(/^[\da-f]{16}$/),
    });
    expect(given?.span_id).not.toBe(PARENT);
    for (const line of [begun, invalid]) expect(line?.trace_id).toMatch(/^[\da-f]{32}$/);
    expect(begun?.trace_id).not.toBe(invalid?.trace_id);
  });

  it("is in every line of the request, also in those of parts that know of no request", async () => {
    fakeBreaches(() => new Response("busy", { status: 503 }));
    const logs = recordLogs();
    const { traceId, traceparent } = trace();
    const send = appWith({ BREACHED_PASSWORD_CHECK: "on" });
    const answer = await post("/api/v1/auth/register", newPerson(), { headers: { traceparent } }, send);
    const requestId = answer.headers.get("X-Request-Id");
    const ofRequest = logs().filter(({ trace_id }) => trace_id === traceId);
    expect(ofRequest.map(({ event, request_id }) => ({ event, request_id }))).toEqual(
      expect.arrayContaining([
        { event: "breach_check_unavailable", request_id: requestId },
        { event: "request", request_id: requestId },
      ]),
    );
  });

  it("stays apart from the traces of requests at the same time", async () => {
    const logs = recordLogs();
    const traces = Array.from({ length: 8 }, trace);
    const person = await loggedIn();
    await Promise.all(
      traces.map(({ traceparent }, index) =>
        get("/api/v1/users/me", {
          bearer: person.accessToken,
          headers: { traceparent, "X-Request-Id": `at-once-${index}` },
        }),
      ),
    );
    const found = traces.map(({ traceId }) => logs().filter(({ trace_id }) => trace_id === traceId));
    expect(found.map((lines) => lines.map(({ request_id }) => request_id))).toEqual(
      traces.map((_, index) => [`at-once-${index}`]),
    );
  });

  it.each<[string, (headers: Record<string, string>) => Promise<{ email: string; emails: number }>]>([
    [
      "of a registration",
      async (headers) => {
        const person = newPerson();
        await post("/api/v1/auth/register", person, { headers });
        return { email: person.email, emails: 1 };
      },
    ],
    [
      "that follows from a change in D1",
      async (headers) => {
        const { accessToken, email, password } = await loggedIn();
        const body = { current_password: password, new_password: `${password}, another` };
        await post("/api/v1/users/change-password", body, { bearer: accessToken, headers });
        return { email, emails: 2 };
      },
    ],
  ])("is in the line of the delivery of an email %s", async (_, cause) => {
    const logs = recordLogs();
    const { traceId, traceparent } = trace();
    const { email, emails } = await cause({ traceparent });
    await mailsTo(email, emails);
    const isDelivery = (line: LogLine) => line.event === "mail_sent" && line.trace_id === traceId;
    await eventually(() => expect(logs().filter(isDelivery)).toHaveLength(1));
  });

  it("is in the line of a revocation that KV did not accept, which the user's object writes later", async () => {
    const person = await loggedIn();
    const object = env.USER_SESSIONS.getByName(person.userId);
    await runInDurableObject(object, (instance) => {
      // Fails only once, so that no later try writes a line into another test.
      const REVOCATIONS = { put: vi.fn(async () => {}).mockRejectedValueOnce(new Error("KV is out")) };
      Object.assign(instance, { env: { REVOCATIONS } });
    });
    const logs = recordLogs();
    const { traceId, traceparent } = trace();
    await post("/api/v1/auth/logout", {}, { bearer: person.accessToken, headers: { traceparent } });
    const lost = () => logs().find((line) => line.event === "revocation_not_copied" && line.user_id === person.userId);
    await eventually(() => expect(lost()).toMatchObject({ trace_id: traceId, user_id: person.userId }));
  });

  it("is not sent to Have I Been Pwned, with which it would link a password to a person", async () => {
    const asked = fakeBreaches(() => range());
    const send = appWith({ BREACHED_PASSWORD_CHECK: "on" });
    await post("/api/v1/auth/register", newPerson(), { headers: { traceparent: GIVEN, tracestate: "a=b" } }, send);
    expect(asked).toHaveLength(1);
    expect(JSON.stringify([...(asked[0]?.headers ?? [])])).not.toContain(TRACE_ID);
    expect(asked[0]?.headers.has("tracestate")).toBe(false);
  });
});

describe("the trace of a call over RPC", () => {
  const auth = exports.AuthService;
  const calls = (logs: LogLine[]) => logs.filter(({ event }) => event === "rpc");

  it("is the one that the other Worker names", async () => {
    const { accessToken, userId } = await loggedIn();
    const logs = recordLogs();
    const { traceId, traceparent } = trace();
    await auth.verify(accessToken, { traceparent });
    await auth.user(userId, { traceparent });
    await auth.jwks({ traceparent });
    expect(calls(logs()).map(({ method, trace_id }) => [method, trace_id])).toEqual([
      ["verify", traceId],
      ["user", traceId],
      ["jwks", traceId],
    ]);
  });

  it.each([undefined, null, "text", 1, [], {}, { traceparent: 7 }, { traceparent: "nonsense" }])(
    "is a new one where the other Worker says %j",
    async (context) => {
      const logs = recordLogs();
      const untyped: (context: unknown) => Promise<unknown> = (value) => Reflect.apply(auth.jwks, auth, [value]);
      await untyped(context);
      expect(calls(logs())).toMatchObject([{ trace_id: expect.stringMatching(/^[\da-f]{32}$/) }]);
    },
  );
});

describe("the trace of the cron job", () => {
  it("is a new one for each run", async () => {
    const logs = recordLogs();
    await worker.scheduled?.({ scheduledTime: 0, cron: "* * * * *", noRetry() {} }, env);
    await worker.scheduled?.({ scheduledTime: 0, cron: "* * * * *", noRetry() {} }, env);
    const ids = logs()
      .filter(({ event }) => event === "tasks_ran")
      .map(({ trace_id }) => trace_id);
    expect(new Set(ids).size).toBe(2);
  });
});
