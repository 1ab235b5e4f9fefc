import * as runtime from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { createHashingLane } from "../src/passwords/hashing-lane.ts";
import { systemClock } from "../src/platform/clock.ts";
import { Hops } from "../src/platform/hops.ts";
import { type Tracing, useTracing } from "../src/platform/spans.ts";
import { tryLogin } from "./support/account.ts";
import { type Answer, get } from "./support/client.ts";
import { loggedIn } from "./support/people.ts";

interface SeenSpan {
  name: string;
  attributes: Record<string, unknown>;
}

/** Records the spans that the service passes to the runtime's own tracing. */
function recordSpans(isTraced = true): SeenSpan[] {
  const spans: SeenSpan[] = [];
  const recording: Tracing = {
    enterSpan: (name, work) =>
      runtime.tracing.enterSpan(name, (span) => {
        const attributes: SeenSpan["attributes"] = {};
        spans.push({ name, attributes });
        const setAttribute = (key: string, value: number | string) => {
          attributes[key] = value;
          span.setAttribute(key, value);
        };
        return work({ isTraced, setAttribute });
      }),
  };
  useTracing(recording);
  return spans;
}

afterEach(() => useTracing(runtime.tracing));

describe("a span of the platform's tracing", () => {
  it("is around every storage hop and every hash of a request, and holds nothing of a person", async () => {
    const person = await loggedIn();
    const spans = recordSpans();
    const answer: Answer = await tryLogin(person);
    expect(answer.status).toBe(200);
    const names = spans.map(({ name }) => name);
    const hops = (answer.headers.get("Server-Timing") ?? "")
      .split(", ")
      .map((hop) => `postern.hop.${hop.split(";")[0]}`);
    expect(names).toEqual(expect.arrayContaining([...hops, "postern.hash", "postern.hash.compute"]));
    const first = spans.find(({ name }) => name === "postern.hop.d1");
    expect(first?.attributes).toEqual({ "postern.hop.depth": 1 });
    expect(spans.find(({ name }) => name === "postern.hash")?.attributes).toEqual({ "postern.hash.ahead": 0 });
    const text = JSON.stringify(spans);
    for (const personal of [person.email, person.username, person.userId]) expect(text).not.toContain(personal);
  });

  it("passes results and failures through", async () => {
    recordSpans();
    const hops = new Hops(systemClock);
    expect(await hops.hop("kv", async () => 7)).toBe(7);
    const out = new Error("out");
    await expect(hops.hop("kv", () => Promise.reject(out))).rejects.toMatchObject({ cause: out });
    const lane = createHashingLane(0, 0, systemClock);
    expect(await lane.run(() => "hashed")).toBe("hashed");
    const failing = lane.run(() => {
      throw out;
    });
    await expect(failing).rejects.toBe(out);
  });

  it("gets no attributes where the request is not sampled", async () => {
    const spans = recordSpans(false);
    // No work in the background calls this target, so the span is the test's own.
    await new Hops(systemClock).hop("breaches", async () => "answer");
    const own = spans.filter(({ name }) => name === "postern.hop.breaches");
    expect(own).toEqual([{ name: "postern.hop.breaches", attributes: {} }]);
  });

  it("is missed by nothing on a runtime without it", async () => {
    useTracing(undefined);
    const { accessToken: bearer } = await loggedIn();
    expect((await get("/api/v1/users/me", { bearer })).status).toBe(200);
  });
});
