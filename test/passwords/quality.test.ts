import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { MAX_PASSWORD_LENGTH } from "../../src/config/settings/password-rules.ts";
import { type Breaches, lookUpBreach } from "../../src/passwords/breaches.ts";
import { createCommonPasswords } from "../../src/passwords/common-passwords.ts";
import { containsWord, wordsOfEmail } from "../../src/passwords/context-words.ts";
import { decodeFingerprints, encodeFingerprints, fingerprint } from "../../src/passwords/fingerprint-set.ts";
import { newPassword, typedPassword } from "../../src/passwords/policy.ts";
import { createPasswordQuality, type PasswordOwner, type QualityRules } from "../../src/passwords/quality.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { Hops } from "../../src/platform/hops.ts";
import { fakeBreaches, lineOf, never, range } from "../support/breaches.ts";

const ADA: PasswordOwner = { email: "ada.lovelace@example.com", username: "countess" };
const RULES: QualityRules = { minimumLength: 15, maximumLength: 256, breachCheck: "on" };
const isCommon = createCommonPasswords().in(env.ASSETS, new Hops(systemClock));
const PASSWORD = "a password that was never typed before";

/** A list of leaked passwords, which contains `known`. If `known` is `undefined`, the list does not answer. */
function breachesOf(known: string[] | undefined): Breaches & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    know: async (password) => {
      asked.push(password);
      return known?.includes(password);
    },
  };
}

async function judge(
  password: string,
  { owner = ADA, rules = {}, product = "Postern", breaches = breachesOf([]) } = {},
): Promise<unknown> {
  const quality = createPasswordQuality({ ...RULES, ...rules }, product, { isCommon, breaches });
  const judgement = await quality.check(password, owner);
  return "faults" in judgement ? judgement.faults.map(({ code }) => code) : judgement;
}

describe("the judgement of a new password", () => {
  it.each([
    ["fourteen chars", ["too_short"]],
    ["e\u0301".repeat(14), ["too_short"]],
    ["e\u0301".repeat(15), []],
    ["🔑".repeat(14), ["too_short"]],
    ["🔑".repeat(15), []],
    ["p".repeat(257), ["too_long"]],
    ["p".repeat(256), []],
    ["🔑".repeat(256), []],
    [`half a character \ud800`, ["invalid"]],
    ["ada.lovelace@example.com", ["contains_email"]],
    ["I am Ada Lovelace, surely", ["contains_email"]],
    ["ADALOVELACE1815", ["contains_email"]],
    ["ａｄａ．ｌｏｖｅｌａｃｅ of London", ["contains_email"]],
    ["the Countess of London", ["contains_username"]],
    ["let me in, POSTERN please", ["contains_product_name"]],
    ["countess of postern", ["contains_username", "contains_product_name"]],
    ["passwordpassword", ["too_common"]],
    ["PasswordPassword", ["too_common"]],
    ["passwordpassword, mine", []],
    ["password", ["too_short", "too_common"]],
    ["correct horse battery staple", []],
    ["               ", []],
  ])("finds in %j %j [PW-3, PW-5, PW-6]", async (password, faults) => {
    expect(await judge(password)).toEqual(faults);
  });

  it.each([
    [8, "seven77", ["too_short"]],
    [8, "trustno1", ["too_common"]],
    [8, "trustno1!", []],
    [12, "1234567890qw", ["too_common"]],
    [64, "correct horse battery staple", ["too_short"]],
  ])("holds at a least length of %i: %j has %j", async (minimumLength, password, faults) => {
    expect(await judge(password, { rules: { minimumLength } })).toEqual(faults);
  });

  it("holds at another greatest length", async () => {
    expect(await judge("x".repeat(64), { rules: { maximumLength: 64 } })).toEqual([]);
    expect(await judge("x".repeat(65), { rules: { maximumLength: 64 } })).toEqual(["too_long"]);
  });

  it("compares with the email address and the username, if they are given", async () => {
    expect(await judge("I am Ada Lovelace, a countess", { owner: {} })).toEqual([]);
    expect(await judge("I am Ada Lovelace, a countess")).toEqual(["contains_email", "contains_username"]);
  });

  it("knows the product by the name that it goes by", async () => {
    expect(await judge("let me in, postern please", { product: "Acme Accounts" })).toEqual([]);
    for (const password of ["AcmeAccounts 2026!", "my acme-accounts word", "acme  accounts acme"])
      expect(await judge(password, { product: "Acme Accounts" })).toEqual(["contains_product_name"]);
  });

  it("is looked up among leaked passwords only if nothing else is wrong and the check is on", async () => {
    const breaches = breachesOf([PASSWORD]);
    expect(await judge(PASSWORD, { breaches })).toEqual(["breached"]);
    expect(await judge("the Countess of London", { breaches })).toEqual(["contains_username"]);
    expect(await judge(PASSWORD, { breaches, rules: { breachCheck: "off" } })).toEqual([]);
    expect(breaches.asked).toEqual([PASSWORD]);
  });

  it("stands without an answer, and says so, unless one is required", async () => {
    const breaches = breachesOf(undefined);
    const lenient = createPasswordQuality(RULES, "Postern", { isCommon, breaches });
    expect(await lenient.check(PASSWORD, ADA)).toEqual({ faults: [], breachesUnknown: true });
    expect(await lenient.require("password", PASSWORD, ADA)).toEqual({ details: { breach_check: "unavailable" } });
    expect(await lenient.require("password", "passwordpassword", ADA)).toMatchObject({
      code: "validation_failed",
      details: { errors: [{ field: "password", code: "too_common" }] },
    });
    const strict = createPasswordQuality({ ...RULES, breachCheck: "required" }, "Postern", { isCommon, breaches });
    expect(await strict.check(PASSWORD, ADA)).toMatchObject({ code: "unavailable" });
    expect(await strict.require("password", PASSWORD, ADA)).toMatchObject({ code: "unavailable" });
  });

  it("says with every fault which rule it is and how to do better, and never the password", async () => {
    const quality = createPasswordQuality(RULES, "Postern", { isCommon, breaches: breachesOf([PASSWORD]) });
    const says: [string, RegExp][] = [
      ["short one here", /at least 15 characters\. A few unrelated words/],
      ["x".repeat(257), /256 characters or fewer\./],
      ["ada lovelace, 1815", /part of your email address.*\. Use a few words/],
      ["countess of London", /your username.*\. Use a few words/],
      ["postern, open up now", /the name Postern.*\. Use a few unrelated words/],
      ["qwertyuiopasdfgh", /too common\. Use a few unrelated words/],
      [PASSWORD, /appeared in a data breach.*\. Choose another/],
    ];
    for (const [password, words] of says) {
      const judgement = await quality.check(password, ADA);
      const [fault] = "faults" in judgement ? judgement.faults : [];
      expect(fault?.message).toMatch(words);
      expect(fault?.message).not.toContain(password);
    }
  });
});

describe("the words of an owner", () => {
  it.each([
    ["ada", "the adaptable type", false],
    ["ada", "for Ada, with love", true],
    ["ada", "ada-ada-ada-ada", true],
    ["Ann", "planning annually", false],
    ["jo", "jo jo jo jo jo jo", false],
    ["a", "a b c d e f g h i", false],
    ["anna", "hosanna in the highest", false],
    ["anna", "Anna, in the highest", true],
    ["info", "useful information here", false],
    ["info", "all-my-INFO-is-here", true],
    ["alice", "malice in wonderland", true],
    ["anna", "plan native gardens", false],
    ["o'neil", "ONeil's password", true],
    ["-", "all - the - dashes", false],
    ["", "anything", false],
    ["a.b-c_d", "remember abcd now", true],
    ["(.*)+$", "anything at all", false],
    ["straße", "in der STRASSE hier", false],
    ["jörg", "ich bin Jo\u0308rg", true],
  ])("%j in %j: %s", (word, password, expected) => {
    expect(containsWord(password, word)).toBe(expected);
  });

  it("are looked for in no more time than the password is long", () => {
    const hostile = "a.".repeat(32);
    expect(containsWord("a".repeat(31) + ".".repeat(225), hostile)).toBe(false);
  });

  it("of an address are its local part, with the tag and without", () => {
    expect(wordsOfEmail("ada@example.com")).toEqual(["ada"]);
    expect(wordsOfEmail("ada+shop@example.com")).toEqual(["ada+shop", "ada"]);
    expect(wordsOfEmail("ada, not yet typed to its end")).toEqual(["ada, not yet typed to its end"]);
  });
});

describe("the list of common passwords", () => {
  it("takes none of 20,000 fine passwords for a common one", async () => {
    const taken: string[] = [];
    for (let index = 0; index < 20_000; index++) {
      const fine = `a fine password, no ${index}`;
      if (await isCommon(fine)) taken.push(fine);
    }
    expect(taken).toEqual([]);
  });

  it("is read back as it was written, with one entry, many and none", () => {
    for (const count of [0, 1, 2, 7, 500, 5_000]) {
      const texts = Array.from({ length: count }, (_, index) => `text ${index}`);
      const expected = new Set(texts.map(fingerprint));
      expect(decodeFingerprints(encodeFingerprints([...texts, ...texts]))).toEqual(expected);
    }
  });
});

describe("Have I Been Pwned", () => {
  it("is sent five digits of the hash of the composed form, asked for padding, and for nothing else", async () => {
    const asked = fakeBreaches(() => range());
    expect(await lookUpBreach("password", 1_500)).toBe(false);
    expect(await lookUpBreach("cafe\u0301", 1_500)).toBe(false);
    expect(await lookUpBreach("caf\u00e9", 1_500)).toBe(false);
    const urls = asked.map(({ url }) => url);
    // SHA-1 of "password" is 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
    expect(urls[0]).toBe("https://api.pwnedpasswords.com/range/5BAA6");
    expect(urls[1]).toBe(urls[2]);
    for (const { headers, init } of asked) {
      expect([...headers.keys()].sort()).toEqual(["add-padding", "user-agent"]);
      expect(headers.get("Add-Padding")).toBe("true");
      expect(init).toMatchObject({ redirect: "manual" });
      expect(init?.body).toBeUndefined();
    }
  });

  it.each([
    ["that was seen", [lineOf(PASSWORD, 42)], true],
    ["that was seen ten times", [lineOf(PASSWORD, 10)], true],
    ["that is padding", [lineOf(PASSWORD, 0)], false],
    ["that is not there", [lineOf("another", 42)], false],
  ])("is understood about a password %s", async (_what, lines, expected) => {
    fakeBreaches(() => range(...lines));
    expect(await lookUpBreach(PASSWORD, 1_500)).toBe(expected);
  });

  it("is understood in a range that ends with a line break, or has bare ones", async () => {
    fakeBreaches(() => new Response(`${lineOf(PASSWORD, 1)}\n${"B".repeat(35)}:2\r\n`));
    expect(await lookUpBreach(PASSWORD, 1_500)).toBe(true);
  });

  it.each([
    ["is down", () => Promise.reject(new TypeError("no route to 5BAA6")), "unreachable"],
    ["is slow", never, "timeout"],
    ["limits us", () => new Response("slow down", { status: 429 }), "status_429"],
    ["fails", () => new Response(null, { status: 500 }), "status_500"],
    ["leads elsewhere", () => Response.redirect("https://example.com/"), "status_302"],
    ["answers with a page", () => new Response("<!doctype html>"), "unreadable"],
    ["answers nothing", () => new Response(""), "unreadable"],
    ["answers a range and a page", () => new Response(`${lineOf(PASSWORD, 3)}\r\n<html>`), "unreadable"],
  ])("says nothing where it %s", async (_what, answer, noAnswer) => {
    fakeBreaches(answer);
    expect(await lookUpBreach(PASSWORD, 50)).toEqual({ noAnswer });
  });

  it("says nothing where the answer breaks off", async () => {
    const broken = new ReadableStream({ pull: (stream) => stream.error(new Error("gone")) });
    fakeBreaches(() => new Response(broken));
    expect(await lookUpBreach(PASSWORD, 1_500)).toEqual({ noAnswer: "unreachable" });
  });
});

describe("the shapes of passwords", () => {
  it("let users log in with every password that can be set, under every configuration", () => {
    for (const maximumLength of [64, 256]) {
      const longest = "🔑".repeat(maximumLength);
      expect(newPassword({ minimumLength: 15, maximumLength }).safeParse(longest).success).toBe(true);
      expect(typedPassword.safeParse(longest).success).toBe(true);
    }
    expect(typedPassword.safeParse("x".repeat(MAX_PASSWORD_LENGTH + 1)).success).toBe(false);
    expect(typedPassword.safeParse("x").success).toBe(true);
  });
});
