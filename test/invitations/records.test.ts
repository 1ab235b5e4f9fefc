import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { LIMIT_RULES } from "../../src/config/limit-rules.ts";
import { runCronTasks } from "../../src/cron-tasks.ts";
import { composeMail } from "../../src/mail/compose.ts";
import { appWith, call, expectProblem, get, post } from "../support/client.ts";
import { openInvitation } from "../support/invitations.ts";
import { recordLogs } from "../support/logs.ts";
import {
  type LoggedIn,
  loggedIn,
  logIn,
  mailedToken,
  mailsTo,
  newPerson,
  type Person,
  registered,
  withStanding,
} from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const INVITATIONS = "/api/v1/invitations";
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

interface Listed {
  id: string;
  email: string;
}

let admin: LoggedIn;

beforeAll(async () => {
  // Other test files leave invitations. Some have times in the future, so the list would show them first.
  await env.DB.exec("DELETE FROM invitations");
  admin = await withStanding("admin");
});

const list = (query = "limit=100") => get(`${INVITATIONS}?${query}`, { bearer: admin.accessToken });
const invite = (email: string) => post(INVITATIONS, { email }, { bearer: admin.accessToken });
const resend = (id: string, bearer = admin.accessToken, send?: Parameters<typeof call>[3]) =>
  call("POST", `${INVITATIONS}/${id}/resend`, { bearer }, send);
const revoke = (id: string) => call("DELETE", `${INVITATIONS}/${id}`, { bearer: admin.accessToken });
const accept = (body: object) => post("/api/v1/auth/accept-invitation", body);

const listed = async (email: string): Promise<Listed[]> =>
  (await list()).json.items.filter((one: Listed) => one.email === email);

/** Invites a person. Returns the person, the link's token and the invitation's id. */
async function invited(person: Person = newPerson()) {
  expect((await invite(person.email)).status).toBe(202);
  const [invitation] = await listed(person.email);
  return { ...person, token: await mailedToken(person.email), id: String(invitation?.id) };
}

const bodyOf = ({ id: _, ...body }: Person & { token: string; id: string }) => body;

const addressOf = async (id: string) =>
  env.DB.prepare("SELECT email FROM invitations WHERE id = ?").bind(id).first<string | null>("email");

async function eventAbout(id: string, type: string) {
  const query = "SELECT * FROM audit_events WHERE type = ? AND details ->> 'invitation_id' = ?";
  return env.DB.prepare(query).bind(type, id).first();
}

describe("GET /api/v1/invitations", () => {
  it("lists what was sent, newest first, with its state", async () => {
    const { email } = newPerson();
    const before = Date.now();
    await post(INVITATIONS, { email, locale: "de" }, { bearer: admin.accessToken });
    const old = newPerson().email;
    await openInvitation(admin.userId, old, 2 * DAY);
    const { items } = (await list()).json;
    const [newest] = items;
    expect(newest).toMatchObject({ email, locale: "de", invited_by: admin.userId, state: "open" });
    expect(Date.parse(newest.created_at)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(newest.expires_at) - Date.parse(newest.created_at)).toBe(DAY);
    expect(items.find((one: Listed) => one.email === old)).toMatchObject({ state: "expired" });
    expect(items.map(({ id }: Listed) => id)).toEqual(
      items
        .map(({ id }: Listed) => id)
        .toSorted()
        .toReversed(),
    );
  });

  it("gives every invitation once, however small the pages, while others are added", async () => {
    const mine = new Set<string>();
    for (let count = 0; count < 7; count++) mine.add(await openInvitation(admin.userId));
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const { json } = await list(`limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`);
      seen.push(...json.items.map(({ id }: Listed) => id));
      cursor = json.next_cursor;
      await openInvitation(admin.userId);
    }
    expect(seen).toHaveLength(new Set(seen).size);
    for (const id of mine) expect(seen).toContain(id);
  });

  it("leaves out an address that has an account by now: a release without records has accepted it", async () => {
    const { email } = await registered();
    const id = await openInvitation(admin.userId);
    await env.DB.prepare("UPDATE invitations SET email = ? WHERE id = ?").bind(email, id).run();
    expect(await listed(email)).toEqual([]);
  });
});

describe("an invitation that is accepted", () => {
  it("is gone from the list with its address, and so are all others of the address", async () => {
    const person = await invited();
    const other = await openInvitation(admin.userId, person.email);
    expect((await accept(bodyOf(person))).status).toBe(200);
    expect(await listed(person.email)).toEqual([]);
    for (const id of [person.id, other]) {
      expect(await addressOf(id)).toBeNull();
      expectProblem(await revoke(id), 404, "not_found");
      expectProblem(await resend(id), 404, "not_found");
    }
  });

  it("makes no second account after the first one was deleted", async () => {
    const person = await invited();
    expect((await accept(bodyOf(person))).status).toBe(200);
    const { accessToken: bearer } = await logIn(person);
    const leave = { bearer, body: { password: person.password } };
    expect((await call("DELETE", "/api/v1/users/me", leave)).status).toBe(204);
    expectProblem(await accept(bodyOf(person)), 400, "invalid_token");
  });

  it("is forgotten with the account, if a release without records has accepted it", async () => {
    const person = await loggedIn();
    const id = await openInvitation(admin.userId);
    await env.DB.prepare("UPDATE invitations SET email = ? WHERE id = ?").bind(person.email, id).run();
    const leave = { bearer: person.accessToken, body: { password: person.password } };
    expect((await call("DELETE", "/api/v1/users/me", leave)).status).toBe(204);
    expect(await addressOf(id)).toBeNull();
  });

  it("works without a record, as an earlier release has sent it", async () => {
    const person = await invited();
    await env.DB.prepare("DELETE FROM invitations WHERE id = ?").bind(person.id).run();
    expect((await accept(bodyOf(person))).status).toBe(200);
    await logIn(person);
  });
});

describe("DELETE /api/v1/invitations/{id}", () => {
  it("makes every link of the address answer invalid_token, and keeps no address", async () => {
    const person = await invited();
    const other = await openInvitation(admin.userId, person.email);
    expect((await revoke(person.id.toUpperCase())).status).toBe(204);
    expectProblem(await accept(bodyOf(person)), 400, "invalid_token");
    expect(await listed(person.email)).toEqual([]);
    expect([await addressOf(person.id), await addressOf(other)]).toEqual([null, null]);
    expect(await eventAbout(person.id, "invitation_revoked")).toMatchObject({ actor_id: admin.userId, user_id: null });
    expectProblem(await revoke(person.id), 404, "not_found");
    expectProblem(await revoke(crypto.randomUUID()), 404, "not_found");
  });

  it("does not hinder a new invitation of the address", async () => {
    const person = await invited();
    expect((await revoke(person.id)).status).toBe(204);
    expect((await invite(person.email)).status).toBe(202);
    const token = await mailedToken(person.email, 2);
    expect((await accept({ ...bodyOf(person), token })).status).toBe(200);
  });

  it("stops an email that is still on its way", async () => {
    const { email } = newPerson();
    const invitationId = await openInvitation(admin.userId, email);
    const event = { kind: "invitation" as const, invitationId, inviterId: admin.userId, email, locale: "en" };
    const request = { id: crypto.randomUUID(), requestedAt: Date.now() };
    const compose = () =>
      composeMail({ ...request, event: { ...event, expiresAt: Date.now() + HOUR } }, true, coldIsolate());
    expect(await compose()).toBeDefined();
    expect((await revoke(invitationId)).status).toBe(204);
    expect(await compose()).toBeUndefined();
  });

  it("and an acceptance at the same time never both succeed", async () => {
    for (let round = 0; round < 4; round++) {
      const person = await invited();
      const [accepted, revoked] = await Promise.all([accept(bodyOf(person)), revoke(person.id)]);
      if (accepted.status === 200) {
        await logIn(person);
        expectProblem(revoked, 404, "not_found");
      } else {
        expectProblem(accepted, 400, "invalid_token");
        expect(revoked.status).toBe(204);
        expectProblem(
          await get(`/api/v1/users/lookup?email=${person.email}`, { bearer: admin.accessToken }),
          404,
          "not_found",
        );
      }
    }
  });

  it("holds in the batch that makes the user, if it comes after the link was checked", async () => {
    const { email } = newPerson();
    const invitationId = await openInvitation(admin.userId, email);
    const { invitations } = coldIsolate();
    const user = {
      ...newPerson(),
      email,
      invitationId,
      id: crypto.randomUUID(),
      passwordHash: "!",
      link: crypto.randomUUID(),
    };
    const { password: _, ...chosen } = user;
    const profile = { firstName: null, lastName: null, phone: null, locale: "en" as const };
    expect((await revoke(invitationId)).status).toBe(204);
    const consequences = { events: [], followUps: [], dueAt: 0 };
    const accepted = invitations.accept(
      { ...chosen, ...profile },
      { consequences, makesFirstSuperuser: false, now: Date.now() },
    );
    expect(await accepted).toMatchObject({ code: "invalid_token" });
    expectProblem(await get(`/api/v1/users/lookup?email=${email}`, { bearer: admin.accessToken }), 404, "not_found");
  });
});

describe("POST /api/v1/invitations/{id}/resend", () => {
  it("emails another link in the same language, and the earlier one still works", async () => {
    const person = await invited();
    const start = Date.now();
    vi.setSystemTime(start + HOUR / 6);
    const other = await withStanding("superuser");
    const answer = await resend(person.id, other.accessToken);
    expect(answer.status, answer.text).toBe(202);
    expect(answer.json.status).toBe("accepted");
    const second = await mailedToken(person.email, 2);
    expect(second).not.toBe(person.token);
    expect((await mailsTo(person.email, 2))[0]?.text).toContain(`${other.username} has invited you`);
    const [found] = await listed(person.email);
    expect(found).toMatchObject({ id: person.id, invited_by: admin.userId, expires_at: answer.json.expires_at });
    expect(await eventAbout(person.id, "invitation_resent")).toMatchObject({ actor_id: other.userId });
    expect((await accept(bodyOf(person))).status).toBe(200);
    expectProblem(await accept({ ...bodyOf(person), token: second }), 409, "invitation_used");
  });

  it("revives an invitation that has expired", async () => {
    const person = newPerson();
    const id = await openInvitation(admin.userId, person.email, 2 * DAY);
    expect((await resend(id)).status).toBe(202);
    expect(await listed(person.email)).toMatchObject([{ id, state: "open" }]);
    expect((await accept({ ...person, token: await mailedToken(person.email) })).status).toBe(200);
  });

  it("takes from the same budgets as inviting", async () => {
    const { email, id } = await invited();
    for (let count = 1; count < LIMIT_RULES.mailPerRecipient.budget; count++)
      expect((await resend(id)).status).toBe(202);
    const refused = await resend(id);
    expectProblem(refused, 429, "rate_limited");
    expect(refused.headers.get("RateLimit-Policy")).toContain('"invitationsPerUser";q=100;w=3600');
    expectProblem(await invite(email), 429, "rate_limited");
  });

  it("is refused where registration is closed, where the address has an account, and for no invitation", async () => {
    const id = await openInvitation(admin.userId);
    expectProblem(await resend(id, undefined, appWith({ REGISTRATION: "closed" })), 403, "registration_closed");
    const { email } = await registered();
    await env.DB.prepare("UPDATE invitations SET email = ? WHERE id = ?").bind(email, id).run();
    expectProblem(await resend(id), 409, "email_taken");
    expectProblem(await resend(crypto.randomUUID()), 404, "not_found");
    const { invitations } = coldIsolate();
    const gone = {
      id: crypto.randomUUID(),
      email: newPerson().email,
      locale: "en",
      invitedBy: "",
      createdAt: 0,
      expiresAt: 0,
    };
    const nothing = { events: [], followUps: [], dueAt: 0 };
    expect(await invitations.renew(gone, nothing), "revoked meanwhile").toMatchObject({ code: "not_found" });
  });

  it("writes no address into a log", async () => {
    const logs = recordLogs();
    const { email, id } = await invited();
    await resend(id);
    await revoke(id);
    expect(JSON.stringify(logs())).not.toContain(email);
  });
});

describe("the cron job", () => {
  it("deletes an invitation a week after it has expired, open or not", async () => {
    const stale = await openInvitation(admin.userId, undefined, 9 * DAY);
    const spent = await openInvitation(admin.userId, undefined, 9 * DAY);
    const late = await openInvitation(admin.userId, undefined, 7 * DAY);
    expect((await revoke(spent)).status).toBe(204);
    await runCronTasks(coldIsolate());
    const { results } = await env.DB.prepare("SELECT id FROM invitations").all<{ id: string }>();
    const ids = results.map(({ id }) => id);
    expect(ids).toContain(late);
    for (const id of [stale, spent]) expect(ids).not.toContain(id);
  });
});
