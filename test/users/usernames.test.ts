import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { runCronTasks } from "../../src/cron-tasks.ts";
import { readMe, register, tryLogin, verifyEmail } from "../support/account.ts";
import { atOnce, call, expectProblem, post, type Send, shown } from "../support/client.ts";
import { countRows } from "../support/database.ts";
import {
  eventsOf,
  type LoggedIn,
  loggedIn,
  logIn,
  mailedToken,
  mailsTo,
  newPerson,
  type Person,
  registered,
  rowOf,
  unverified,
  withStanding,
} from "../support/people.ts";
import { carryOutLeft, coldIsolate } from "../support/services.ts";
import { appInterrupted } from "../support/slow-database.ts";

const MADE_UP = /^user-[0-9a-f]{12}$/;
const DAY = 86_400_000;

const rename = ({ accessToken }: LoggedIn, username: string, send?: Send) =>
  call("PUT", "/api/v1/users/me", { bearer: accessToken, body: { username } }, send);

const waitingNames = async (email: string) => {
  const query = "SELECT username FROM registrations WHERE email = ? ORDER BY created_at, id";
  const { results } = await env.DB.prepare(query).bind(email).all<{ username: string }>();
  return results.map(({ username }) => username);
};

let admin: LoggedIn;

beforeAll(async () => {
  admin = await withStanding("admin");
});

/** Invites a person, who accepts the invitation with this username. */
async function acceptAs(username: string, send?: Send) {
  const person = { ...newPerson(), username };
  await post("/api/v1/invitations", { email: person.email }, { bearer: admin.accessToken });
  const token = await mailedToken(person.email);
  return { person, answer: await post("/api/v1/auth/accept-invitation", { ...person, token }, {}, send) };
}

describe("a person who registers again with the same username and password", () => {
  it("corrects a mistyped email address: the new one gets a link, and the old one's link stops working", async () => {
    const mistyped = await unverified();
    const before = await rowOf(mistyped.email);
    const right = { ...mistyped, email: newPerson().email };
    const answer = await register({ ...right, username: right.username.toUpperCase(), token: undefined });
    expect({ status: answer.status, json: answer.json }).toEqual({
      status: 202,
      json: { status: "verification_required" },
    });
    expectProblem(await verifyEmail(mistyped.token), 400, "invalid_token");
    expect(await rowOf(mistyped.email), "nothing is left of the mistyped address").toBeNull();
    expect(await waitingNames(mistyped.email)).toEqual([]);
    expect((await verifyEmail(await mailedToken(right.email))).status).toBe(200);
    await logIn(right);
    await carryOutLeft();
    const query = "SELECT type, ip_address FROM audit_events WHERE user_id = ?";
    const { results } = await env.DB.prepare(query).bind(before?.id).all();
    expect(results, "no personal data in the audit log either").toEqual([{ type: "registered", ip_address: null }]);
  });

  it("leaves the other registrations of the mistyped address alone", async () => {
    const mistyped = await unverified();
    const owner = await unverified({ ...newPerson(), email: mistyped.email }, 2);
    const { token: _, ...right } = { ...mistyped, email: newPerson().email };
    expect((await register(right)).status).toBe(202);
    expect((await rowOf(owner.email))?.username, "the account is not theirs any more").toMatch(MADE_UP);
    expect((await verifyEmail(owner.token)).status).toBe(200);
    expect((await logIn(owner)).answer.json.user.username).toBe(owner.username);
  });

  it("whose response got lost gets it again: one registration waits, and both links work", async () => {
    const person = newPerson();
    const first = await register({ ...person, first_name: "Ada" });
    const again = await register({ ...person, first_name: "Grace" });
    expect(shown(again)).toEqual(shown(first));
    expect(await waitingNames(person.email)).toEqual([person.username]);
    const mails = await mailsTo(person.email, 2);
    const tokens = mails.map(({ text }) => /#token=([\w-]+)/.exec(text)?.[1] ?? "");
    expect((await verifyEmail(tokens[1] ?? "")).status, "the first link").toBe(200);
    expect((await logIn(person)).answer.json.user.first_name).toBe("Grace");
    expect(await countRows("users", "email", person.email)).toBe(1);
    await eventsOf(String((await rowOf(person.email))?.id), "registered", 1);
  });

  it("sends it many times at once, and one registration waits", async () => {
    const person = newPerson();
    const answers = await atOnce(6, () => register(person));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(202));
    expect(await waitingNames(person.email)).toEqual([person.username]);
  });

  it("sends the right address many times at once after a mistyped one, and one registration waits", async () => {
    const mistyped = await unverified();
    const { token: _, ...right } = { ...mistyped, email: newPerson().email };
    const answers = await atOnce(4, () => register(right));
    expect(answers.map(({ status }) => status)).toEqual(Array(4).fill(202));
    expect(await waitingNames(mistyped.email)).toEqual([]);
    expect(await waitingNames(right.email)).toEqual([right.username]);
    expect((await verifyEmail(await mailedToken(right.email))).status).toBe(200);
    await logIn(right);
  });

  it("gets the same response whether or not the addresses have accounts", async () => {
    const [owner, other] = [await registered(), await registered()];
    const answers = [];
    for (const emails of [
      [newPerson().email, newPerson().email],
      [owner.email, newPerson().email],
      [newPerson().email, owner.email],
      [owner.email, other.email],
      [owner.email, owner.email],
    ]) {
      const person = newPerson();
      for (const email of emails) answers.push(shown(await register({ ...person, email })));
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    await logIn(owner);
    await logIn(other);
  });

  it("does not learn by a login afterwards whether the first address has an account", async () => {
    const owner = await registered();
    for (const email of [owner.email, newPerson().email]) {
      const person = { ...newPerson(), email };
      await register(person);
      await register({ ...person, email: newPerson().email });
      expectProblem(await tryLogin(person), 401, "invalid_credentials");
    }
  });

  it("gets 409 once the address of the first registration was verified, even at that moment", async () => {
    const person = await unverified();
    const { token, ...right } = { ...person, email: newPerson().email };
    const verifiesFirst = appInterrupted("insert into `registrations`", () => verifyEmail(token));
    expectProblem(await register(right, verifiesFirst), 409, "username_taken");
    expectProblem(await register(right), 409, "username_taken");
    expect(await rowOf(right.email)).toBeNull();
    await logIn(person);

    const { token: link, ...again } = await unverified();
    const verifiesLast = appInterrupted("update `registrations` set `first_name`", () => verifyEmail(link));
    expectProblem(await register(again, verifiesLast), 409, "username_taken");
    await logIn(again);
  });
});

describe("a stranger who registers a username that waits for another", () => {
  it("gets 409 with any other password, and the registration still works", async () => {
    const person = await unverified();
    for (const email of [person.email, newPerson().email]) {
      expectProblem(await register({ ...newPerson(), username: person.username, email }), 409, "username_taken");
    }
    expect((await verifyEmail(person.token)).status).toBe(200);
    await logIn(person);
  });

  it("has no more guesses at its password than by logging in, and learns nothing by guessing on", async () => {
    const person = await unverified();
    const guess = (password: string, email = newPerson().email) =>
      post(
        "/api/v1/auth/register",
        { ...newPerson(), username: person.username, password, email },
        { address: "192.0.2.99" },
      );
    const wrong = await guess("a wrong password, surely");
    for (let guesses = 1; guesses < 10; guesses++) await guess("a wrong password, surely");
    const right = await guess(person.password);
    expectProblem(right, 409, "username_taken");
    expect(shown(right).text).toBe(shown(wrong).text);
    const login = { username: person.username, password: person.password };
    expectProblem(await post("/api/v1/auth/login", login, { address: "192.0.2.99" }), 429, "rate_limited");
    expect((await verifyEmail(person.token)).status).toBe(200);
    await logIn(person);
  });
});

describe("a registration that was never proved gives up its username", () => {
  const CLAIMS: [string, (username: string) => Promise<Person>][] = [
    [
      "a user who renames",
      async (username) => {
        const person = await loggedIn();
        expect((await rename(person, username.toUpperCase())).json.username).toBe(username.toUpperCase());
        return { ...person, username };
      },
    ],
    [
      "an accepted invitation",
      async (username) => {
        const { person, answer } = await acceptAs(username);
        expect(answer.status, answer.text).toBe(200);
        return person;
      },
    ],
  ];

  it.each(CLAIMS)("to %s, keeps its link, and gets a made-up one", async (_, claim) => {
    const waiting = await unverified();
    const claimant = await claim(waiting.username);
    expect(await waitingNames(waiting.email)).toEqual([expect.stringMatching(MADE_UP)]);
    expect((await rowOf(waiting.email))?.username).toMatch(MADE_UP);
    expectProblem(await tryLogin(waiting), 403, "email_not_verified");
    expect((await verifyEmail(waiting.token)).status).toBe(200);
    const { username } = (await logIn(waiting)).answer.json.user;
    expect(username).toMatch(MADE_UP);
    await logIn(claimant, { email: undefined, username: claimant.username });
  });

  it.each(CLAIMS)("to %s, even if its address has an account, and shows no difference", async (_, claim) => {
    const owner = await registered();
    const answers = [];
    for (const email of [owner.email, newPerson().email]) {
      const waiting = { ...newPerson(), email };
      await register(waiting);
      await claim(waiting.username);
      answers.push(
        (await tryLogin(waiting)).json.code,
        (await register({ ...waiting, email: newPerson().email })).json.code,
      );
    }
    expect(answers.slice(0, 2)).toEqual(["email_not_verified", "username_taken"]);
    expect(answers.slice(2)).toEqual(answers.slice(0, 2));
    await logIn(owner);
  });

  it("to the user who made it for a second address, or for their own", async () => {
    const person = await loggedIn();
    for (const email of [person.email, newPerson().email]) {
      const second = { ...newPerson(), email };
      expect((await register(second)).status).toBe(202);
      expect((await rename(person, second.username)).json.username).toBe(second.username);
    }
  });

  it("not to a claim that fails", async () => {
    const waiting = await unverified();
    const person = await loggedIn();
    const body = { username: waiting.username };
    const stale = { bearer: person.accessToken, body, headers: { "If-Match": '"1-1"' } };
    expectProblem(await call("PUT", "/api/v1/users/me", stale), 412, "precondition_failed");
    const send = appInterrupted("update `users` set", () =>
      call("PUT", "/api/v1/users/me", { bearer: person.accessToken, body: { first_name: "Ada" } }),
    );
    const current = { ...stale, headers: { "If-Match": (await readMe(person.accessToken)).headers.get("ETag") ?? "" } };
    expectProblem(await call("PUT", "/api/v1/users/me", current, send), 412, "precondition_failed");
    expect(await waitingNames(waiting.email)).toEqual([waiting.username]);
    expect((await verifyEmail(waiting.token)).status).toBe(200);
    expect((await logIn(waiting)).answer.json.user.username).toBe(waiting.username);
  });

  it("to one of two who claim it at once, and the other gets 409", async () => {
    const waiting = await unverified();
    const people = [await loggedIn(), await loggedIn()];
    const answers = await Promise.all(people.map((person) => rename(person, waiting.username)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it("or keeps it, if it is proved a moment before the claim", async () => {
    const waiting = await unverified();
    const person = await loggedIn();
    const send = appInterrupted("update `users` set", () => verifyEmail(waiting.token));
    expectProblem(await rename(person, waiting.username, send), 409, "username_taken");
    expect((await logIn(waiting)).answer.json.user.username).toBe(waiting.username);
  });
});

describe("the former username of a user who has renamed", () => {
  it("can be taken by others, and by that user again, while the account exists", async () => {
    const [person, other] = [await loggedIn(), await loggedIn()];
    expect((await rename(person, newPerson().username)).status).toBe(200);
    expect((await rename(person, person.username)).status, "back again").toBe(200);
    expect((await rename(person, newPerson().username)).status).toBe(200);
    expect((await rename(other, person.username)).status).toBe(200);
    const { results } = await env.DB.prepare("SELECT * FROM retired_usernames").all();
    expect(JSON.stringify(results)).not.toContain(person.username);
  });

  it("is retired for 90 days once the account is deleted, for registering, renaming and invitations", async () => {
    const [person, other] = [await loggedIn(), await loggedIn()];
    await rename(person, newPerson().username);
    const body = { password: person.password };
    expect((await call("DELETE", "/api/v1/users/me", { bearer: person.accessToken, body })).status).toBe(204);
    const former = person.username.toUpperCase();
    expectProblem(await register({ ...newPerson(), username: former }), 409, "username_taken");
    expectProblem(await rename(other, former), 409, "username_taken");
    expectProblem((await acceptAs(former)).answer, 409, "username_taken");
    vi.setSystemTime(Date.now() + 91 * DAY);
    await runCronTasks(coldIsolate());
    expect((await register({ ...newPerson(), username: former })).status).toBe(202);
  });

  it("is retired like the last one", async () => {
    const person = await loggedIn();
    const last = newPerson().username;
    await rename(person, last);
    const body = { password: person.password };
    expect((await call("DELETE", "/api/v1/users/me", { bearer: person.accessToken, body })).status).toBe(204);
    for (const username of [person.username, last]) {
      expectProblem(await register({ ...newPerson(), username }), 409, "username_taken");
    }
  });

  it("is not retired by a change of its case, nor by a refused change", async () => {
    const [person, owner] = [await loggedIn(), await registered()];
    expect((await rename(person, person.username.toUpperCase())).status).toBe(200);
    expectProblem(await rename(person, owner.username), 409, "username_taken");
    expect(await retiredBy(person.username)).toBe(0);
    expect((await rename(person, person.username)).status).toBe(200);
  });

  it("is retired whichever of two changes of the username at once comes first", async () => {
    const person = await loggedIn();
    const [first, second] = [newPerson().username, newPerson().username];
    const send = appInterrupted("update `users` set", () => rename(person, first));
    expect((await rename(person, second, send)).json.username).toBe(second);
    for (const username of [person.username, first]) expect(await retiredBy(username)).toBe(1);
  });

  it("are not more than ten in a day", async () => {
    const person = await loggedIn();
    const owner = await registered();
    expectProblem(await rename(person, owner.username), 409, "username_taken");
    for (let turn = 0; turn < 10; turn++) expect((await rename(person, newPerson().username)).status).toBe(200);
    expectProblem(await rename(person, newPerson().username), 429, "rate_limited");
    const names = { bearer: person.accessToken, body: { first_name: "Ada" } };
    expect((await call("PUT", "/api/v1/users/me", names)).status, "other changes still work").toBe(200);
  });

  const retiredBy = async (username: string) => {
    const { usernameDigest } = await import("../../src/users/login-names.ts");
    return countRows("retired_usernames", "digest", usernameDigest(username));
  };
});
