import { describe, expect, it, vi } from "vitest";
import { LIMIT_RULES } from "../../src/config/limit-rules.ts";
import { createChallenge } from "../../src/limits/turnstile.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { Hops } from "../../src/platform/hops.ts";
import { type Answer, appWith, atOnce, expectProblem, freshAddress, get, laneOf, post } from "../support/client.ts";
import { neverLog, recordLogs } from "../support/logs.ts";
import { mailsTo, newPerson, registered, rowOf } from "../support/people.ts";

const ENDPOINT = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

/** Cloudflare's test keys, with the response that Cloudflare's documentation gives for each key. */
const PASSES = "1x0000000000000000000000000000000AA";
const FAILS = "2x0000000000000000000000000000000AA";
const SPENT = "3x0000000000000000000000000000000AA";
const ANSWERS: Record<string, object> = {
  [PASSES]: {
    success: true,
    challenge_ts: "2022-02-28T15:14:30.096Z",
    hostname: "localhost",
    "error-codes": [],
    action: "test",
    cdata: "test-data",
  },
  [FAILS]: { success: false, "error-codes": ["invalid-input-response"] },
  [SPENT]: { success: false, "error-codes": ["timeout-or-duplicate"] },
};
const DUMMY = "XXXX.DUMMY.TOKEN.XXXX";

for (const secret of [...Object.keys(ANSWERS), DUMMY]) neverLog(secret);

const withKey = (key: string, more: Record<string, string> = {}) => appWith({ TURNSTILE_SECRET_KEY: key, ...more });

interface Asked {
  url: string;
  method: string;
  redirect: string;
  body: Record<string, unknown>;
}

/** Replaces Cloudflare, which the tests can't reach. Collects the requests. */
function cloudflare(answer = (secret: string): Response | Promise<Response> => Response.json(ANSWERS[secret])) {
  const asked: Asked[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    const body = await request.json<Record<string, unknown>>();
    asked.push({ url: request.url, method: request.method, redirect: request.redirect, body });
    init?.signal?.throwIfAborted();
    return answer(String(body.secret));
  });
  return asked;
}

interface Door {
  path: string;
  /** The body of a request that succeeds for this address. */
  body(email: string, password: string): object;
  success: number;
}

const DOORS: Door[] = [
  {
    path: "/api/v1/auth/register",
    body: (email, password) => ({ ...newPerson(), email, password }),
    success: 202,
  },
  { path: "/api/v1/auth/login", body: (email, password) => ({ email, password }), success: 200 },
  { path: "/api/v1/auth/forgot-password", body: (email) => ({ email }), success: 202 },
  { path: "/api/v1/auth/email-login", body: (email) => ({ email }), success: 202 },
];

describe.each(DOORS)("POST $path, where a challenge is asked for,", ({ path, body, success }) => {
  it("lets through who solved it, and asks Cloudflare once", async () => {
    const person = await registered();
    const asked = cloudflare();
    const address = freshAddress();
    const sent = { ...body(person.email, person.password), turnstile_token: DUMMY };
    const answer = await post(path, sent, { address }, withKey(PASSES));
    expect(answer.status, answer.text).toBe(success);
    const question = { secret: PASSES, response: DUMMY, remoteip: address };
    expect(asked).toEqual([{ url: ENDPOINT, method: "POST", redirect: "manual", body: question }]);
  });

  it.each([
    ["is refused", FAILS, DUMMY],
    ["is spent", SPENT, DUMMY],
  ])("refuses a token that %s in the same way for every address", async (_, key, token) => {
    const owner = await registered();
    const before = await rowOf(owner.email);
    cloudflare();
    const answers: Answer[] = [];
    for (const email of [owner.email, newPerson().email]) {
      const sent = { ...body(email, owner.password), turnstile_token: token };
      answers.push(await post(path, sent, {}, withKey(key)));
    }
    for (const answer of answers) {
      expectProblem(answer, 403, "challenge_failed");
      expect(answer.json.detail).toContain("Solve it again");
    }
    const [one, other] = answers.map(({ json: { request_id: _id, ...rest } }) => rest);
    expect(one).toEqual(other);
    expect(await rowOf(owner.email)).toEqual(before);
  });

  it.each([[undefined], [""]])("refuses the token %j without asking Cloudflare", async (token) => {
    const person = await registered();
    const asked = cloudflare();
    const sent = { ...body(person.email, person.password), turnstile_token: token };
    expectProblem(await post(path, sent, {}, withKey(PASSES)), 403, "challenge_failed");
    expect(asked).toEqual([]);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ["does not answer", () => Promise.reject(new TypeError("Network connection lost."))],
    ["answers with a page", () => new Response("<html>5xx</html>", { status: 502 })],
    ["answers with other JSON", () => Response.json({ message: "no" })],
    ["leads elsewhere", () => new Response(null, { status: 302, headers: { Location: "https://evil.example" } })],
    ["has a failure of its own", () => Response.json({ success: false, "error-codes": ["internal-error"] })],
    ["does not know our key", () => Response.json({ success: false, "error-codes": ["invalid-input-secret"] })],
    ["gives no reason", () => Response.json({ success: false })],
  ])("refuses everybody if Cloudflare %s, and logs it", async (_, answer) => {
    const person = await registered();
    cloudflare(answer);
    const logs = recordLogs();
    const sent = { ...body(person.email, person.password), turnstile_token: DUMMY };
    const refused = await post(path, sent, {}, withKey(PASSES));
    expectProblem(refused, 503, "unavailable");
    expect(refused.headers.get("Retry-After")).toMatch(/^\d+$/);
    expect(logs()).toContainEqual(expect.objectContaining({ level: "error", event: "turnstile_unavailable" }));
  });

  it("does not wait for Cloudflare without end", async () => {
    const person = await registered();
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
    cloudflare();
    const sent = { ...body(person.email, person.password), turnstile_token: DUMMY };
    expectProblem(await post(path, sent, {}, withKey(PASSES)), 503, "unavailable");
    expect(timeout).toHaveBeenCalledExactlyOnceWith(5_000);
  });

  it("takes a token of 2048 characters, and none that is longer", async () => {
    const person = await registered();
    cloudflare();
    const sent = body(person.email, person.password);
    const fits = await post(path, { ...sent, turnstile_token: "x".repeat(2_048) }, {}, withKey(PASSES));
    expect(fits.status).toBe(success);
    const long = await post(path, { ...sent, turnstile_token: "x".repeat(2_049) }, {}, withKey(PASSES));
    expectProblem(long, 422, "validation_failed");
    expect(long.json.errors).toMatchObject([{ field: "turnstile_token", code: "too_long" }]);
  });

  it("doesn't ask Cloudflare if no challenge is configured", async () => {
    const person = await registered();
    const asked = cloudflare();
    for (const more of [{}, { turnstile_token: DUMMY }]) {
      expect((await post(path, { ...body(person.email, person.password), ...more })).status).toBe(success);
    }
    expect(asked).toEqual([]);
  });
});

describe("a challenge that was not solved", () => {
  it("spends none of an account's logins", async () => {
    const { email, password } = await registered();
    cloudflare();
    const address = freshAddress();
    const { budget } = LIMIT_RULES.loginPerAccountAndAddress;
    for (let attempt = 0; attempt <= budget; attempt++) {
      const refused = await post("/api/v1/auth/login", { email, password }, { address }, withKey(PASSES));
      expectProblem(refused, 403, "challenge_failed");
    }
    const solved = { email, password, turnstile_token: DUMMY };
    expect((await post("/api/v1/auth/login", solved, { address }, withKey(PASSES))).status).toBe(200);
  });

  it("spends none of the mails of an address", async () => {
    const { email } = await registered();
    cloudflare();
    const { budget } = LIMIT_RULES.mailPerRecipient;
    for (let attempt = 0; attempt <= budget; attempt++) {
      const sent = { email, turnstile_token: DUMMY };
      expectProblem(await post("/api/v1/auth/forgot-password", sent, {}, withKey(FAILS)), 403, "challenge_failed");
    }
    const sent = { email, turnstile_token: DUMMY };
    expect((await post("/api/v1/auth/forgot-password", sent, {}, withKey(PASSES))).status).toBe(202);
    await mailsTo(email, 2);
  });

  it("costs no hash: it takes no place in the lane, where one that was solved does", async () => {
    const { email, password } = await registered();
    cloudflare();
    const body = { email, password, turnstile_token: DUMMY };
    const inParallel = (key: string) => {
      const send = withKey(key, { ...laneOf(0), RATE_LIMITING: "off" });
      return atOnce(5, () => post("/api/v1/auth/login", body, {}, send));
    };
    for (const answer of await inParallel(FAILS)) expectProblem(answer, 403, "challenge_failed");
    expect((await inParallel(PASSES)).some(({ json }) => json.code === "busy")).toBe(true);
  });
});

describe("a challenge at login", () => {
  it("is asked about beside the limits and the look-up: two round trips as ever", async () => {
    const { email, password } = await registered();
    cloudflare();
    const logs = recordLogs();
    const answer = await post("/api/v1/auth/login", { email, password, turnstile_token: DUMMY }, {}, withKey(PASSES));
    expect(answer.status).toBe(200);
    expect(logs().find(({ event }) => event === "request")).toMatchObject({ hops: 2 });
    expect(answer.headers.get("Server-Timing")).toMatch(/turnstile;dur=[\d.]+;desc="wave 1"/);
  });

  it("doesn't reveal whether the password was right", async () => {
    const { email, password } = await registered();
    cloudflare();
    const answers: object[] = [];
    for (const typed of [password, "a wrong password, surely"]) {
      const sent = { email, password: typed, turnstile_token: DUMMY };
      const { json, status } = await post("/api/v1/auth/login", sent, {}, withKey(SPENT));
      const { request_id: _, ...rest } = json;
      answers.push({ status, rest });
    }
    expect(answers[0]).toEqual(answers[1]);
  });

  it("does not come before the limits: who is over them hears of those", async () => {
    const address = freshAddress();
    const { email } = newPerson();
    cloudflare();
    const { budget } = LIMIT_RULES.loginPerAccountAndAddress;
    const sent = { email, password: "a wrong password, surely", turnstile_token: DUMMY };
    for (let attempt = 0; attempt < budget; attempt++) {
      expectProblem(await post("/api/v1/auth/login", sent, { address }, withKey(PASSES)), 401, "invalid_credentials");
    }
    expectProblem(await post("/api/v1/auth/login", sent, { address }, withKey(FAILS)), 429, "rate_limited");
  });
});

describe("whether a challenge is asked for", () => {
  it("is told at / for forms to heed, and the key is not", async () => {
    const asking = await get("/", {}, withKey(PASSES));
    expect(asking.json.challenge).toBe("turnstile");
    expect(asking.text).not.toContain(PASSES);
    expect((await get("/")).json.challenge).toBeNull();
  });
});

describe("a challenge at registration", () => {
  it("is not asked about where registration is closed", async () => {
    const asked = cloudflare();
    const sent = { ...newPerson(), turnstile_token: DUMMY };
    const send = withKey(PASSES, { REGISTRATION: "closed" });
    expectProblem(await post("/api/v1/auth/register", sent, {}, send), 403, "registration_closed");
    expect(asked).toEqual([]);
  });
});

describe("a client whose address is not known", () => {
  it("is not named to Cloudflare", async () => {
    const asked = cloudflare();
    const challenge = createChallenge({ secretKey: PASSES }, new Hops(systemClock));
    expect(await challenge.check(DUMMY, "unknown")).toBeUndefined();
    expect(asked.map(({ body }) => body)).toEqual([{ secret: PASSES, response: DUMMY }]);
  });
});
