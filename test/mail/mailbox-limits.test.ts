import { describe, expect, it, vi } from "vitest";
import { forgotPassword, register, resetPassword } from "../support/account.ts";
import { appWith, atOnce, call, freshAddress, inTurn, post } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { recordLogs } from "../support/logs.ts";
import {
  eventsOf,
  type LoggedIn,
  loggedIn,
  logIn,
  mailedToken,
  mailsTo,
  newPerson,
  registered,
  tokenAbout,
  withStanding,
} from "../support/people.ts";

const RESEND = "/api/v1/auth/resend-verification";
const RESET = /^Reset your Postern password$/;

type Logs = ReturnType<typeof recordLogs>;

/** The lines about emails that requests in these logs have caused. Emails of earlier files can still be on their way. */
function ownEmails(logs: Logs) {
  const lines = logs();
  const traces = new Set(lines.filter(({ event }) => event === "request").map(({ trace_id }) => trace_id));
  return lines.filter(({ event, trace_id }) => event.startsWith("mail_") && traces.has(trace_id));
}

/** Waits until this many emails were sent or found unnecessary, counted from the beginning of the logs. */
const settled = (logs: Logs, count: number) =>
  eventually(() => {
    const done = ownEmails(logs).filter(({ event }) => event === "mail_sent" || event === "mail_not_needed");
    expect(done.length).toBeGreaterThanOrEqual(count);
  });

const resetsTo = async (email: string) => (await mailsTo(email)).filter(({ subject }) => RESET.test(subject));

/** What strangers can do to cause emails to an address, each as often as its own limit allows. */
const registerIt = (email: string) => inTurn(8, () => register({ ...newPerson(), email }));
const resendIt = (email: string) => inTurn(3, () => post(RESEND, { email }));
const forgetIt = (email: string) => inTurn(3, () => forgotPassword(email));
const claimIt = async (email: string) => {
  const claimants: LoggedIn[] = [await loggedIn(), await loggedIn(), await loggedIn()];
  const statuses: number[] = [];
  for (const { accessToken: bearer, password } of claimants) {
    statuses.push((await post("/api/v1/users/me/email", { email, password }, { bearer })).status);
  }
  return statuses;
};
const WAYS = { registerIt, resendIt, forgetIt, claimIt };

describe("the emails that strangers cause to one mailbox", () => {
  it.each([
    ["of an account", ["registerIt", "resendIt", "claimIt", "forgetIt"]],
    ["of an account, resets first", ["forgetIt", "claimIt", "resendIt", "registerIt"]],
    ["without an account", ["claimIt", "registerIt", "resendIt", "forgetIt"]],
    ["without an account, resends last", ["registerIt", "forgetIt", "claimIt", "resendIt"]],
  ] as const)(
    "are six an hour over all kinds, and every answer stays the same: %s",
    async (what, ways) => {
      const isOwned = what.startsWith("of");
      const email = isOwned ? (await registered()).email : newPerson().email;
      if (isOwned) vi.setSystemTime(Date.now() + 3_600_000);
      const start = Date.now();
      vi.setSystemTime(start);
      const logs = recordLogs();
      for (const way of ways) expect(new Set(await WAYS[way](email))).toEqual(new Set([202]));
      // The last 6: each of the 3 claimants gets an email to verify their own address, and one about the claim.
      await settled(logs, 8 + 3 + 3 + 3 + 6);
      const mails = (await mailsTo(email)).filter(({ sent_at }) => sent_at >= start);
      expect(mails).toHaveLength(6);
    },
    60_000,
  );

  it("leave a link for the owner who forgot the password, however much a stranger sent before", async () => {
    const person = await loggedIn();
    vi.setSystemTime(Date.now() + 3_600_000);
    const logs = recordLogs();
    await registerIt(person.email);
    await claimIt(person.email);
    await settled(logs, 8 + 9);
    expect(await resetsTo(person.email)).toEqual([]);
    expect((await forgotPassword(person.email)).status).toBe(202);
    const token = await tokenAbout(person.email, RESET);
    expect((await resetPassword(token)).status).toBe(204);
  }, 60_000);

  it("leave the links of before valid once a stranger has requested all of them", async () => {
    const person = await loggedIn();
    vi.setSystemTime(Date.now() + 3_600_000);
    const logs = recordLogs();
    await forgetIt(person.email);
    await registerIt(person.email);
    await settled(logs, 3 + 8);
    expect((await resetPassword(await tokenAbout(person.email, RESET))).status).toBe(204);
  }, 60_000);

  it("leave an operator's reset link", async () => {
    const [person, admin] = [await loggedIn(), await withStanding("superuser")];
    vi.setSystemTime(Date.now() + 3_600_000);
    const logs = recordLogs();
    await forgetIt(person.email);
    await registerIt(person.email);
    await settled(logs, 3 + 8);
    const { accessToken: bearer } = await logIn(admin);
    const path = `/api/v1/users/${person.userId}/send-password-reset`;
    expect((await call("POST", path, { bearer })).status).toBe(202);
    await eventually(async () => expect(await resetsTo(person.email)).toHaveLength(4));
  }, 60_000);

  it("come back in time", async () => {
    const { email } = newPerson();
    const logs = recordLogs();
    await registerIt(email);
    await settled(logs, 8);
    expect(await mailsTo(email)).toHaveLength(5);
    vi.setSystemTime(Date.now() + 3_600_000);
    await register({ ...newPerson(), email });
    await mailsTo(email, 6);
  });

  it("are no more when they are requested at once", async () => {
    const { email } = newPerson();
    const logs = recordLogs();
    await atOnce(12, () => register({ ...newPerson(), email }, appWith({})));
    await settled(logs, 12);
    expect(await mailsTo(email)).toHaveLength(5);
  });
});

describe("the notices of new logins", () => {
  it("are three an hour to one user, while every login is recorded", async () => {
    const person = await registered();
    await logIn(person, { device_name: "the first device" });
    const logs = recordLogs();
    for (let device = 0; device < 6; device++) await logIn(person, { device_name: `device ${device}` });
    const noticed = () => ownEmails(logs).filter(({ mail_kind }) => mail_kind === "new_login");
    await eventually(() => expect(noticed()).toHaveLength(6));
    expect(noticed().filter(({ event }) => event === "mail_sent")).toHaveLength(3);
    expect((await mailsTo(person.email)).filter(({ subject }) => /login/i.test(subject))).toHaveLength(3);
    const { answer } = await logIn(person, { device_name: "the first device" });
    expect(await eventsOf(answer.json.user.id, "login_succeeded", 8)).toHaveLength(8);
    vi.setSystemTime(Date.now() + 3_600_000);
    await logIn(person, { device_name: "a later device" });
    await eventually(() => expect(noticed().filter(({ event }) => event === "mail_sent")).toHaveLength(4));
  });

  it("do not use up the emails that the user requests", async () => {
    const person = await registered();
    const logs = recordLogs();
    for (let device = 0; device < 6; device++) {
      await logIn(person, { device_name: `device ${device}` }, { address: freshAddress() });
    }
    await settled(logs, 5);
    expect((await forgotPassword(person.email)).status).toBe(202);
    await eventually(async () => expect(await resetsTo(person.email)).toHaveLength(1));
    await mailedToken(person.email);
  });
});
