/** Two isolates whose clocks are a minute apart use the same storage. The objects have the right time. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { AsyncLocalStorage } from "node:async_hooks";
import { beforeEach, expect, it, vi } from "vitest";
import { MINUTE, systemClock } from "../../src/platform/clock.ts";
import { readMe, refresh, tryLogin, verifyEmail } from "../support/account.ts";
import { appWith, expectProblem, freshAddress, post, type Send } from "../support/client.ts";
import { loginLink, resetToken, userInDirectory, visitor, waiting } from "./cast.ts";

const skew = new AsyncLocalStorage<number>();

beforeEach(() => {
  vi.spyOn(systemClock, "now").mockImplementation(() => Date.now() + (skew.getStore() ?? 0));
});

/** An isolate with its own clock, and with the tolerance that an operator would set for such clocks. */
function isolateAt(offset: number, values: Record<string, string> = { CLOCK_TOLERANCE_SECONDS: "60" }): Send {
  const send = appWith(values);
  return (request) => skew.run(offset, () => send(request));
}

const [ahead, behind] = [isolateAt(30_000), isolateAt(-30_000)];
const both = [
  ["made ahead, used behind", ahead, behind],
  ["made behind, used ahead", behind, ahead],
] as const;

it.each(both)("accepts an access token and refreshes a session, %s", async (_, here, there) => {
  const { json } = await tryLogin(await userInDirectory(), {}, here);
  expect((await readMe(json.access_token, there)).status).toBe(200);
  const next = await refresh(json.refresh_token, there);
  expect(next.status).toBe(200);
  expect((await readMe(next.json.access_token, here)).status).toBe(200);
  // If the response was lost, the other isolate returns the same successor.
  expect((await refresh(json.refresh_token, here)).json.refresh_token).toBe(next.json.refresh_token);
  const bearer = next.json.access_token;
  expect((await post("/api/v1/auth/logout", undefined, { bearer }, there)).status).toBe(204);
  for (const send of [here, there]) {
    expectProblem(await readMe(next.json.access_token, send), 401, "invalid_access_token");
    expectProblem(await refresh(next.json.refresh_token, send), 401, "invalid_refresh_token");
  }
});

it.each(both)("ends what a new password ends, %s", async (_, here, there) => {
  const person = await visitor();
  const body = { token: await resetToken(person.userId), new_password: "another fine password" };
  expect((await post("/api/v1/auth/reset-password", body, {}, here)).status).toBe(204);
  expectProblem(await readMe(person.accessToken, there), 401, "invalid_access_token");
  expectProblem(await post("/api/v1/auth/reset-password", body, {}, there), 400, "invalid_token");
  const { json } = await tryLogin({ ...person, password: body.new_password }, {}, there);
  expect((await readMe(json.access_token, here)).status).toBe(200);
});

it.each(both)("spends a link once, %s", async (_, here, there) => {
  const { token, ...person } = await waiting();
  for (const send of [here, there]) expect((await verifyEmail(token, send)).status).toBe(200);
  expect((await tryLogin(person, {}, there)).status).toBe(200);
});

it("logs in once with a link, although it still works by a clock that is behind when it has expired", async () => {
  const { userId } = await userInDirectory();
  const [link, path] = [await loginLink(userId), "/api/v1/auth/email-login/confirm"];
  const { json, status } = await post(path, link, {}, ahead);
  expect(status).toBe(200);
  expect((await readMe(json.access_token, behind)).status).toBe(200);
  vi.setSystemTime(Date.now() + 10 * MINUTE + 10_000);
  await runDurableObjectAlarm(env.USER_SESSIONS.getByName(userId));
  expectProblem(await post(path, link, {}, behind), 400, "invalid_token");
  expectProblem(await post(path, link, {}, ahead), 400, "expired_token");
});

it("does not lock anybody out who mistypes a few times in isolates by turns", async () => {
  const person = await userInDirectory();
  const address = freshAddress();
  for (const send of [ahead, behind, ahead, behind]) {
    const wrong = { email: person.email, password: "a wrong password, surely" };
    expectProblem(await tryLogin(wrong, { address }, send), 401, "invalid_credentials");
  }
  for (const send of [behind, ahead]) expect((await tryLogin(person, { address }, send)).status).toBe(200);
});

it("refuses a token from beyond the configured tolerance, and keeps its session", async () => {
  const { json } = await tryLogin(await userInDirectory(), {}, isolateAt(30_000, {}));
  const exact = isolateAt(0, {});
  expectProblem(await readMe(json.access_token, exact), 401, "invalid_access_token");
  const next = await refresh(json.refresh_token, exact);
  expect((await readMe(next.json.access_token, exact)).status).toBe(200);
});
