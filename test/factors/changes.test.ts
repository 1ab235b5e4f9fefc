import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { createFactorKey, openFactorKey } from "../../src/factors/factor-key.ts";
import { createSeed, openSeeds } from "../../src/factors/totp-seeds.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { atOnce, call, expectProblem, get, post } from "../support/client.ts";
import { addTotp, codeOf, confirmTotp, enrolled, nextStep, pendingToken, reported } from "../support/factors.ts";
import { type LoggedIn, loggedIn, mailAbout } from "../support/people.ts";

const MINUTE = 60_000;

const objectOf = ({ userId }: LoggedIn) => env.USER_SESSIONS.getByName(userId);
const remove = (bearer: string, id: string) => call("DELETE", `/api/v1/users/me/factors/${id}`, { bearer });
const replaceCodes = (bearer: string) => post("/api/v1/users/me/recovery-codes", undefined, { bearer });

/** Every request that changes second factors, except adding the first one. */
const changes = (bearer: string, id: string) => [
  addTotp(bearer),
  confirmTotp(bearer, "000000"),
  replaceCodes(bearer),
  remove(bearer, id),
];

describe("a change of the second factors", () => {
  it("needs a recent login with one, and a reauthentication with its code is enough [MF-5]", async () => {
    const person = await loggedIn();
    nextStep();
    const { id, secret } = (await addTotp(person.accessToken)).json;
    expect((await confirmTotp(person.accessToken, await codeOf(secret))).status).toBe(200);
    await runDurableObjectAlarm(objectOf(person));
    for (const answer of await Promise.all(changes(person.accessToken, id))) {
      expectProblem(answer, 403, "reauthentication_required");
      expect(answer.json).toMatchObject({ acr_values: "aal2" });
    }
    nextStep();
    const proof = { totp: await codeOf(secret) };
    const { json } = await post("/api/v1/auth/reauthenticate", proof, { bearer: person.accessToken });
    expect((await replaceCodes(json.access_token)).status).toBe(200);
    await reported(person);
    expect(await mailAbout(person.email, /New recovery codes/)).toBeDefined();
    vi.setSystemTime(Date.now() + 16 * MINUTE);
    for (const answer of await Promise.all(changes(json.access_token, id))) {
      expectProblem(answer, 403, "reauthentication_required");
    }
  });

  it("adds at most twenty", async () => {
    const { accessToken, totp } = await enrolled();
    for (let count = 1; count < 20; count++) {
      const { secret } = (await addTotp(accessToken)).json;
      const confirmed = await confirmTotp(accessToken, await codeOf(secret));
      // Only the first factor comes with recovery codes.
      expect(confirmed.json).toEqual({ recovery_codes: null });
    }
    expectProblem(await addTotp(accessToken), 409, "too_many_factors");
    expect((await remove(accessToken, totp.id)).status).toBe(204);
    expect((await addTotp(accessToken)).status).toBe(201);
  });

  it("confirms one app, however often its code is sent at once", async () => {
    const { accessToken } = await loggedIn();
    const { secret } = (await addTotp(accessToken)).json;
    const code = await codeOf(secret);
    const answers = await atOnce(10, () => confirmTotp(accessToken, code));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await get("/api/v1/users/me/factors", { bearer: accessToken })).json.items).toHaveLength(1);
  });

  it("is forgotten if no code confirms it within an hour", async () => {
    const person = await loggedIn();
    const { secret } = (await addTotp(person.accessToken)).json;
    vi.setSystemTime(Date.now() + 60 * MINUTE);
    const { json } = await post(
      "/api/v1/auth/reauthenticate",
      { password: person.password },
      { bearer: (await post("/api/v1/auth/refresh", { refresh_token: person.refreshToken })).json.access_token },
    );
    expectProblem(await confirmTotp(json.access_token, await codeOf(secret)), 403, "invalid_factor");
    await runDurableObjectAlarm(objectOf(person));
    const left = await runInDurableObject(objectOf(person), (_, { storage }) =>
      storage.sql.exec("SELECT * FROM factors").toArray(),
    );
    expect(left).toEqual([]);
  });
});

describe("a login that waits for its second factor", () => {
  it("is no wrong guess at the password, however often it begins", async () => {
    const person = await enrolled();
    await runDurableObjectAlarm(objectOf(person));
    // Twice as many logins as the wrong guesses that cause no pause.
    for (let count = 0; count < 20; count++) await pendingToken(person);
  });
});

describe("what is stored of a second factor", () => {
  it("opens only in the row of its user, and in the factor of its id", async () => {
    const secrets = createSecrets(env.AUTH_SECRET);
    const [ada, bob] = [crypto.randomUUID(), crypto.randomUUID()];
    const sealed = await createFactorKey(ada, secrets, systemRandom);
    expect(await openFactorKey(ada, sealed, secrets)).toHaveLength(43);
    expect(await openFactorKey(bob, sealed, secrets)).toBeUndefined();
    const { sealedSeed } = await createSeed(ada, secrets, systemRandom);
    const moved = {
      kind: "totp" as const,
      name: "",
      createdAt: 0,
      lastUsedAt: null,
      content: { sealedSeed, lastStep: 0 },
    };
    expect((await openSeeds([{ ...moved, id: ada }], secrets)).size).toBe(1);
    expect((await openSeeds([{ ...moved, id: bob }], secrets)).size).toBe(0);
  });
});
