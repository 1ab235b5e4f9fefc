import { describe, expect, it } from "vitest";
import { quoteAddress, quoteClient, quoteIpAddress, quoteUsername } from "../../src/mail/client-words.ts";
import { call, post } from "../support/client.ts";
import { logIn, type Mail, mailsTo, newPerson, registered, withStanding } from "../support/people.ts";
import { shownText } from "./shown-text.ts";

/**
 * What an email program could take for a link, no matter which domains and schemes it knows: a word with a dot, a
 * colon, an at sign or a backslash in it. Numbers such as 5.0 and times such as 12:30 don't count.
 */
const LIKE_A_LINK =
  /[^\s(]*(?:[.。．｡﹒․](?![\s\d)]|$)|\D[.。．｡﹒․]\d|[.。．｡﹒․]\d+[\p{L}\p{M}-]|[/／]{2}\S*[.．]\d|\p{L}[:：]\S|[@＠\\][^\s)])\S*/gu;

/** The texts of an email, without our links, the client's IP address and the HTML's tags. */
function readable({ text, html }: Mail): string[] {
  const ours = /^<?http:\/\/localhost:8787\/\S+>?$|^IP address: .*$/gm;
  return [text, shownText(html)].map((body) => body.replaceAll(ours, ""));
}

function expectNoLink(mail: Mail | undefined, ...words: string[]): void {
  if (mail === undefined) throw new Error("There is no such email.");
  for (const body of readable(mail)) {
    expect(body.match(LIKE_A_LINK)).toBeNull();
    for (const word of words) expect(body).not.toContain(word);
  }
}

/** A username of 3 to 32 characters that an email program would show as a link. */
const username = (ending: string) => `${crypto.randomUUID().slice(0, 8)}.${ending}`;

describe("words that a stranger chose, in an email,", () => {
  it.each(["click", "support", "zip", "lovelace", "co.uk", "7up"])(
    "are no link as a username that ends in .%s, in any of the emails that name it",
    async (ending) => {
      const person = await registered({ ...newPerson(), username: username(ending) });
      const [verification] = await mailsTo(person.email);
      expectNoLink(verification, person.username);

      await post("/api/v1/auth/forgot-password", { email: person.email });
      expectNoLink((await mailsTo(person.email, 2))[0], person.username);

      const { accessToken: bearer } = await logIn(person);
      const change = { email: newPerson().email, password: person.password };
      expect((await post("/api/v1/users/me/email", change, { bearer })).status).toBe(202);
      const [confirmation] = await mailsTo(change.email);
      expectNoLink(confirmation, person.username);
      expect(confirmation?.text).toContain(quoteUsername(person.username));
    },
  );

  it("are no link as the name of an operator who invites, or as the address that an account changes to", async () => {
    const operator = await withStanding("admin");
    const bearer = operator.accessToken;
    const renamed = username("bank");
    expect((await call("PUT", "/api/v1/users/me", { body: { username: renamed }, bearer })).status).toBe(200);
    const guest = newPerson().email;
    expect((await post("/api/v1/invitations", { email: guest }, { bearer })).status).toBe(202);
    expectNoLink((await mailsTo(guest))[0], renamed);

    const change = { email: "eve@your-account.click", password: operator.password };
    expect((await post("/api/v1/users/me/email", change, { bearer })).status).toBe(202);
    const [notice] = await mailsTo(operator.email, 2);
    expect(notice?.text).toContain("e…@ your-account. click");
    expectNoLink(notice);
  });

  it("are no link as the name of a device or as a user agent, in the notice of a new login", async () => {
    const person = await registered();
    // No email is sent about the first login.
    await logIn(person);
    await logIn(person, { device_name: "Call <https://evil.click> or eve@evil.click" });
    await logIn(person, {}, { headers: { "User-Agent": 'Postern "www.evil.support" mailto:eve' } });
    const notices = (await mailsTo(person.email, 3)).filter(({ subject }) => subject.startsWith("New login"));
    expect(notices).toHaveLength(2);
    for (const notice of notices) expectNoLink(notice, "evil.click", "evil.support");
  });

  it.each([
    "https://evil.example/x",
    "http:evil.example",
    "HTTPS：／／evil．example",
    "//evil.example/x",
    "<https://evil.example>",
    "<URL:http://evil.example>",
    '"eve@evil.example"',
    "mailto:eve",
    "tel:+18005550199",
    "javascript:alert(1)",
    "x-custom+scheme.1:go",
    "h323:5551234",
    "http://a.aa/://",
    "www.evil",
    "evil。example",
    "evil｡example",
    "evil﹒example",
    "evil․example",
    "ｅｖｉｌ．ｃｏｍ",
    "eve＠evil．example",
    "@evil",
    "bücher.example",
    "пример.рф",
    "xn--bcher-kva.example",
    "1.2.3.4",
    "//203.113",
    "／／1.2/x",
    "(//host2.127)",
    "evil1.2click",
    "evil1.2-click/x",
    "1.2пример",
    "http://203.0.113.1:8080/x",
    "\\\\evil\\share",
    "evil.\u0301example",
    "evil\u200b.\u2060example",
    `${"long ".repeat(40)}evil.example`,
  ])("are no link in any spelling: %j", (words) => {
    for (const quoted of [quoteClient(words), quoteAddress(words)]) expect(quoted?.match(LIKE_A_LINK)).toBeNull();
  });

  it.each(["1.2.3.4", "evil.example", "a..b", "www.7"])("as a username are no link in any spelling: %s", (name) => {
    const quoted = quoteUsername(name);
    expect(quoted).not.toMatch(/\.\S/);
    expect(quoted.replaceAll(" ", "")).toBe(name);
  });

  it("hold no brackets or quotation marks, between which Thunderbird ignores spaces", () => {
    expect(quoteClient('<https://evil.example> "eve@evil.example" ＜a.b＞')).not.toMatch(/[<>"]/);
  });

  it.each(["Ada's phone (blue)", "Firefox/140.0", "at 12:30", "v1.2.3", "👩🏽‍💻 büro"])(
    "are otherwise as they were: %s",
    (words) => {
      expect(quoteClient(words)?.replaceAll(" ", "")).toBe(words.replaceAll(/[\s\u200d]/g, ""));
    },
  );

  it.each(["192.0.2.44", "2001:db8::1"])("leave an IP address as it is, which readers compare: %s", (address) => {
    expect(quoteIpAddress(address)).toBe(address);
  });

  it("are quoted in place of an IP address too", () => {
    expect(quoteIpAddress("evil.example")).toBe("evil. example");
  });
});
