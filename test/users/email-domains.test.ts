import { describe, expect, it } from "vitest";
import { isOfAllowedDomain } from "../../src/platform/email-address.ts";
import { type Answer, appWith, expectProblem, post } from "../support/client.ts";
import { loggedIn, logIn, mailsTo, newPerson, registered, rowOf, withStanding } from "../support/people.ts";

const REGISTER = "/api/v1/auth/register";
const EMAIL = "/api/v1/users/me/email";
const INVITATIONS = "/api/v1/invitations";

const restricted = appWith({ ALLOWED_EMAIL_DOMAINS: "Example.org, *.school.example" });

const at = (domain: string) => newPerson().email.replace("example.com", domain);

function expectDomainRefused(answer: Answer): void {
  expectProblem(answer, 422, "validation_failed");
  expect(answer.json.errors).toEqual([
    {
      field: "email",
      code: "domain_not_allowed",
      message: "Email addresses from this domain aren't accepted. Use a different one.",
    },
  ]);
}

describe("the domains of addresses", () => {
  it.each([
    ["a@example.org", true],
    ["a@example.com", false],
    ["a@sub.example.org", false],
    ["a@notexample.org", false],
    ["a@example.org.evil.example", false],
    ["a@b.school.example", true],
    ["a@c.b.school.example", true],
    ["a@school.example", false],
    ["a@preschool.example", false],
    ["example.org@evil.example", false],
  ])("are exact, or below what an asterisk stands for: %s", (email, isAllowed) => {
    expect(isOfAllowedDomain(email, ["example.org", "*.school.example"])).toBe(isAllowed);
  });

  it("are all allowed where none is listed", () => {
    expect(isOfAllowedDomain("a@example.com", [])).toBe(true);
  });

  it("are checked at registration, for known and unknown addresses", async () => {
    const owner = await registered();
    const waiting = newPerson();
    await post(REGISTER, waiting);
    for (const email of [owner.email, waiting.email, newPerson().email]) {
      expectDomainRefused(await post(REGISTER, { ...newPerson(), email }, {}, restricted));
    }
    for (const email of [at("EXAMPLE.org"), at("north.school.example")]) {
      expect((await post(REGISTER, { ...newPerson(), email }, {}, restricted)).status).toBe(202);
      await mailsTo(email);
    }
  });

  it("are checked at a change of address, for known and unknown addresses", async () => {
    const { accessToken: bearer, email: own, password } = await loggedIn();
    const owner = await registered();
    for (const email of [owner.email, newPerson().email]) {
      expectDomainRefused(await post(EMAIL, { email, password }, { bearer }, restricted));
    }
    expect(await rowOf(own)).not.toBeNull();
    expect((await post(EMAIL, { email: at("example.org"), password }, { bearer }, restricted)).status).toBe(202);
  });

  it("are checked for an invitation, and again when it is accepted", async () => {
    const { accessToken: bearer } = await withStanding("admin");
    expectDomainRefused(await post(INVITATIONS, { email: newPerson().email }, { bearer }, restricted));
    expect((await post(INVITATIONS, { email: at("example.org") }, { bearer }, restricted)).status).toBe(202);
    expectDomainRefused(
      await post("/api/v1/auth/accept-invitation", { ...newPerson(), token: "AAAA" }, {}, restricted),
    );
  });

  it("are the same in Unicode and in their ASCII form", async () => {
    const local = () => newPerson().email.replace(/@.*/, "");
    for (const allowed of ["bücher.example", "xn--bcher-kva.example"]) {
      const send = appWith({ ALLOWED_EMAIL_DOMAINS: allowed });
      for (const domain of ["Bücher.example", "xn--bcher-kva.example"]) {
        const email = `${local()}@${domain}`;
        expect((await post(REGISTER, { ...newPerson(), email }, {}, send)).status, email).toBe(202);
      }
      expectDomainRefused(await post(REGISTER, { ...newPerson(), email: `${local()}@bucher.example` }, {}, send));
    }
  });

  it("are not told of what is no address, and one fault hides no other", async () => {
    const answer = await post(REGISTER, { ...newPerson(), email: "no", password: "short" }, {}, restricted);
    expect(answer.json.errors.map(({ code }: { code: string }) => code)).toEqual(["invalid_format", "too_short"]);
    const other = await post(REGISTER, { ...newPerson(), password: "short" }, {}, restricted);
    expect(other.json.errors.map(({ code }: { code: string }) => code)).toEqual(["domain_not_allowed", "too_short"]);
  });

  it("lock out no user who has an account", async () => {
    const person = await registered();
    const login = { email: person.email, password: person.password };
    expect((await post("/api/v1/auth/login", login, {}, restricted)).status).toBe(200);
    expect((await post("/api/v1/auth/forgot-password", { email: person.email }, {}, restricted)).status).toBe(202);
    await logIn(person);
  });
});
