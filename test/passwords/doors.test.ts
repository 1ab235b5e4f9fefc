import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { forgotPassword } from "../support/account.ts";
import { altered } from "../support/altered.ts";
import { fakeBreaches, lineOf, never, range } from "../support/breaches.ts";
import { type Answer, appWith, atOnce, expectProblem, freshAddress, get, laneOf, post } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import { eventsOf, type LoggedIn, loggedIn, logIn, mailedToken, newPerson, rowOf } from "../support/people.ts";

const STRENGTH = "/api/v1/auth/password-strength";
const FINE = "a fine new password, never used";

type Send = ReturnType<typeof appWith>;
const theWorker = appWith({});
const lookingUp = appWith({ BREACHED_PASSWORD_CHECK: "on", BREACHED_PASSWORD_TIMEOUT_MILLISECONDS: "100" });
const insisting = appWith({ BREACHED_PASSWORD_CHECK: "required", BREACHED_PASSWORD_TIMEOUT_MILLISECONDS: "100" });

/** A user who is logged in and has a link to reset the password. */
interface Owner extends LoggedIn {
  token: string;
}

async function owner(): Promise<Owner> {
  const person = await loggedIn();
  expect((await forgotPassword(person.email)).status).toBe(202);
  return { ...person, token: await mailedToken(person.email, 2) };
}

/** Every endpoint that sets a password, and the one that only checks it. */
const DOORS = {
  register: ({ email, username }: Owner, password: string, send: Send, address = freshAddress()) =>
    post("/api/v1/auth/register", { email, username, password }, { address }, send),
  reset: ({ token }: Owner, new_password: string, send: Send, address = freshAddress()) =>
    post("/api/v1/auth/reset-password", { token, new_password }, { address }, send),
  change: ({ accessToken, password }: Owner, new_password: string, send: Send) =>
    post("/api/v1/users/change-password", { current_password: password, new_password }, { bearer: accessToken }, send),
  strength: ({ email, username }: Owner, password: string, send: Send, address = freshAddress()) =>
    post(STRENGTH, { email, username, password }, { address }, send),
};

type Fault = { field: string; code: string; message: string };

/** The faults that an endpoint reports, without the field's name, which differs. */
function faultsOf(answer: Answer): Omit<Fault, "field">[] {
  return answer.json.errors.map(({ field: _, ...fault }: Fault) => fault);
}

describe("a password to be set", () => {
  let ada: Owner;

  beforeAll(async () => {
    ada = await owner();
  });

  it.each([
    ["is too short", () => "fourteen chars", ["too_short"]],
    ["is too long", () => "x".repeat(257), ["too_long"]],
    ["holds half a character", () => `${"p".repeat(20)}\ud800`, ["invalid"]],
    ["is the address", ({ email }) => email, ["contains_email", "contains_username"]],
    [
      "contains the username",
      ({ username }) => `I am ${username.toUpperCase()}!`,
      ["contains_email", "contains_username"],
    ],
    ["contains the product's name", () => "open up, POSTERN", ["contains_product_name"]],
    ["is common", () => "PasswordPassword", ["too_common"]],
    ["has leaked", () => "a leaked password of mine", ["breached"]],
  ] as [string, (person: Owner) => string, string[]][])(
    "is refused by every door in the same words if it %s [PW-1, PW-2, PW-5, PW-6]",
    async (_what, make, codes) => {
      const password = make(ada);
      fakeBreaches(() => range(lineOf("a leaked password of mine", 7)));
      const before = await rowOf(ada.email);
      const told = await DOORS.strength(ada, password, lookingUp);
      expect(told.status).toBe(200);
      expect(told.json.acceptable).toBe(false);
      expect(faultsOf(told).map(({ code }) => code)).toEqual(codes);
      for (const [name, field] of [
        ["register", "password"],
        ["reset", "new_password"],
        ["change", "new_password"],
      ] as const) {
        const answer = await DOORS[name](ada, password, lookingUp);
        expectProblem(answer, 422, "validation_failed");
        expect(faultsOf(answer), name).toEqual(faultsOf(told));
        expect(answer.json.errors.map((fault: Fault) => fault.field)).toEqual(codes.map(() => field));
      }
      expect(await rowOf(ada.email)).toEqual(before);
    },
  );

  it("is not looked up or hashed if a local rule refuses it", async () => {
    const asked = fakeBreaches(() => range());
    const noHash = appWith({ BREACHED_PASSWORD_CHECK: "on", ...laneOf(0) });
    for (const door of [DOORS.register, DOORS.reset, DOORS.strength]) {
      const answers = await atOnce(4, () => door(ada, "PasswordPassword", noHash));
      for (const answer of answers) expect(faultsOf(answer)).toMatchObject([{ code: "too_common" }]);
    }
    expect(asked).toEqual([]);
  });

  it("is taken by every door where nothing is wrong with it, also when padding bears its hash [PW-1]", async () => {
    const person = await owner();
    const fifteen = "fifteen letters";
    fakeBreaches(() => range(lineOf(fifteen, 0)));
    expect((await DOORS.strength(person, fifteen, lookingUp)).json).toEqual({ acceptable: true, errors: [] });
    expect((await DOORS.register({ ...person, ...newPerson() }, fifteen, lookingUp)).status).toBe(202);
    expect((await DOORS.change(person, fifteen, lookingUp)).status).toBe(204);
    const other = await owner();
    expect((await DOORS.reset(other, fifteen, lookingUp)).status).toBe(204);
  });

  it("is held to the product's name and the lengths of the configuration", async () => {
    const other = appWith({ PRODUCT_NAME: "Acme Accounts", PASSWORD_MIN_LENGTH: "8", PASSWORD_MAX_LENGTH: "64" });
    for (const door of Object.values(DOORS)) {
      const answer = await door(ada, "acme accounts, mine", other);
      expect(faultsOf(answer)).toMatchObject([{ code: "contains_product_name" }]);
      expect(faultsOf(await door(ada, "trustno1", other))).toMatchObject([{ code: "too_common" }]);
      expect(faultsOf(await door(ada, "x".repeat(65), other))).toMatchObject([{ code: "too_long" }]);
    }
    expect((await DOORS.strength(ada, "trustno1!", other)).json.acceptable).toBe(true);
  });

  it("is looked up at one hop more, of which five digits of a hash leave", async () => {
    const asked = fakeBreaches(() => range());
    const isolate = appWith({ BREACHED_PASSWORD_CHECK: "on" });
    // With this request, the isolate reads the list of common passwords, so the next one is without that hop.
    await DOORS.strength(ada, "passwordpassword", isolate);
    const answer = await DOORS.strength(ada, FINE, isolate);
    expect(answer.headers.get("Server-Timing")).toMatch(/limiter;.*wave 1.*breaches;.*wave 2/);
    expect(asked.map(({ url }) => url)).toEqual([
      expect.stringMatching(/^https:\/\/api\.pwnedpasswords\.com\/range\/[0-9A-F]{5}$/),
    ]);
  });

  it("is looked up nowhere unless that is switched on, in development", async () => {
    const asked = fakeBreaches(() => range(lineOf(FINE, 7)));
    expect((await DOORS.strength(ada, FINE, theWorker)).json).toEqual({ acceptable: true, errors: [] });
    expect(asked).toEqual([]);
  });
});

describe("the list of common passwords", () => {
  const commonPasswords = () => env.ASSETS.fetch("http://localhost/common-passwords.bin");
  const hopsOf = ({ headers }: Answer) => (headers.get("Server-Timing") ?? "").replaceAll(/;dur=\d+;desc=/g, " ");

  it("is read at one hop, with the first password that an isolate checks", async () => {
    const isolate = appWith({});
    const person = await owner();
    expect(hopsOf(await DOORS.strength(person, FINE, isolate))).toBe('limiter "wave 1", assets "wave 2"');
    expect(hopsOf(await DOORS.strength(person, "passwordpassword", isolate))).toBe('limiter "wave 1"');
  });

  it.each<[string, () => Promise<Response>]>([
    ["is missing", async () => new Response("no such file", { status: 404 })],
    ["cannot be read", () => Promise.reject(new Error("no assets"))],
    ["breaks off", async () => new Response(new ReadableStream({ pull: (to) => to.error(new Error("gone")) }))],
    ["is empty", async () => new Response("")],
    ["is a page instead", async () => new Response("<!doctype html><title>App</title>")],
    ["is half there", async () => new Response((await (await commonPasswords()).arrayBuffer()).slice(0, 20_000))],
  ])("lets no password be set where it %s, until it is there, while logins go on", async (_what, answer) => {
    let assets = answer;
    const ASSETS = { fetch: () => assets(), connect: env.ASSETS.connect };
    const isolate = appWith({}, { ASSETS });
    const person = await owner();
    const newcomer = { ...person, ...newPerson() };
    for (const door of [DOORS.reset, DOORS.change, DOORS.strength])
      expectProblem(await door(person, FINE, isolate), 503, "unavailable");
    expectProblem(await DOORS.register(newcomer, FINE, isolate), 503, "unavailable");
    const login = { email: person.email, password: person.password };
    expect((await post("/api/v1/auth/login", login, {}, isolate)).status).toBe(200);
    assets = commonPasswords;
    expect((await DOORS.register(newcomer, FINE, isolate)).status).toBe(202);
    expect((await DOORS.reset(person, FINE, isolate)).status).toBe(204);
  });

  it("is not served", async () => {
    expect((await get("/common-passwords.bin")).status).toBe(404);
  });
});

describe("a new password behind a link", () => {
  it("is judged only if the link is valid, and leaves the link valid when it is refused [PR-5]", async () => {
    const person = await owner();
    const asked = fakeBreaches(() => range(lineOf("a leaked password of mine", 7)));
    const { token } = person;
    for (const bad of ["AAAA", altered(token)]) {
      expectProblem(await DOORS.reset({ ...person, token: bad }, "PasswordPassword", lookingUp), 400, "invalid_token");
      expectProblem(await DOORS.reset({ ...person, token: bad }, FINE, lookingUp), 400, "invalid_token");
    }
    expect(asked).toEqual([]);
    for (const poor of ["PasswordPassword", "a leaked password of mine", `${person.username} is me`])
      expectProblem(await DOORS.reset(person, poor, lookingUp), 422, "validation_failed");
    expect((await DOORS.reset(person, FINE, lookingUp)).status).toBe(204);
    await logIn({ ...person, password: FINE });
  });
});

describe("a changed password", () => {
  it("is judged once the current one was right, and its refusal costs no attempt", async () => {
    const person = await owner();
    const asked = fakeBreaches(() => range());
    const wrong = { ...person, password: "not the current one" };
    expectProblem(await DOORS.change(wrong, "PasswordPassword", lookingUp), 403, "wrong_password");
    expectProblem(await DOORS.change(wrong, FINE, lookingUp), 403, "wrong_password");
    expect(asked).toEqual([]);
    for (let attempt = 0; attempt < 12; attempt++) {
      const refused = await DOORS.change(person, "PasswordPassword", lookingUp);
      expectProblem(refused, 422, "validation_failed");
      expect(refused.headers.has("RateLimit")).toBe(true);
    }
    expect((await DOORS.change(person, FINE, lookingUp)).status).toBe(204);
  });
});

describe("registering", () => {
  it("gives the same response and look-up, whether or not the address has an account", async () => {
    const person = await owner();
    const asked = fakeBreaches(() => range(lineOf("a leaked password of mine", 7)));
    for (const password of ["PasswordPassword", "a leaked password of mine", FINE]) {
      const known = await DOORS.register({ ...person, username: newPerson().username }, password, lookingUp);
      const fresh = await DOORS.register({ ...person, ...newPerson() }, password, lookingUp);
      expect(known.status).toBe(fresh.status);
      expect(known.json.errors).toEqual(fresh.json.errors);
    }
    expect(asked.map(({ url }) => url)).toEqual([0, 0, 1, 1].map((index) => asked[index * 2]?.url));
  });
});

describe("when Have I Been Pwned", () => {
  const silences = [
    ["is down", () => Promise.reject(new TypeError("no route")), "unreachable"],
    ["is slow", never, "timeout"],
    ["limits us", () => new Response("slow down", { status: 429 }), "status_429"],
    ["fails", () => new Response("oh", { status: 500 }), "status_500"],
    ["answers garbage", () => new Response("<html>"), "unreadable"],
  ] as [string, Parameters<typeof fakeBreaches>[0], string][];

  it.each(silences)(
    "%s, the list of common passwords still holds, the rest is taken and counted [PW-7]",
    async (_what, answer, reason) => {
      const person = await owner();
      fakeBreaches(answer);
      const logs = recordLogs();
      for (const door of Object.values(DOORS)) {
        const poor = await door(person, "PasswordPassword", lookingUp);
        expect(faultsOf(poor)).toMatchObject([{ code: "too_common" }]);
        expect(poor.json).not.toHaveProperty("breach_check");
      }
      const told = { acceptable: true, errors: [], breach_check: "unavailable" };
      expect((await DOORS.strength(person, FINE, lookingUp)).json).toEqual(told);
      expect((await DOORS.change(person, FINE, lookingUp)).status).toBe(204);
      const lines = logs().filter(({ event }) => event === "breach_check_unavailable");
      expect(lines).toMatchObject(Array(2).fill({ level: "warn", error_code: reason }));
      const [changed] = await eventsOf(person.userId, "password_changed");
      expect(changed?.details).toBe('{"breach_check":"unavailable"}');
    },
  );

  it("is down, the audit log notes it for a registration and a reset", async () => {
    const [person, fresh] = [await owner(), newPerson()];
    fakeBreaches(() => new Response(null, { status: 503 }));
    expect((await DOORS.reset(person, FINE, lookingUp)).status).toBe(204);
    expect((await DOORS.register({ ...person, ...fresh }, FINE, lookingUp)).status).toBe(202);
    const reset = (await eventsOf(person.userId, "password_reset"))[0];
    const { id } = (await rowOf(fresh.email)) ?? {};
    const registered = (await eventsOf(String(id), "registered"))[0];
    for (const event of [reset, registered]) expect(event?.details).toBe('{"breach_check":"unavailable"}');
  });

  it("answers, the audit log says nothing of it", async () => {
    const person = await owner();
    fakeBreaches(() => range());
    expect((await DOORS.change(person, FINE, lookingUp)).status).toBe(204);
    expect((await eventsOf(person.userId, "password_changed"))[0]?.details).toBeNull();
  });

  it.each(silences)(
    "%s and an answer is required, no door takes a password, and nothing changes",
    async (_what, answer) => {
      const person = await owner();
      const before = await rowOf(person.email);
      fakeBreaches(answer);
      for (const door of Object.values(DOORS)) {
        const refused = await door(person, FINE, insisting);
        expectProblem(refused, 503, "unavailable");
        expect(refused.headers.has("Retry-After")).toBe(true);
        expect(faultsOf(await door(person, "PasswordPassword", insisting))).toMatchObject([{ code: "too_common" }]);
      }
      expect(await rowOf(person.email)).toEqual(before);
      fakeBreaches(() => range());
      expect((await DOORS.reset(person, FINE, insisting)).status).toBe(204);
    },
  );
});

describe("a refusal for want of an answer", () => {
  let ada: Owner;

  beforeAll(async () => {
    ada = await owner();
  });

  it.each([
    ["register", "registerPerAddress", 202],
    ["reset", "linkAttemptsPerAddress", 204],
    ["strength", "passwordStrengthPerAddress", 200],
  ] as const)("costs no attempt to %s", async (name, rule, status) => {
    const send = appWith({ BREACHED_PASSWORD_CHECK: "required", RATE_LIMITS: `${rule}=1/1h` });
    const person = name === "register" ? { ...ada, ...newPerson() } : ada;
    const address = freshAddress();
    fakeBreaches(() => new Response(null, { status: 503 }));
    for (let turn = 0; turn < 3; turn++)
      expectProblem(await DOORS[name](person, FINE, send, address), 503, "unavailable");
    fakeBreaches(() => range());
    expect((await DOORS[name](person, FINE, send, address)).status).toBe(status);
    expectProblem(await DOORS[name](person, FINE, send, address), 429, "rate_limited");
  });
});

describe(`POST ${STRENGTH}`, () => {
  it("works without an email address and with half a form", async () => {
    expect((await post(STRENGTH, { password: "I am Ada Lovelace" })).json.acceptable).toBe(true);
    const half = await post(STRENGTH, { password: "I am Ada Lovelace", email: "ada.lovelace", username: "a" });
    expect(half.json.errors).toMatchObject([{ field: "password", code: "contains_email" }]);
    expect((await post(STRENGTH, { password: "" })).json.errors).toMatchObject([{ code: "too_short" }]);
    expect((await post(STRENGTH, { password: "x".repeat(60_000) })).json.errors).toMatchObject([{ code: "too_long" }]);
  });

  it("refuses what is no question, and never says the password again", async () => {
    for (const body of [{}, { password: 15 }, { password: FINE, age: 3 }, { password: FINE, email: "x".repeat(255) }]) {
      expectProblem(await post(STRENGTH, body), 422, "validation_failed");
    }
    for (const password of [FINE, "PasswordPassword", "x".repeat(300)]) {
      const answer = await post(STRENGTH, { password });
      expect(answer.text).not.toContain(password);
      expect(answer.headers.get("Cache-Control")).toBe("no-store");
    }
  });

  it("is answered 300 times in five minutes to one address", async () => {
    // Stops the clock, because attempts become available again over time.
    vi.setSystemTime(Date.now());
    const address = freshAddress();
    const ask = () => post(STRENGTH, { password: "short" }, { address });
    const answers: Answer[] = [];
    for (let wave = 0; wave < 15; wave++) answers.push(...(await atOnce(20, ask)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expectProblem(await ask(), 429, "rate_limited");
    expect((await post(STRENGTH, { password: "short" })).status).toBe(200);
  });
});
