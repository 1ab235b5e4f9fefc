/** Signing keys and the JWKS (docs/conformance.md, F). */
import { env } from "cloudflare:workers";
import { decodeProtectedHeader } from "jose";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { openKey } from "../../src/keys/sealed-key.ts";
import { readSigningKeys } from "../../src/keys/signing-key-rows.ts";
import { runMaintenance } from "../../src/maintenance.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { decodeBase64url } from "../../src/platform/encoding.ts";
import { appWith, call, expectProblem, get, post } from "../support/client.ts";
import { type Person, registered } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const JWKS = "/.well-known/jwks.json";
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 86_400 * SECOND;
/** What a verifier of the jose library keeps a JWKS for, at most. */
const JOSE_CACHE = 10 * MINUTE;

type Send = ReturnType<typeof appWith>;

async function logIn(send: Send, { email, password }: Person) {
  const { json } = await post("/api/v1/auth/login", { email, password }, {}, send);
  const bearer: string = json.access_token;
  return { bearer, kid: decodeProtectedHeader(bearer).kid };
}

const publishedIds = async (send: Send): Promise<string[]> =>
  (await get(JWKS, {}, send)).json.keys.map(({ kid }: { kid: string }) => kid);

async function countKeys(): Promise<number> {
  return (await readSigningKeys(coldIsolate().db)).rows.length;
}

let person: Person;
let send: Send;
let start: number;

beforeEach(async () => {
  person = await registered();
  await env.DB.exec("DELETE FROM signing_keys");
  send = appWith({});
  start = Date.now();
});

afterAll(async () => {
  await env.DB.exec("DELETE FROM signing_keys");
});

describe("signing keys", () => {
  it("KY-1: are published with public members alone, each with a type, an id of its own, one algorithm and its use", async () => {
    await coldIsolate().keyring.signingKey();
    await runMaintenance(coldIsolate({ JWT_ALGORITHM: "Ed25519" }));
    const { keys } = (await get(JWKS, {}, send)).json;
    expect(keys.map(({ kty }: { kty: string }) => kty)).toEqual(["EC", "OKP"]);
    for (const key of keys) {
      const { kid, crv, x, y, ...rest } = key;
      expect(rest).toEqual(
        key.kty === "EC" ? { kty: "EC", alg: "ES256", use: "sig" } : { kty: "OKP", alg: "Ed25519", use: "sig" },
      );
      for (const text of [kid, crv, x]) expect(text).toMatch(/^[\w-]+$/);
    }
    expect(new Set(keys.map(({ kid }: { kid: string }) => kid)).size).toBe(keys.length);
  });

  it("KY-2: are cacheable, validated by an ETag, readable from every origin, and read alone", async () => {
    const answer = await get(JWKS, { headers: { Origin: "https://anybody.example" } }, send);
    const maxAge = Number(/^public, max-age=(\d+)$/.exec(answer.headers.get("Cache-Control") ?? "")?.[1]);
    expect(maxAge).toBeGreaterThan(0);
    expect(maxAge * SECOND).toBeLessThanOrEqual(coldIsolate().config.keys.publishLead);
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(answer.headers.get("Access-Control-Allow-Credentials")).toBeNull();
    const etag = answer.headers.get("ETag") ?? "";
    expect((await get(JWKS, { headers: { "If-None-Match": etag } }, send)).status).toBe(304);
    expect(await call("HEAD", JWKS, {}, send)).toMatchObject({ status: 200, text: "" });
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const refused = await call(method, JWKS, {}, send);
      expectProblem(refused, 405, "method_not_allowed");
      expect(refused.headers.get("Allow")).toBe("GET, HEAD, OPTIONS");
    }
  });

  it("KY-3: are published before they sign for longer than any cache keeps the set, and until their last token has expired", async () => {
    const first = await logIn(send, person);
    vi.setSystemTime(start + 30 * DAY + MINUTE);
    await runMaintenance(coldIsolate());
    const published = Date.now();
    vi.setSystemTime(published + MINUTE + SECOND);
    const second = (await publishedIds(send)).find((kid) => kid !== first.kid);
    expect(second).toBeDefined();
    vi.setSystemTime(published + JOSE_CACHE);
    expect((await logIn(send, person)).kid, "not yet").toBe(first.kid);

    vi.setSystemTime(published + 59 * MINUTE);
    const last = await logIn(send, person);
    expect(last.kid).toBe(first.kid);
    vi.setSystemTime(published + 61 * MINUTE);
    expect((await logIn(send, person)).kid).toBe(second);
    vi.setSystemTime(published + 59 * MINUTE + 30 * MINUTE - SECOND);
    expect((await get("/api/v1/users/me", { bearer: last.bearer }, send)).status).toBe(200);
    expect(await publishedIds(send)).toContain(first.kid);
    vi.setSystemTime(published + 60 * MINUTE + 33 * MINUTE);
    expect(await publishedIds(send)).toEqual([second]);
  });

  it("KY-4: are gone at once when they are revoked, and their tokens are refused here", async () => {
    const { bearer, kid } = await logIn(send, person);
    expect((await get("/api/v1/users/me", { bearer }, send)).status).toBe(200);
    // What `npm run keys:rotate -- --emergency` does: test/node/rotate-keys.test.ts.
    await env.DB.prepare("UPDATE signing_keys SET revoked_at = ?").bind(Date.now()).run();
    expectProblem(await get("/api/v1/users/me", { bearer }, send), 401, "invalid_access_token");
    expect(await publishedIds(send)).not.toContain(kid);
    const next = await logIn(send, person);
    expect(next.kid).not.toBe(kid);
    expect((await get("/api/v1/users/me", { bearer: next.bearer }, send)).status).toBe(200);
  });

  it("KY-5: are made once, however many triggers come at once or again", async () => {
    await coldIsolate().keyring.signingKey();
    vi.setSystemTime(start + 31 * DAY);
    await Promise.all(Array.from({ length: 4 }, () => runMaintenance(coldIsolate())));
    await runMaintenance(coldIsolate());
    expect(await countKeys()).toBe(2);
  });

  it("KY-6: have 128 bits of strength, and private halves that are sealed with AES-256-GCM, each to its own row", async () => {
    const { db, keyring, secrets } = coldIsolate();
    await keyring.signingKey();
    vi.setSystemTime(start + 31 * DAY);
    await runMaintenance(coldIsolate());
    const { rows: sealed } = await readSigningKeys(db);
    expect(sealed).toHaveLength(2);
    const nonces = sealed.map(({ sealedPrivateJwk }) => sealedPrivateJwk.slice(0, 16));
    expect(new Set(nonces).size, "96 bits of their own").toBe(2);
    for (const row of sealed) {
      expect(JSON.parse(row.publicJwk)).toMatchObject({ kty: "EC", crv: "P-256" });
      expect(JSON.parse(row.publicJwk)).not.toHaveProperty("d");
      const bytes = decodeBase64url(row.sealedPrivateJwk) ?? new Uint8Array();
      expect(new TextDecoder("latin1").decode(bytes)).not.toContain('"d"');
      expect((await openKey(row, secrets)).signingKey).toBeDefined();
      const { sealedPrivateJwk = "" } = sealed.find(({ id }) => id !== row.id) ?? {};
      expect((await openKey({ ...row, sealedPrivateJwk }, secrets)).signingKey, "swapped").toBeUndefined();
      expect((await openKey(row, createSecrets("x".repeat(32)))).signingKey, "another secret").toBeUndefined();
    }
  });
});
