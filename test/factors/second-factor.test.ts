import { decodeJwt } from "jose";
import { describe, expect, it, vi } from "vitest";
import { changePassword, readMe, recoveryToken, refresh, resetPassword } from "../support/account.ts";
import { altered } from "../support/altered.ts";
import { atOnce, call, expectProblem, get, inTurn, post } from "../support/client.ts";
import {
  addTotp,
  codeOf,
  confirmTotp,
  enrolled,
  nextStep,
  pendingToken,
  reported,
  secondStep,
} from "../support/factors.ts";
import { eventsOf, loggedIn, logIn, mailsTo, withStanding } from "../support/people.ts";

const factorsOf = (bearer: string) => get("/api/v1/users/me/factors", { bearer });
const remove = (bearer: string, id: string) => call("DELETE", `/api/v1/users/me/factors/${id}`, { bearer });

describe("an authenticator app", () => {
  it("is not in force until a code confirms it, and its secret is shown once [MF-3]", async () => {
    const person = await loggedIn();
    const added = await addTotp(person.accessToken, { name: "Phone" });
    expect(added.status).toBe(201);
    const { secret, uri, qr_svg } = added.json;
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(uri).toContain(`secret=${secret}`);
    expect(qr_svg).toMatch(/^<svg /);
    expect((await factorsOf(person.accessToken)).json).toEqual({
      items: [],
      has_password: true,
      recovery_codes_left: 0,
      required_from: null,
    });
    await logIn(person);
    expectProblem(await confirmTotp(person.accessToken, "000000"), 403, "invalid_factor");
    const confirmed = await confirmTotp(person.accessToken, await codeOf(secret));
    expect(confirmed.status).toBe(200);
    expect(new Set(confirmed.json.recovery_codes).size).toBe(10);
    const list = await factorsOf(person.accessToken);
    expect(list.json).toMatchObject({ items: [{ kind: "totp", name: "Phone" }], recovery_codes_left: 10 });
    expect(list.text).not.toContain(secret);
  });

  it("asks for its code at the next login, and the tokens say so [MF-7]", async () => {
    const person = await enrolled();
    const refused = await post("/api/v1/auth/login", { email: person.email, password: person.password });
    expectProblem(refused, 403, "second_factor_required");
    expect(refused.json).toMatchObject({ factors: ["totp", "recovery_code"], expires_in: 600 });
    const answer = await secondStep(refused.json.pending_token, { totp: await codeOf(person.totp.secret) });
    expect(answer.status, answer.text).toBe(200);
    const claims = decodeJwt(answer.json.access_token);
    expect(claims).toMatchObject({ amr: ["pwd", "otp", "mfa"], acr: "aal2" });
    const refreshed = await refresh(answer.json.refresh_token);
    expect(decodeJwt(refreshed.json.access_token)).toMatchObject({ acr: "aal2", auth_time: claims.auth_time });
    expect((await readMe(answer.json.access_token)).status).toBe(200);
  });

  it("accepts each code once: not the one that confirmed it, and not one of a login [MF-1]", async () => {
    const owner = await loggedIn();
    nextStep();
    const { secret } = (await addTotp(owner.accessToken)).json;
    const code = await codeOf(secret);
    expect((await confirmTotp(owner.accessToken, code)).status).toBe(200);
    expectProblem(await secondStep(await pendingToken(owner), { totp: code }), 401, "invalid_factor");
    const next = await codeOf(secret, 1);
    expect((await secondStep(await pendingToken(owner), { totp: next })).status).toBe(200);
    expectProblem(await secondStep(await pendingToken(owner), { totp: next }), 401, "invalid_factor");
  });

  it("opens one session, however many logins send the same code at once", async () => {
    const person = await enrolled();
    const tokens = [await pendingToken(person), await pendingToken(person), await pendingToken(person)];
    const totp = await codeOf(person.totp.secret);
    const answers = await atOnce(50, (index) => secondStep(tokens[index % 3] ?? "", { totp }));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it("opens one session for one login, whatever is sent with it", async () => {
    const person = await enrolled();
    const token = await pendingToken(person);
    const proofs = [{ totp: await codeOf(person.totp.secret) }, { recovery_code: person.recoveryCodes[0] }];
    const answers = await Promise.all(proofs.map((proof) => secondStep(token, proof)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401]);
  });

  it("is no longer asked for after its removal, of which the owner is told", async () => {
    const person = await enrolled();
    const token = await pendingToken(person);
    expect((await remove(person.accessToken, person.totp.id)).status).toBe(204);
    expectProblem(await remove(person.accessToken, person.totp.id), 404, "not_found");
    expectProblem(await secondStep(token, { totp: await codeOf(person.totp.secret) }), 401, "invalid_factor");
    expectProblem(await secondStep(token, { recovery_code: person.recoveryCodes[0] }), 401, "invalid_factor");
    await logIn(person);
    await reported(person);
    const subjects = (await mailsTo(person.email, 3)).map(({ subject }) => subject);
    expect(subjects.slice(0, 2)).toEqual([
      expect.stringContaining("second factor was removed"),
      expect.stringContaining("second factor was added"),
    ]);
  });

  it("can be renamed", async () => {
    const person = await enrolled();
    const path = `/api/v1/users/me/factors/${person.totp.id}`;
    const renamed = await call("PATCH", path, { bearer: person.accessToken, body: { name: "Old phone" } });
    expect(renamed.json).toMatchObject({ id: person.totp.id, name: "Old phone" });
    expect((await factorsOf(person.accessToken)).json.items).toEqual([renamed.json]);
  });

  it("stays in force after the password was reset by email [PR-7]", async () => {
    const person = await enrolled();
    expect((await resetPassword(await recoveryToken(person, 3))).status).toBe(204);
    await pendingToken({ ...person, password: "another fine password" });
  });
});

describe("a login that waits for its second factor", () => {
  it("opens no other route [MF-6]", async () => {
    const token = await pendingToken(await enrolled());
    expectProblem(await readMe(token), 401, "invalid_access_token");
    expectProblem(await refresh(token), 401, "invalid_refresh_token");
  });

  it("ends after ten minutes, with a change of the password, and where it was not made by this service [MF-6]", async () => {
    const person = await enrolled();
    const [late, changed] = [await pendingToken(person), await pendingToken(person)];
    expect((await changePassword(person)).status).toBe(204);
    const code = await codeOf(person.totp.secret);
    expectProblem(await secondStep(changed, { totp: code }), 401, "invalid_pending_token");
    expectProblem(await secondStep(altered(late), { totp: code }), 401, "invalid_pending_token");
    vi.setSystemTime(Date.now() + 600_000);
    expectProblem(await secondStep(late, { totp: code }), 401, "invalid_pending_token");
  });

  it("works once, and spends nothing after a change of the password", async () => {
    const person = await enrolled();
    const [used, stale] = [await pendingToken(person), await pendingToken(person)];
    const [first, second] = person.recoveryCodes;
    const answer = await secondStep(used, { recovery_code: first });
    expect(answer.status).toBe(200);
    expectProblem(await secondStep(used, { recovery_code: second }), 401, "invalid_pending_token");
    expect((await changePassword({ ...person, accessToken: answer.json.access_token })).status).toBe(204);
    expectProblem(await secondStep(stale, { recovery_code: second }), 401, "invalid_pending_token");
    const { recovery_codes_left } = (await factorsOf(answer.json.access_token)).json;
    expect(recovery_codes_left).toBe(9);
  });

  it("keeps what the login asked for: the name of the device and the cookie", async () => {
    const person = await enrolled();
    const headers = { Origin: "http://localhost:8787" };
    const login = { email: person.email, password: person.password, device_name: "Ada's phone", cookie: true };
    const refused = await post("/api/v1/auth/login", login, { headers });
    const token = refused.json.pending_token;
    const proof = { totp: await codeOf(person.totp.secret) };
    expectProblem(await secondStep(token, proof), 403, "origin_not_allowed");
    const answer = await secondStep(token, proof, headers);
    expect(answer.status).toBe(200);
    expect(answer.json).not.toHaveProperty("refresh_token");
    expect(answer.headers.get("Set-Cookie")).toContain("postern_refresh=prt_");
    const sessions = await get("/api/v1/users/me/sessions", { bearer: answer.json.access_token });
    expect(sessions.json.items[0]).toMatchObject({ device_name: "Ada's phone", current: true });
  });
});

describe("wrong codes", () => {
  it("make the account wait after five, over all its logins, and a right one starts again [MF-2]", async () => {
    const person = await enrolled();
    const tokens = [await pendingToken(person), await pendingToken(person), await pendingToken(person)];
    const wrong = (index: number) => secondStep(tokens[index % 3] ?? "", { totp: "000000" });
    expect(await inTurn(5, wrong)).toEqual([401, 401, 401, 401, 401]);
    const code = { totp: await codeOf(person.totp.secret) };
    const limited = await secondStep(tokens[0] ?? "", code);
    expectProblem(limited, 429, "rate_limited");
    expect(limited.headers.get("Retry-After")).toBe("30");
    nextStep(2);
    expect((await secondStep(tokens[0] ?? "", { totp: await codeOf(person.totp.secret) })).status).toBe(200);
    nextStep();
    expect(await inTurn(4, wrong)).toEqual([401, 401, 401, 401]);
  });

  it("are recorded, and no code is in the audit log", async () => {
    const person = await enrolled();
    await secondStep(await pendingToken(person), { totp: "000000" });
    const [event] = await eventsOf(person.userId, "second_factor_failed");
    expect(event).toMatchObject({ actor_id: null, details: null });
  });
});

describe("a recovery code", () => {
  it("stands in for the app, works once, and its owner is told how many are left [MF-4]", async () => {
    const person = await enrolled();
    const [code = ""] = person.recoveryCodes;
    const typed = ` ${code.toUpperCase().replaceAll("-", " ")}`;
    expect((await secondStep(await pendingToken(person), { recovery_code: typed })).status).toBe(200);
    expectProblem(await secondStep(await pendingToken(person), { recovery_code: code }), 401, "invalid_factor");
    expect((await factorsOf(person.accessToken)).json.recovery_codes_left).toBe(9);
    await reported(person);
    const [mail] = await mailsTo(person.email, 3);
    expect(mail).toMatchObject({ subject: expect.stringContaining("recovery code was used") });
    expect(mail?.text).toContain("9 recovery codes left");
  });

  it("opens one session, if it is used twice at once", async () => {
    const person = await enrolled();
    const tokens = [await pendingToken(person), await pendingToken(person)];
    const proof = { recovery_code: person.recoveryCodes[3] };
    const answers = await Promise.all(tokens.map((token) => secondStep(token, proof)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401]);
  });

  it("is void once there are new ones [MF-4]", async () => {
    const person = await enrolled();
    const renewed = await post("/api/v1/users/me/recovery-codes", undefined, { bearer: person.accessToken });
    expect(renewed.status).toBe(200);
    const old = { recovery_code: person.recoveryCodes[0] };
    expectProblem(await secondStep(await pendingToken(person), old), 401, "invalid_factor");
    const fresh = { recovery_code: renewed.json.recovery_codes[0] };
    expect((await secondStep(await pendingToken(person), fresh)).status).toBe(200);
  });

  it("does not exist without a second factor", async () => {
    const { accessToken: bearer } = await loggedIn();
    expectProblem(await post("/api/v1/users/me/recovery-codes", undefined, { bearer }), 404, "not_found");
  });
});

describe("a session with a second factor", () => {
  const reauthenticate = (bearer: string, proof: object) => post("/api/v1/auth/reauthenticate", proof, { bearer });

  it("is reauthenticated with a code, and not with the password alone [MF-5]", async () => {
    const person = await enrolled();
    const refused = await reauthenticate(person.accessToken, { password: person.password });
    expectProblem(refused, 403, "second_factor_required");
    expect(refused.json.factors).toEqual(["totp"]);
    vi.setSystemTime(Date.now() + 20 * 60_000);
    expectProblem(await remove(person.accessToken, person.totp.id), 403, "reauthentication_required");
    const totp = await codeOf(person.totp.secret);
    const renewed = await reauthenticate(person.accessToken, { totp });
    expect(renewed.status, renewed.text).toBe(200);
    expectProblem(await reauthenticate(renewed.json.access_token, { totp }), 403, "invalid_factor");
    expect((await remove(renewed.json.access_token, person.totp.id)).status).toBe(204);
  });

  it("that began before the factor was added can't change factors, until a code raises its level [MF-5]", async () => {
    const before = await loggedIn();
    nextStep();
    const { id, secret } = (await addTotp(before.accessToken)).json;
    expect((await confirmTotp(before.accessToken, await codeOf(secret))).status).toBe(200);
    expectProblem(await remove(before.accessToken, id), 403, "reauthentication_required");
    nextStep();
    const raised = await reauthenticate(before.accessToken, { totp: await codeOf(secret) });
    expect(decodeJwt(raised.json.access_token)).toMatchObject({ acr: "aal2", amr: ["pwd", "otp", "mfa"] });
    expect((await remove(raised.json.access_token, id)).status).toBe(204);
  });

  it("can't be opened by a login that began before the factor was added", async () => {
    const person = await loggedIn();
    nextStep();
    const { secret } = (await addTotp(person.accessToken)).json;
    const [confirmed, ...logins] = await Promise.all([
      confirmTotp(person.accessToken, await codeOf(secret)),
      ...Array.from({ length: 6 }, () =>
        post("/api/v1/auth/login", { email: person.email, password: person.password }),
      ),
    ]);
    expect(confirmed.status).toBe(200);
    // A login before the factor was added has a session with one factor. A login after that has no session.
    for (const { status, json } of logins) {
      if (status === 200) expect(decodeJwt(json.access_token)).toMatchObject({ acr: "aal1" });
      else expect(json.code).toBe("second_factor_required");
    }
    expectProblem(
      await post("/api/v1/auth/login", { email: person.email, password: person.password }),
      403,
      "second_factor_required",
    );
  });
});

describe("a factor that is removed while its owner logs in with it", () => {
  it("opens a session before its removal, and none after it", async () => {
    const person = await enrolled();
    const { email, password } = person;
    // The steps below send fewer than five wrong codes. After five, the account would check no codes for a while.
    const [first = "", second = "", third = "", late = ""] = await atOnce(4, () => pendingToken(person));
    const totp = await codeOf(person.totp.secret);
    const [removed, ...answers] = await Promise.all([
      remove(person.accessToken, person.totp.id),
      secondStep(first, { totp }),
      secondStep(second, { recovery_code: person.recoveryCodes[0] }),
      secondStep(third, { recovery_code: person.recoveryCodes[1] }),
    ]);
    expect(removed.status, removed.text).toBe(204);
    for (const { status, json, text } of answers) {
      if (status === 200) expect(decodeJwt(json.access_token)).toMatchObject({ acr: "aal2" });
      else expect(["invalid_factor", "invalid_pending_token"], text).toContain(json.code);
    }
    expectProblem(await secondStep(late, { recovery_code: person.recoveryCodes[9] }), 401, "invalid_factor");
    const later = await post("/api/v1/auth/login", { email, password });
    expect(decodeJwt(later.json.access_token)).toMatchObject({ acr: "aal1" });
  });
});

describe("an operator who removes second factors", () => {
  const removeAll = (bearer: string, id: string) => call("DELETE", `/api/v1/users/${id}/factors`, { bearer });

  it("lets a user who has lost them log in with the password, and the user is told", async () => {
    const [person, admin] = [await enrolled(), await withStanding("admin")];
    expect((await removeAll(admin.accessToken, person.userId)).status).toBe(204);
    await logIn(person);
    expect((await factorsOf(person.accessToken)).json).toEqual({
      items: [],
      has_password: true,
      recovery_codes_left: 0,
      required_from: null,
    });
    await reported(person);
    const [event] = await eventsOf(person.userId, "second_factors_removed");
    expect(event).toMatchObject({ actor_id: admin.userId });
    expect((await mailsTo(person.email, 3))[0]?.subject).toContain("second factors of your");
  });

  it("can't remove their own", async () => {
    const operator = await withStanding("superuser");
    expectProblem(await removeAll(operator.accessToken, operator.userId), 403, "forbidden");
  });
});
