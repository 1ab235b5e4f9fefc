/** Where the pages lead after a login: only to this service and to the apps that the operator lists. */
import { describe, expect, it } from "vitest";
import { appWith, deployedAt, get, post, type Send } from "../support/client.ts";
import { mailAbout, newPerson, registered, unverified } from "../support/people.ts";

const OWN = "https://auth.example.com";
const APP = "https://app.example.com";
const LOCAL_APP = "http://localhost:5173";
const deployed = deployedAt(OWN, {
  ALLOWED_ORIGINS: `${APP},https://app.example.com:8443,http://plain.example.com,capacitor://localhost,https://xn--mnchen-3ya.example`,
});
const local = appWith({ ALLOWED_ORIGINS: LOCAL_APP, RATE_LIMITING: "off" });

/** The address to return to, as it is in the page. `query` is the value as it is in the URL. */
async function toldBy(query: string, page = `${OWN}/login`, send: Send = deployed): Promise<string | undefined> {
  const { status, text } = await get(`${page}?return_to=${query}`, {}, send);
  expect(status).toBe(200);
  const [, told] = /<html [^>]*data-return-to="([^"]*)"/.exec(text) ?? [];
  return told?.replaceAll("&amp;", "&");
}
const told = (wish: string, page?: string, send?: Send) => toldBy(encodeURIComponent(wish), page, send);

describe("the address to return to", () => {
  it.each([
    [APP, `${APP}/`],
    [`${APP}/`, `${APP}/`],
    [`${APP}?a=b`, `${APP}/?a=b`],
    [`${APP}/notes?a=b&c=%26#d=//e@f`, `${APP}/notes?a=b&c=%26#d=//e@f`],
    ["https://app.example.com:8443/x", "https://app.example.com:8443/x"],
    ["https://xn--mnchen-3ya.example/", "https://xn--mnchen-3ya.example/"],
    [`${OWN}/account`, `${OWN}/account`],
    ["/account?a=b#c", "/account?a=b#c"],
    ["/a/../admin", "/admin"],
  ])("is %s as %s", async (wish, expected) => {
    expect(await told(wish)).toBe(expected);
  });

  it.each([
    "https://evil.example/",
    "https://example.com/",
    "https://app.example.com.evil.example/",
    "https://sub.app.example.com/",
    "https://app.example.com:444/",
    "https://app.example.com:443/",
    "https://app.example.com./",
    "https://app.example.com@evil.example/",
    "https://app.example.com:x@evil.example/",
    "https://user@app.example.com/",
    "https://app.example.com%2f@evil.example/",
    "https://app.example.com\\@evil.example/",
    "https://app.example.com%00.evil.example/",
    "HTTPS://app.example.com/",
    "https://APP.example.com/",
    "http://app.example.com/",
    "http://plain.example.com/",
    "http://auth.example.com/",
    "capacitor://localhost/",
    "https:evil.example",
    "https:app.example.com",
    "https:/app.example.com/",
    "https:///app.example.com/",
    "https:\\\\app.example.com/",
    "https://münchen.example/",
    "https://аpp.example.com/",
    "https://app。example.com/",
    "ht\ttps://app.example.com/",
    "https://app.example.com/\nevil",
    " https://app.example.com/",
    "//evil.example/",
    "//app.example.com/",
    "///evil.example/",
    "//[",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\r\n/evil.example",
    "/.//evil.example",
    "/a/..//evil.example",
    "/%2e//evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "javascript://app.example.com/%0aalert(1)",
    "data:text/html,x",
    "blob:https://app.example.com/x",
    "evil",
    "account",
    "?",
    "",
    `${APP}/"><script>`,
    "{{product}}",
    `${APP}/${"a".repeat(2_048)}`,
  ])("is never %j", async (wish) => {
    expect(await told(wish)).toBe("");
  });

  it("is read once: what is encoded twice stays encoded, and of two the first counts", async () => {
    expect(await toldBy(encodeURIComponent(encodeURIComponent(`${APP}/`)))).toBe("");
    expect(await toldBy(encodeURIComponent(encodeURIComponent("//evil.example")))).toBe("");
    expect(await toldBy(`${encodeURIComponent("https://evil.example")}&return_to=${encodeURIComponent(APP)}`)).toBe("");
    expect(await toldBy(`${encodeURIComponent(APP)}&return_to=https://evil.example`)).toBe(`${APP}/`);
  });

  it("is never filled in as markup or as a placeholder", async () => {
    expect(await told(`${APP}/?x={{product}}&y='`)).toBe(`${APP}/?x={{product}}&y=%27`);
  });

  it("may be on http in development, and is in no page that was asked for without it", async () => {
    const page = "http://localhost:8787/login";
    expect(await told(`${LOCAL_APP}/notes`, page, local)).toBe(`${LOCAL_APP}/notes`);
    expect(await told("http://localhost:5174/", page, local)).toBe("");
    expect(await told("http://127.0.0.1:5173/", page, local)).toBe("");
    const { text } = await get("/login", {}, local);
    expect(text).toContain('data-return-to=""');
    expect(text).not.toContain("5173");
  });

  it.each(["register", "reset-password", "logout", "verify-email"])("is checked alike on /%s", async (page) => {
    expect(await told(`${APP}/x`, `${OWN}/${page}`)).toBe(`${APP}/x`);
    expect(await told("https://evil.example/", `${OWN}/${page}`)).toBe("");
  });
});

describe("a link in an email", () => {
  const carried = `&return_to=${encodeURIComponent(`${LOCAL_APP}/#/notes?a=b`)}>`;
  const wish = `${LOCAL_APP}/#/notes?a=b`;

  it("to verify an address brings where to return to, and so does one that is sent again", async () => {
    const person = newPerson();
    const body = { email: person.email, username: person.username, password: person.password };
    expect((await post("/api/v1/auth/register", { ...body, return_to: wish }, {}, local)).status).toBe(202);
    expect((await mailAbout(person.email, /^Verify/)).text).toContain(carried);
    expect((await post("/api/v1/auth/register", { ...body, return_to: "/admin" }, {}, local)).status).toBe(202);
    expect((await mailAbout(person.email, /^Verify/, 2)).text).toContain("&return_to=%2Fadmin>");
    const again = { email: person.email, return_to: wish };
    expect((await post("/api/v1/auth/resend-verification", again, {}, local)).status).toBe(202);
    expect((await mailAbout(person.email, /^Verify/, 3)).text).toContain(carried);
  });

  it("to reset a password brings it too, and the email about an existing account", async () => {
    const { email, password } = await registered();
    expect((await post("/api/v1/auth/forgot-password", { email, return_to: wish }, {}, local)).status).toBe(202);
    expect((await mailAbout(email, /^Reset/)).text).toContain(carried);
    const again = { ...newPerson(), email, password, return_to: wish };
    expect((await post("/api/v1/auth/register", again, {}, local)).status).toBe(202);
    const mail = await mailAbout(email, /already/);
    expect(mail.text).toContain(`/login?return_to=${encodeURIComponent(wish)}>`);
  });

  it("to log in brings it too", async () => {
    const { email } = await registered();
    const body = { email, return_to: wish };
    expect((await post("/api/v1/auth/email-login", body, {}, local)).status).toBe(202);
    expect((await mailAbout(email, /^Log in/)).text).toContain(carried);
  });

  it("never brings an address that is not listed, and the request goes on as if it had none", async () => {
    const evil = "https://evil.example/";
    const [waiting, owner] = [await unverified(), await registered()];
    for (const { path, email, subject, count } of [
      { path: "resend-verification", email: waiting.email, subject: /^Verify/, count: 2 },
      { path: "forgot-password", email: owner.email, subject: /^Reset/, count: 1 },
      { path: "email-login", email: owner.email, subject: /^Log in/, count: 1 },
    ]) {
      const body = { email, return_to: evil };
      expect((await post(`/api/v1/auth/${path}`, body, {}, local)).status).toBe(202);
      const { text } = await mailAbout(email, subject, count);
      expect(text).toMatch(/#token=[\w-]+>/);
      expect(text).not.toContain("evil.example");
    }
  });
});
