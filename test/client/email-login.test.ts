import { describe, expect, it } from "vitest";
import type { PosternError } from "../../src/client/index.ts";
import { codeOf, enrolled } from "../support/factors.ts";
import { neverLog } from "../support/logs.ts";
import { registered, tokenAbout } from "../support/people.ts";
import { CHECK, statesOf } from "./visitor.ts";
import { visitorOfWorker } from "./worker.ts";

const SUBJECT = /^Log in to Postern$/;

/** Asks for a login link, in a new browser. */
async function asked(mode: "cookie" | "memory", person: { email: string }) {
  const visitor = visitorOfWorker();
  const client = visitor.open({ mode, deviceName: "Laptop" });
  const states = statesOf(client);
  const { login_code: code, ...more } = await client.requestEmailLogin({ email: person.email });
  neverLog(code);
  expect(more).toEqual({ status: "accepted", expires_in: 600 });
  return { visitor, client, states, code, token: await tokenAbout(person.email, SUBJECT) };
}

describe("client.loginWithEmail", () => {
  it("logs in with the link and the code in memory mode, and asks for the code without it", async () => {
    const person = await registered();
    const { client, states, code, token } = await asked("memory", person);
    await expect(client.loginWithEmail({ token })).rejects.toMatchObject({ code: "login_code_required", status: 403 });
    const user = await client.loginWithEmail({ token, code });
    expect(user.email).toBe(person.email);
    expect(states.at(-1)).toEqual({ status: "signed_in", user });
    expect(await client.refresh()).toBe(true);
    const sessions = await (await client.fetch("/api/v1/users/me/sessions")).json();
    expect(sessions).toMatchObject({ items: [{ device_name: "Laptop" }] });
    await expect(client.loginWithEmail({ token, code })).rejects.toMatchObject({ code: "invalid_token" });
  });

  it("needs no code in cookie mode, and checks the cookie of the session", async () => {
    const person = await registered();
    const { visitor, client, token } = await asked("cookie", person);
    const user = await client.loginWithEmail({ token });
    expect(visitor.cookie()).toMatch(/^prt_/);
    expect(visitor.count(CHECK)).toBe(1);
    expect(await visitor.open({ mode: "cookie" }).user()).toEqual(user);
  });

  it("throws what the next step needs, for a user with a second factor", async () => {
    const person = await enrolled();
    const { client, code, token } = await asked("memory", person);
    const refusal: PosternError = await client.loginWithEmail({ token, code }).catch((error) => error);
    expect(refusal).toMatchObject({ code: "second_factor_required", factors: ["totp", "recovery_code"] });
    const { pendingToken = "" } = refusal;
    const user = await client.proveSecondFactor({ pendingToken, totp: await codeOf(person.totp.secret) });
    expect(user.email).toBe(person.email);
  });
});
