import { describe, expect, it } from "vitest";
import { call, expectProblem, get, post } from "../support/client.ts";
import {
  loggedIn,
  logIn,
  mailedToken,
  mailsTo,
  newPerson,
  registered,
  rowOf,
  withStanding,
} from "../support/people.ts";

const REGISTER = "/api/v1/auth/register";
const LOGIN = "/api/v1/auth/login";
const FORGOT = "/api/v1/auth/forgot-password";
const RESEND = "/api/v1/auth/resend-verification";
const CHANGE = "/api/v1/users/me/email";
const INVITE = "/api/v1/invitations";
const ACCEPT = "/api/v1/auth/accept-invitation";

/** A new address at an international domain: as it is stored, and in other spellings. */
function international() {
  const local = newPerson().email.replace(/@.*/, "");
  const stored = `${local}@xn--bcher-kva.example`;
  const unicode = `${local}@bücher.example`;
  const spellings = [
    unicode,
    stored,
    unicode.normalize("NFD"),
    unicode.toUpperCase(),
    stored.toUpperCase(),
    ` ${unicode}\n`,
    `\u202a\u00a0${unicode}\u200b\u202c`,
    unicode.replace(".", "\u3002"),
  ];
  return { stored, unicode, spellings };
}

describe("an address at an international domain", () => {
  it("has one account, whichever spelling registers, verifies, logs in and resets [RG-2]", async () => {
    const { stored, unicode, spellings } = international();
    const person = { ...newPerson(), email: unicode };
    expect((await post(REGISTER, person)).status).toBe(202);
    await mailsTo(stored);
    const [another = ""] = spellings.toReversed();
    expect((await post(RESEND, { email: another })).status).toBe(202);
    const token = await mailedToken(stored, 2);
    expect((await post("/api/v1/auth/verify-email", { token })).status).toBe(200);

    for (const email of spellings) {
      const answer = await post(LOGIN, { email, password: person.password });
      expect(answer.status, JSON.stringify(email)).toBe(200);
      expect(answer.json.user.email).toBe(stored);
    }
    expect((await post(FORGOT, { email: another })).status).toBe(202);
    expect((await mailsTo(stored, 3))[0]?.subject).toBe("Reset your Postern password");
    expect((await post(REGISTER, { ...newPerson(), email: another })).status).toBe(202);
    expect((await mailsTo(stored, 4))[0]?.subject).toBe("You already have an account with Postern");
  });

  it("is in the form of UTS 46 in capitals too, of which some have two small forms", async () => {
    const { email } = newPerson();
    const local = email.slice(0, email.indexOf("@"));
    const stored = `${local}@xn--4xaaa.xn--mxa9ab`;
    expect((await post(REGISTER, { ...newPerson(), email: `${local}@ΣΣΣ.ΣΑΣ` })).status).toBe(202);
    await mailsTo(stored);
  });

  it("has one budget of emails for all spellings", async () => {
    const { spellings } = international();
    const statuses = new Set<number>();
    for (const email of spellings) statuses.add((await post(FORGOT, { email })).status);
    expect(statuses).toEqual(new Set([202, 429]));
  });

  it("can be moved to, and the notice to the old address shows it in Unicode", async () => {
    const person = await loggedIn();
    const { stored, unicode, spellings } = international();
    const change = (email: string) =>
      post(CHANGE, { email, password: person.password }, { bearer: person.accessToken });
    expect((await change(unicode)).status).toBe(202);
    const token = await mailedToken(stored);
    expect((await post("/api/v1/auth/confirm-email", { token })).status).toBe(200);
    const [notice] = (await mailsTo(person.email, 3)).filter(({ subject }) => /has been changed/.test(subject));
    expect(notice?.text).toContain(`now uses ${unicode.at(0)}…@ bücher. example.`);

    for (const email of spellings) {
      const answer = await change(email);
      expectProblem(answer, 422, "validation_failed");
      expect(answer.json.errors).toMatchObject([{ field: "email", code: "unchanged" }]);
    }
  });

  it("can be invited in any spelling, and the link carries it in Unicode", async () => {
    const { accessToken: bearer } = await withStanding("admin");
    const { stored, unicode, spellings } = international();
    expect((await post(INVITE, { email: spellings[3] }, { bearer })).status).toBe(202);
    const [mail] = await mailsTo(stored);
    const [link = ""] = /http[^\s>]+/.exec(mail?.text ?? "") ?? [];
    expect(link).toMatch(/^[!-~]+$/);
    expect(new URLSearchParams(new URL(link).hash.slice(1)).get("email")).toBe(unicode);

    const token = await mailedToken(stored);
    const person = { ...newPerson(), email: unicode };
    expect((await post(ACCEPT, { ...person, token })).status).toBe(200);
    await logIn(person);
    expectProblem(await post(INVITE, { email: unicode }, { bearer }), 409, "email_taken");
  });

  it("is found by how it begins, in Unicode and in its ASCII form", async () => {
    const { accessToken: bearer } = await withStanding("admin");
    const { stored, unicode, spellings } = international();
    await registered({ ...newPerson(), email: stored });
    const found = async (q: string) => {
      const { json } = await get(`/api/v1/users/?q=${encodeURIComponent(q)}`, { bearer });
      return json.items.map(({ email }: { email: string }) => email);
    };
    const local = unicode.slice(0, unicode.indexOf("@") + 1);
    const beginnings = [local, `${local}b`, `${local}bü`, `${local}BÜCH`, `${local}bücher.`, `${local}xn--bcher`];
    for (const q of [...spellings, ...beginnings]) expect(await found(q), q).toEqual([stored]);
    for (const q of [`${local}ü`, `${local}bäcker.`, `${local}bucher`, `${local}bücher.org`]) {
      expect(await found(q), q).toEqual(q === `${local}ü` ? [stored] : []);
    }
  });
});

describe("an address whose domain begins with a number", () => {
  it.each(["163.com", "0x7f.example", "1.2.example", "126.xn--p1ai"])("is found by all of it: %s", async (domain) => {
    const { accessToken: bearer } = await withStanding("admin");
    const { email, ...person } = newPerson();
    const address = email.replace("example.com", domain);
    await registered({ ...person, email: address });
    const dots = [...address.matchAll(/\./g)].map(({ index }) => index);
    for (const length of [...dots, ...dots.map((dot) => dot + 1), address.length - 1, address.length]) {
      const q = encodeURIComponent(address.slice(0, length));
      const { json } = await get(`/api/v1/users/?q=${q}`, { bearer });
      expect(json.items, q).toMatchObject([{ email: address }]);
    }
  });
});

describe("an email address", () => {
  const LOCAL_64 = "l".repeat(64);
  const LABEL_63 = "d".repeat(63);

  it.each([
    ...["!", "#", "$", "%", "&", "'", "*", "+", "-", "/", "=", "?", "^", "_", "`", "{", "|", "}", "~"].map(
      (character) => `o${character}neil@example.com`,
    ),
    "!@example.com",
    "a.b.c@example.com",
    `${LOCAL_64}@example.com`,
    `ada@${LABEL_63}.example`,
    `${LOCAL_64}@${LABEL_63}.${LABEL_63}.${"d".repeat(57)}.org`,
    "ada@example.xn--p1ai",
    "ada@пример.рф",
    "ada@例え.テスト",
    "ada@faß.example",
    "ada@163.com",
    "ada@3m.example",
    "ada@ab--cd.example",
    "ada@e.x",
  ])("may be %s", async (email) => {
    const answer = await post(FORGOT, { email });
    expect(answer.status, answer.text).toBe(202);
  });

  it.each([
    ["invalid_format", "ada"],
    ["invalid_format", "@example.com"],
    ["invalid_format", "ada@"],
    ["invalid_format", "ada@localhost"],
    ["invalid_format", "ada@example.com@example.com"],
    ["invalid_format", ".ada@example.com"],
    ["invalid_format", "ada.@example.com"],
    ["invalid_format", "ada..lovelace@example.com"],
    ["invalid_format", "ada lovelace@example.com"],
    ["invalid_format", '"ada lovelace"@example.com'],
    ["invalid_format", "ada(countess)@example.com"],
    ["invalid_format", "ada,eve@example.com"],
    ["invalid_format", "<ada@example.com>"],
    ["invalid_format", "ada\u0000@example.com"],
    ["invalid_format", "ada\r\nbcc:eve@example.com"],
    ["invalid_format", `${LOCAL_64}l@example.com`],
    ["invalid_format", `ada@${LABEL_63}d.example`],
    ["invalid_format", `ada@${"ü".repeat(60)}.example`],
    ["invalid_format", "ada@example-.com"],
    ["invalid_format", "ada@-example.com"],
    ["invalid_format", "ada@example.com-"],
    ["invalid_format", "ada@bücher-.example"],
    ["invalid_format", "ada@-bücher.example"],
    ["invalid_format", "ada@exam_ple.com"],
    ["invalid_format", "ada@example..com"],
    ["invalid_format", "ada@.example.com"],
    ["invalid_format", "ada@example.com."],
    ["invalid_format", "ada@exa mple.com"],
    ["invalid_format", "ada@exa\tmple.com"],
    ["invalid_format", "ada@192.0.2.1"],
    ["invalid_format", "ada@0x7f.1"],
    ["invalid_format", "ada@example.0x1"],
    ["invalid_format", "ada@[192.0.2.1]"],
    ["invalid_format", "ada@[IPv6:2001:db8::1]"],
    ["invalid_format", "ada@example.com:25"],
    ["invalid_format", "ada@example%2ecom"],
    ["invalid_format", "ada@example\uff05\uff12ecom.com"],
    ["invalid_format", "ada@example.com/path"],
    ["invalid_format", "ada@example.com#token"],
    ["invalid_format", "ada@xn--zzzzzz.com"],
    ["invalid_format", "ada@xn--example-.com"],
    ["invalid_format", "ada@\ud800.example"],
    ["unsupported_local_part", "adá@example.com"],
    ["unsupported_local_part", "用户@例え.テスト"],
    ["unsupported_local_part", "a\u200bda@example.com"],
    ["too_long", `${LOCAL_64}@${LABEL_63}.${LABEL_63}.${"d".repeat(58)}.org`],
    ["too_long", `ada@${"ü".repeat(5_000)}.example`],
  ])("is refused with %s: %j", async (code, email) => {
    for (const path of [FORGOT, RESEND]) {
      const answer = await post(path, { email });
      expectProblem(answer, 422, "validation_failed");
      expect(answer.json.errors).toMatchObject([{ field: "email", code }]);
    }
  });
});

describe("spaces around what people type", () => {
  it("are left out when registering and logging in", async () => {
    const person = newPerson();
    const typed = {
      ...person,
      email: `\t${person.email} `,
      username: ` ${person.username}\u200b`,
      phone: "\u202d+441234567890\u202c",
      first_name: "\u200b Ada\u202c",
      last_name: "Lovelace 🏴󠁧󠁢󠁥󠁮󠁧󠁿\n",
    };
    await post(REGISTER, typed);
    expect((await post("/api/v1/auth/verify-email", { token: await mailedToken(person.email) })).status).toBe(200);
    expect(await rowOf(person.email)).toMatchObject({
      username: person.username,
      phone: "+441234567890",
      first_name: "Ada",
      last_name: "Lovelace 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    });
    for (const name of [{ email: typed.email }, { username: typed.username }]) {
      expect((await post(LOGIN, { ...name, password: person.password })).status).toBe(200);
    }
    expectProblem(await post(REGISTER, { ...newPerson(), username: typed.username }), 409, "username_taken");
  });

  it("are no name, however many there are", async () => {
    const answer = await post(REGISTER, { ...newPerson(), first_name: "\u200b\u2060 \u200e" });
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors).toMatchObject([{ field: "first_name", code: "too_short" }]);
  });

  it("are left out of a new username", async () => {
    const person = await loggedIn();
    const { username } = newPerson();
    const answer = await call("PUT", "/api/v1/users/me", {
      bearer: person.accessToken,
      body: { username: ` ${username} ` },
    });
    expect(answer.json.username).toBe(username);
  });

  it("are left out of a search, and a search for nothing else finds everybody", async () => {
    const { accessToken: bearer } = await withStanding("admin");
    const person = await registered();
    const found = async (q: string) => {
      const { json } = await get(`/api/v1/users/?q=${encodeURIComponent(q)}`, { bearer });
      return json.items.map(({ email }: { email: string }) => email);
    };
    for (const q of [` ${person.email} `, `\u00a0${person.username}\n`]) expect(await found(q)).toEqual([person.email]);
    expect((await found("  ")).length).toBeGreaterThan(1);
  });

  it("hide no part of the email address or username from the check of a password", async () => {
    const person = newPerson();
    const typed = { email: ` ${person.email}`, username: `${person.username} ` };
    const answer = await post("/api/v1/auth/password-strength", { ...typed, password: `${person.username} !` });
    expect(answer.json.errors.map(({ code }: { code: string }) => code)).toEqual([
      "contains_email",
      "contains_username",
    ]);
  });
});
