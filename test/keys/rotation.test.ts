import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { runCronTasks } from "../../src/cron-tasks.ts";
import worker from "../../src/index.ts";
import { openKey } from "../../src/keys/sealed-key.ts";
import { readSigningKeys } from "../../src/keys/signing-key-rows.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { decodeBase64url } from "../../src/platform/encoding.ts";
import { readMe, tryLogin } from "../support/account.ts";
import { appWith, atOnce, call, expectProblem, get, post, type Send } from "../support/client.ts";
import { withoutTable } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { recordLogs } from "../support/logs.ts";
import { type Person, registered } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const JWKS = "/.well-known/jwks.json";

async function logIn(send: Send, person: Person) {
  const answer = await tryLogin(person, {}, send);
  expect(answer.status, answer.text).toBe(200);
  const bearer: string = answer.json.access_token;
  return { bearer, kid: decodeProtectedHeader(bearer).kid };
}

const publishedIds = async (send: Send): Promise<string[]> =>
  (await get(JWKS, {}, send)).json.keys.map(({ kid }: { kid: string }) => kid);

const countKeys = async () =>
  (await env.DB.prepare("SELECT count(*) AS n FROM signing_keys").first<{ n: number }>())?.n;

const revokeKeys = () => env.DB.exec(`UPDATE signing_keys SET revoked_at = ${Date.now()}`);

// Other secrets have sealed (encrypted) these keys, so other tests could not open them.
afterAll(async () => {
  await env.DB.exec("DELETE FROM signing_keys");
});

describe("signing keys", () => {
  let person: Person;
  let start: number;

  beforeEach(async () => {
    person = await registered();
    await env.DB.exec("DELETE FROM signing_keys");
    start = Date.now();
  });

  it("are made on first need, one alone however many cold isolates need it at once", async () => {
    // Without limits, because the limits for one account don't allow 12 logins at once.
    const isolates = Array.from({ length: 12 }, () => appWith({ RATE_LIMITING: "off" }));
    const logins = await Promise.all(isolates.map((send) => logIn(send, person)));
    expect(new Set(logins.map(({ kid }) => kid)).size).toBe(1);
    expect(await countKeys()).toBe(1);
    // If the Worker has read its keys within the last second, it does not look up this new key yet.
    await eventually(async () => expect((await readMe(logins[0]?.bearer)).status).toBe(200));
    for (const { bearer } of logins) expect((await readMe(bearer)).status).toBe(200);
  });

  it("are read again where others have taken their place, as many as before", async () => {
    const [here, there] = [appWith({}), appWith({})];
    await logIn(here, person);
    await env.DB.exec("DELETE FROM signing_keys");
    const { kid } = await logIn(there, person);
    expect((await logIn(here, person)).kid).toBe(kid);
  });

  it("are read again after the clock was set back", async () => {
    const [here, there] = [appWith({ RATE_LIMITING: "off" }), appWith({ RATE_LIMITING: "off" })];
    vi.setSystemTime(start + 60 * MINUTE);
    await logIn(here, person);
    vi.setSystemTime(start);
    await env.DB.exec("DELETE FROM signing_keys");
    const { bearer, kid } = await logIn(there, person);
    expect((await readMe(bearer, here)).status).toBe(200);
    expect(await publishedIds(here)).toEqual([kid]);
  });

  it("have 128 bits of strength, and private halves that are sealed, each to its own row [KY-6]", async () => {
    const { db, keyring, secrets } = coldIsolate();
    await keyring.signingKey();
    vi.setSystemTime(start + 31 * DAY);
    await runCronTasks(coldIsolate());
    const { rows } = await readSigningKeys(db);
    expect(rows).toHaveLength(2);
    const nonces = rows.map(({ sealedPrivateJwk }) => sealedPrivateJwk.slice(0, 16));
    expect(new Set(nonces).size, "96 bits of their own").toBe(2);
    for (const row of rows) {
      expect(JSON.parse(row.publicJwk)).toMatchObject({ kty: "EC", crv: "P-256" });
      expect(JSON.parse(row.publicJwk)).not.toHaveProperty("d");
      const bytes = decodeBase64url(row.sealedPrivateJwk) ?? new Uint8Array();
      expect(new TextDecoder("latin1").decode(bytes)).not.toContain('"d"');
      expect((await openKey(row, secrets)).signingKey).toBeDefined();
      const { sealedPrivateJwk = "" } = rows.find(({ id }) => id !== row.id) ?? {};
      expect((await openKey({ ...row, sealedPrivateJwk }, secrets)).signingKey, "swapped").toBeUndefined();
      expect((await openKey(row, createSecrets("x".repeat(32)))).signingKey, "another secret").toBeUndefined();
    }
  });

  it("sign nothing in another's row, which the log tells", async () => {
    await coldIsolate().keyring.signingKey();
    await env.DB.prepare("UPDATE signing_keys SET id = ?").bind("B".repeat(43)).run();
    const logs = recordLogs();
    await coldIsolate().keyring.signingKey();
    expect(logs().map(({ event }) => event)).toContain("signing_key_unreadable");
    expect(await countKeys(), "a key that does not open in its row signs nothing").toBe(2);
  });

  it("are published an hour before they sign, and until the last token that they signed has expired [KY-3]", async () => {
    const send = appWith({});
    const first = await logIn(send, person);
    const at = async (time: number) => {
      vi.setSystemTime(start + time);
      await worker.scheduled?.(createScheduledController(), env);
    };

    await at(30 * DAY - MINUTE);
    expect(await countKeys()).toBe(1);
    await at(30 * DAY + MINUTE);
    const ids = await publishedIds(send);
    expect(ids).toHaveLength(2);
    const second = ids.find((id) => id !== first.kid);
    expect((await logIn(send, person)).kid).toBe(first.kid);

    await at(30 * DAY + 60 * MINUTE);
    const last = await logIn(send, person);
    expect(last.kid, "a minute before the new key's time").toBe(first.kid);
    await at(30 * DAY + 62 * MINUTE);
    expect((await logIn(send, person)).kid).toBe(second);
    await at(30 * DAY + 90 * MINUTE - 1_000);
    expect((await readMe(last.bearer, send)).status).toBe(200);
    expect(await publishedIds(send)).toContain(first.kid);
    await at(30 * DAY + 93 * MINUTE);
    expect(await publishedIds(send)).toEqual([second]);
    await at(30 * DAY + 94 * MINUTE);
    expect(await countKeys(), "a retired key is deleted").toBe(1);
  });

  it("rotate once when the trigger fires many times at once [KY-5]", async () => {
    await coldIsolate().keyring.signingKey();
    vi.setSystemTime(start + 31 * DAY);
    await atOnce(8, () => runCronTasks(coldIsolate()));
    await runCronTasks(coldIsolate());
    expect(await countKeys()).toBe(2);
  });

  it("are recorded in the audit log by the batch that makes them, once each", async () => {
    await env.DB.exec("DELETE FROM audit_events WHERE type = 'signing_key_created'");
    await atOnce(8, () => coldIsolate().keyring.signingKey());
    const id = (await env.DB.prepare("SELECT id FROM signing_keys").first<{ id: string }>())?.id;
    const query = "SELECT actor_id, user_id, details FROM audit_events WHERE type = 'signing_key_created'";
    const { results } = await env.DB.prepare(query).all();
    expect(results).toEqual([{ actor_id: null, user_id: null, details: JSON.stringify({ key_id: id }) }]);
  });

  it("rotate by hand from the moment that the row says so", async () => {
    const send = appWith({});
    await logIn(send, person);
    await env.DB.prepare("UPDATE signing_keys SET rotates_at = ?").bind(Date.now()).run();
    await runCronTasks(coldIsolate());
    expect(await publishedIds(appWith({}))).toHaveLength(2);
  });

  it("stop being trusted at once when revoked in an emergency, and logging in goes on with a new one [KY-4]", async () => {
    const [here, there] = [appWith({}), appWith({})];
    const before = await logIn(here, person);
    expect((await readMe(before.bearer, there)).status).toBe(200);
    await revokeKeys();
    for (const send of [here, there]) {
      expectProblem(await readMe(before.bearer, send), 401, "invalid_access_token");
    }
    expect(await publishedIds(there)).not.toContain(before.kid);
    for (const all of [false, true]) {
      const out = await post("/api/v1/auth/logout", { all }, { bearer: before.bearer }, there);
      expectProblem(out, 401, "invalid_access_token");
    }
    const after = await Promise.all([logIn(here, person), logIn(there, person)]);
    expect(new Set(after.map(({ kid }) => kid)).size).toBe(1);
    expect(after[0]?.kid).not.toBe(before.kid);
    for (const send of [here, there]) {
      expect((await readMe(after[0]?.bearer, send)).status).toBe(200);
    }
    expect(await publishedIds(appWith({}))).toEqual([after[0]?.kid]);
    vi.setSystemTime(start + DAY);
    await runCronTasks(coldIsolate());
    expect(await countKeys(), "what was revoked is deleted once nothing it signed can be alive").toBe(1);
  });

  it("sign nothing and end no session once revoked, even in an isolate that has cached them", async () => {
    const [signer, door, exit] = [appWith({}), appWith({}), appWith({})];
    const { bearer, kid } = await logIn(signer, person);
    const other = await logIn(signer, person);
    for (const send of [door, exit]) expect((await readMe(bearer, send)).status).toBe(200);
    await revokeKeys();
    expect((await logIn(signer, person)).kid).not.toBe(kid);
    expectProblem(await post("/api/v1/auth/logout", {}, { bearer }, door), 401, "invalid_access_token");
    expectProblem(
      await post("/api/v1/auth/logout", { all: true }, { bearer: other.bearer }, exit),
      401,
      "invalid_access_token",
    );
    const userId = decodeJwt(other.bearer).sub ?? "";
    const live = await env.USER_SESSIONS.getByName(userId).list();
    expect(live.map(({ id }) => id)).toContain(decodeJwt(other.bearer).sid);
  });

  it("make the service answer 503 while the database does not answer", async () => {
    const { bearer } = await logIn(appWith({}), person);
    await withoutTable("signing_keys", async () => {
      expectProblem(await readMe(bearer, appWith({})), 503, "unavailable");
    });
  });

  it("never sign untrusted tokens: one key is revoked while its successor waits", async () => {
    const send = appWith({});
    const first = await logIn(send, person);
    await env.DB.prepare("UPDATE signing_keys SET rotates_at = ?").bind(start).run();
    await runCronTasks(coldIsolate());
    const revoke = env.DB.prepare("UPDATE signing_keys SET revoked_at = ? WHERE id = ?");
    await revoke.bind(start, first.kid ?? "").run();
    for (const minutes of [0, 29, 31, 33, 45, 59, 61, 75, 90, 95]) {
      vi.setSystemTime(start + minutes * MINUTE);
      const { bearer, kid } = await logIn(send, person);
      expect((await readMe(bearer, send)).status, `${minutes} minutes later`).toBe(200);
      expect(await publishedIds(send)).toContain(kid);
    }
  });

  it("never sign untrusted tokens: another secret was deployed for a while", async () => {
    const send = appWith({});
    await logIn(send, person);
    await coldIsolate({ AUTH_SECRET: "quite another secret, long enough to pass too" }).keyring.signingKey();
    for (const minutes of [0, 20, 31, 33, 44, 90]) {
      vi.setSystemTime(start + minutes * MINUTE);
      const { bearer } = await logIn(send, person);
      expect((await readMe(bearer, send)).status, `${minutes} minutes later`).toBe(200);
    }
  });

  it("replace a revoked key without waiting when the trigger finds none that signs", async () => {
    await coldIsolate().keyring.signingKey();
    await revokeKeys();
    await runCronTasks(coldIsolate());
    const { signsFrom, createdAt } = await coldIsolate().keyring.signingKey();
    expect(signsFrom).toBeLessThanOrEqual(createdAt);
  });

  it("made by another isolate are found when their id comes along, though not more than once a second", async () => {
    vi.setSystemTime(start);
    const here = coldIsolate();
    await here.keyring.warm();
    const made = await coldIsolate().keyring.signingKey();
    expect(await here.keyring.verifyingKey(made.id), "within a second of reading").toBeUndefined();
    vi.setSystemTime(start + 2_000);
    const calls = here.hops.made.length;
    expect((await here.keyring.verifyingKey(made.id))?.id).toBe(made.id);
    expect(await here.keyring.verifyingKey("A".repeat(43))).toBeUndefined();
    expect(here.hops.made.length).toBe(calls + 1);
  });

  it("change their algorithm by configuration, published before they sign [KY-1]", async () => {
    const old = await logIn(appWith({}), person);
    const edwards = appWith({ JWT_ALGORITHM: "Ed25519" });
    await runCronTasks(coldIsolate({ JWT_ALGORITHM: "Ed25519" }));
    const { keys } = (await get(JWKS, {}, edwards)).json;
    expect(keys.map(({ kid, x, y, ...rest }: Record<string, string>) => rest)).toEqual([
      { kty: "EC", crv: "P-256", alg: "ES256", use: "sig" },
      { kty: "OKP", crv: "Ed25519", alg: "Ed25519", use: "sig" },
    ]);
    expect(new Set(keys.map(({ kid }: { kid: string }) => kid)).size).toBe(2);
    vi.setSystemTime(start + 61 * MINUTE);
    const { bearer } = await logIn(edwards, person);
    expect(decodeProtectedHeader(bearer)).toMatchObject({ alg: "Ed25519", typ: "at+jwt" });
    expect((await readMe(bearer, edwards)).status).toBe(200);
    vi.setSystemTime(start + 20 * MINUTE);
    expect((await readMe(old.bearer, edwards)).status).toBe(200);
  });

  it("stay readable while AUTH_SECRET is rotated, and are replaced where it was changed without the previous one", async () => {
    const old = await coldIsolate().keyring.signingKey();
    const AUTH_SECRET = "quite another secret, long enough to pass too";
    const rotated = await coldIsolate({ AUTH_SECRET, AUTH_SECRET_PREVIOUS: env.AUTH_SECRET }).keyring.signingKey();
    expect(rotated.id).toBe(old.id);
    const lost = await coldIsolate({ AUTH_SECRET }).keyring.signingKey();
    expect(lost.id).not.toBe(old.id);
    expect((await coldIsolate({ AUTH_SECRET }).keyring.signingKey()).id, "not one a login").toBe(lost.id);
  });
});

describe("GET /.well-known/jwks.json", () => {
  it("publishes public members alone, cacheable, to every origin [KY-1, KY-2, HT-7]", async () => {
    await coldIsolate().keyring.signingKey();
    const send = appWith({});
    const answer = await get(JWKS, { headers: { Origin: "https://anybody.example" } }, send);
    expect(answer.status).toBe(200);
    for (const key of answer.json.keys) {
      expect(Object.keys(key).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
      expect(key).toMatchObject({ alg: "ES256", use: "sig", kty: "EC" });
    }
    expect(answer.headers.get("Cache-Control")).toBe("public, max-age=300");
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(answer.headers.get("Access-Control-Allow-Credentials")).toBeNull();

    const etag = answer.headers.get("ETag") ?? "";
    const again = await get(JWKS, { headers: { "If-None-Match": etag } }, send);
    expect(again.status).toBe(304);
    expect(again.headers.get("Access-Control-Allow-Origin"), "a page may read this one too").toBe("*");
    expect(await call("HEAD", JWKS, {}, send)).toMatchObject({ status: 200, text: "" });
    expect(coldIsolate().config.keys.publishLead, "longer than any cache keeps the set").toBeGreaterThan(600_000);
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const refused = await call(method, JWKS, {}, send);
      expectProblem(refused, 405, "method_not_allowed");
      expect(refused.headers.get("Allow")).toBe("GET, HEAD, OPTIONS");
    }
  });

  it("makes the first key on the first request, so that no cache keeps an empty set", async () => {
    await env.DB.exec("DELETE FROM signing_keys");
    const isolates = Array.from({ length: 6 }, () => appWith({}));
    const sets = await Promise.all(isolates.map(publishedIds));
    expect(new Set(sets.flat()).size).toBe(1);
    expect(sets.map((ids) => ids.length)).toEqual(Array(6).fill(1));
  });

  it("keeps serving the keys known last while the directory does not answer", async () => {
    const send = appWith({});
    const { json } = await get(JWKS, {}, send);
    await withoutTable("signing_keys", async () => {
      vi.setSystemTime(Date.now() + 2 * MINUTE);
      expect((await get(JWKS, {}, send)).json).toEqual(json);
      expectProblem(await get(JWKS, {}, appWith({})), 503, "unavailable");
    });
  });
});

describe("GET /.well-known/oauth-authorization-server", () => {
  it("names the issuer exactly as the tokens do, and where the keys are [OP-1]", async () => {
    const answer = await get("/.well-known/oauth-authorization-server");
    expect(answer.json).toMatchObject({ issuer: "http://localhost:8787", jwks_uri: `http://localhost:8787${JWKS}` });
    expect(answer.json).toMatchObject({ grant_types_supported: [], response_types_supported: [] });
    expect(answer.headers.get("Cache-Control")).toContain("public");
    expect(decodeJwt((await logIn(appWith({}), await registered())).bearer).iss).toBe(answer.json.issuer);
    expect((await get(answer.json.jwks_uri)).json.keys).not.toEqual([]);
    for (const path of ["/authorize", "/token", "/oauth/token", "/.well-known/openid-configuration"]) {
      expectProblem(await get(path), 404, "not_found");
    }
  });
});
