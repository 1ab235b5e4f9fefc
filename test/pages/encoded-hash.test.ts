import { describe, expect, it } from "vitest";
import { LINK_PAGES } from "../../src/features/pages/link-pages.ts";
import { appWith, ORIGIN, theWorker } from "../support/client.ts";
import { neverLog, recordLogs } from "../support/logs.ts";
import { mailedToken, newPerson, registered } from "../support/people.ts";

const TOKEN = "AZ_-aaaaaaaaaaaaaaaa-";

async function leadsTo(path: string, init: RequestInit = {}, send = theWorker) {
  const response = await send(new Request(`${ORIGIN}${path}`, { redirect: "manual", ...init }));
  await response.body?.cancel();
  const location = response.headers.get("Location");
  return { status: response.status, location, url: location === null ? null : new URL(location, ORIGIN), response };
}

describe("a link in which an email program wrote %23 instead of #", () => {
  it.each(Object.keys(LINK_PAGES))("leads to the page /%s with the token in the fragment", async (page) => {
    const found = await leadsTo(`/${page}%23token=${TOKEN}`);
    expect(found).toMatchObject({ status: 302, location: `/${page}#token=${TOKEN}` });
    expect(found.response.headers.get("Cache-Control")).toBe("no-store");
    expect((await leadsTo(found.url?.pathname ?? "")).status).toBe(200);
  });

  it.each([
    [`/verify-email/%23token=${TOKEN}`, `/verify-email#token=${TOKEN}`],
    [`/verify-email%23token%3D${TOKEN}`, `/verify-email#token=${TOKEN}`],
    [`/verify-email%2523token=${TOKEN}`, `/verify-email#token=${TOKEN}`],
    [`/verify-email%2523token%253D${TOKEN}`, `/verify-email#token=${TOKEN}`],
    [`/verify-email%23token=${TOKEN}?utm_source=mail`, `/verify-email?utm_source=mail#token=${TOKEN}`],
    [`/verify-email?utm_source=mail%23token=${TOKEN}`, `/verify-email?utm_source=mail#token=${TOKEN}`],
    [`/verify-email?%23token=${TOKEN}`, `/verify-email#token=${TOKEN}`],
    ["/verify-email%23", "/verify-email"],
    ["/verify-email%23%E0%A4%A", "/verify-email#%E0%A4%A"],
    ["/verify-email%23%0d%0aSet-Cookie:%20a=b", "/verify-email#Set-Cookie:%20a=b"],
    [
      `/accept-invitation%23token=${TOKEN}&email=a%2Bb%40example.com`,
      `/accept-invitation#token=${TOKEN}&email=a%2Bb%40example.com`,
    ],
    [
      `/accept-invitation%23token%3D${TOKEN}%26email%3Da%252Bb%2540example.com`,
      `/accept-invitation#token=${TOKEN}&email=a%2Bb%40example.com`,
    ],
  ])("is recognized in the form %s", async (path, location) => {
    expect(await leadsTo(path)).toMatchObject({ status: 302, location });
  });

  it.each([
    [`/login%23token=${TOKEN}`, 404],
    [`/verify-emails%23token=${TOKEN}`, 404],
    [`/x/verify-email%23token=${TOKEN}`, 404],
    [`/verify-email%24token=${TOKEN}`, 404],
    ["/verify-email?lang=de", 200],
    ["/login?return_to=%2Faccount%23x", 200],
    ["/reset-password?return_to=%2Faccount%23x", 200],
    ["/verify-email?lang=de&return_to=https%3A%2F%2Fapp.example.com%2F%23token%3Dx&a=b", 200],
  ])("is no other path: %s", async (path, status) => {
    expect(await leadsTo(path)).toMatchObject({ status, location: null });
  });

  it("is only opened: another method gets no redirect", async () => {
    expect((await leadsTo(`/verify-email%23token=${TOKEN}`, { method: "HEAD" })).status).toBe(302);
    expect((await leadsTo(`/verify-email%23token=${TOKEN}`, { method: "POST" })).status).toBe(404);
  });

  it("leads nowhere else than to this service", async () => {
    const found = await leadsTo("//evil.example/verify-email%23token=x");
    expect(found.location).toBeNull();
  });

  it("does not spend the token, and no log contains it", async () => {
    const logs = recordLogs();
    const person = newPerson();
    await registered(person);
    const token = await mailedToken(person.email);
    neverLog(token);
    expect((await leadsTo(`/verify-email%23token=${token}`, {}, appWith({}))).location).toContain(token);
    expect(JSON.stringify(logs())).not.toContain(token);
  });
});
