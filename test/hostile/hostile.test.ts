import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../src/endpoint/endpoint.ts";
import { appWith } from "../support/client.ts";
import { operations } from "../support/openapi.ts";
import { Cast } from "./cast.ts";
import { type HostileRequest, ordinaryRequest, requestsNowhere, requestsTo, sweepOf } from "./requests.ts";
import { runs } from "./runs.ts";
import { sendHostile } from "./send.ts";

/** Access tokens live through the longest run. */
const values = { ACCESS_TOKEN_EXPIRE_MINUTES: "1440" };
const apps = { plain: appWith({ ...values, RATE_LIMITING: "off" }), limited: appWith(values) };
const cast = new Cast(apps.plain);
const aimOf = ({ method, path }: Endpoint) => `${method.toUpperCase()} ${path}`;
const aims = [
  ...operations.map((operation) => ({ operation, aim: aimOf(operation), requests: requestsTo(operation) })),
  { operation: undefined, aim: "paths that nobody answers", requests: requestsNowhere },
].map((one, index) => ({ ...one, index }));
/** Operations that have answered a request with their success status. */
const hit = new Set<string>();
/** How often each status came back, by operation. */
const counts = new Map(aims.map(({ aim }) => [aim, new Map<number, number>()]));
/** The more input an operation takes, the more requests it gets, because more can be wrong. */
const weightOf = (operation: Endpoint | undefined) => (operation?.body ? 4 : operation?.query ? 3 : 1);
const weights = aims.reduce((sum, { operation }) => sum + weightOf(operation), 0);
const shareOf = (operation: Endpoint | undefined) => runs(weightOf(operation) / weights);
/** In milliseconds: a second for each request. The 1,000 are for the requests with which every run begins. */
const timeout = (1_000 + runs(4 / weights).numRuns) * 1_000;

beforeAll(() => cast.rally());

describe("a hostile request", () => {
  it.each(aims)(
    "$aim: every answer is documented, and tells nothing of our insides or of what is secret",
    async ({ aim, operation, requests, index }) => {
      const property = fc.asyncProperty(requests, async (hostile) => {
        const sent = await sendHostile(hostile, cast, apps);
        if (sent === undefined) return fc.pre(false);
        if (sent.request.method === operation?.method.toUpperCase() && sent.status === operation.answers[0]?.status)
          hit.add(aim);
        const tally = counts.get(aim);
        tally?.set(sent.status, (tally.get(sent.status) ?? 0) + 1);
      });
      const first = operation === undefined ? [] : [ordinaryRequest(operation), ...sweepOf(operation)];
      const { numRuns, seed } = shareOf(operation);
      await fc.assert(property, {
        examples: first.map((one): [HostileRequest] => [one]),
        numRuns: first.length + numRuns,
        seed: seed + index,
        maxSkipsPerRun: 1_000,
      });
    },
    timeout,
  );

  it("has reached every route, and what lies behind its checks", async ({ annotate }) => {
    const lines = aims.map(({ aim, operation }) => {
      const tally = counts.get(aim) ?? new Map<number, number>();
      const total = [...tally.values()].reduce((sum, count) => sum + count, 0);
      const statuses = [...tally].toSorted(([one], [other]) => one - other).map((pair) => pair.join("×"));
      expect(total, aim).toBeGreaterThanOrEqual(shareOf(operation).numRuns);
      return `${String(total).padStart(6)}  ${aim}: ${statuses.join(" ")}`;
    });
    await annotate(`Requests, and the statuses that came back:\n${lines.join("\n")}`);
    // These succeed only with a signature over the challenge of an earlier request. test/factors/ sends hostile ones.
    const signed = [
      "POST /api/v1/auth/passkey",
      "POST /api/v1/auth/enrolment/passkey",
      "POST /api/v1/users/me/factors/passkeys",
    ];
    // This answers 404, because no app on another domain is configured here.
    const unused = "GET /.well-known/webauthn";
    expect(operations.map(aimOf).filter((aim) => !hit.has(aim))).toEqual([unused, ...signed]);
  });
});

// Deletes what the cast has left, so that it does not disturb other tests.
afterAll(async () => {
  for (const table of ["users", "registrations", "email_changes", "outbox", "audit_events"]) {
    await env.DB.exec(`DELETE FROM ${table}`);
  }
});
