import { env } from "cloudflare:workers";
import fc from "fast-check";
import { CompactEncrypt, calculateJwkThumbprint, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import { createKeyRow } from "../../src/keys/sealed-key.ts";
import { addSigningKey } from "../../src/keys/signing-key-rows.ts";
import { encodeBase64url, utf8 } from "../../src/platform/encoding.ts";
import { createVerifier, VerificationError } from "../../src/verify/index.ts";
import { runs } from "../hostile/runs.ts";
import { readMe } from "../support/account.ts";
import { expectProblem, get, ORIGIN, post, theWorker } from "../support/client.ts";
import { logIn, mailedToken } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";
import {
  bytesOf,
  confused,
  es256,
  forged,
  genuine,
  json,
  malleate,
  openWorkshop,
  part,
  resigned,
  signed,
  toDer,
  unsigned,
  type Workshop,
} from "./forge.ts";

type Forge = (workshop: Workshop) => string | Promise<string>;

const HOUR = 3_600;
const EVIL = "https://evil.example/jwks.json";
const now = () => Math.floor(Date.now() / 1000);

/** A token with only one fault, its key: an attacker's key, for the other algorithm that Postern signs with. */
async function ed25519({ header, claims }: Workshop): Promise<string> {
  const { privateKey } = await generateKeyPair("Ed25519");
  return new SignJWT(claims).setProtectedHeader({ ...header, alg: "Ed25519" }).sign(privateKey);
}

/** Tokens forged without our key. A verifier that accepts one is broken. */
const FORGED: [string, Forge][] = [
  // RFC 8725 §2.1, §3.1: the verifier chooses the algorithm.
  ["alg none without a signature", (w) => unsigned(w, { alg: "none" })],
  ["alg none with the honest signature", (w) => unsigned(w, { alg: "none" }, w.victim.accessToken.split(".")[2])],
  ["alg none without a kid", (w) => unsigned(w, { alg: "none", kid: undefined })],
  ...["nOnE", "None", "NONE", "none ", "\u0000none", ""].map((alg): [string, Forge] => [
    `alg ${JSON.stringify(alg)}`,
    (w) => unsigned(w, { alg }),
  ]),
  ["alg none in unicode escapes", (w) => `${part('{"\\u0061lg":"\\u006eone","typ":"at+jwt"}')}.${json(w.claims)}.`],
  ["alg absent", (w) => unsigned(w, { alg: undefined })],
  ["alg null", (w) => unsigned(w, { alg: null })],
  ["alg a list", (w) => unsigned(w, { alg: ["none", "ES256"] })],
  ["alg twice, none last", (w) => `${part(`{"alg":"ES256","typ":"at+jwt","alg":"none"}`)}.${json(w.claims)}.`],
  ["HS256 keyed with the published JWK", (w) => confused(w, w.published.jwk)],
  ["HS256 keyed with the whole JWK set", (w) => confused(w, w.published.jwks)],
  ["HS256 keyed with the key as PEM", (w) => confused(w, w.published.pem)],
  ["HS256 keyed with the key as PEM and a line break", (w) => confused(w, `${w.published.pem.trimEnd()}\n`)],
  ["HS256 keyed with the key as DER", (w) => confused(w, w.published.der)],
  ["HS256 keyed with the point of the key", (w) => confused(w, w.published.point)],
  ["HS256 keyed with the key's x", (w) => confused(w, w.published.x)],
  ["HS256 keyed with the key's id", (w) => confused(w, w.ours.id)],
  ["HS256 keyed with nothing", (w) => confused(w, "")],
  ["HS512 keyed with the published JWK", (w) => confused(w, w.published.jwk, "HS512")],
  ["a signature of zeros", (w) => unsigned(w, {}, part(new Uint8Array(64)))],
  ["an empty signature", (w) => unsigned(w, {})],
  ["a stranger's signature under our kid", (w) => forged(w, {})],
  ["a stranger's Ed25519 signature under our kid", ed25519],
  ["a changed payload under the honest signature", (w) => swapPart(w, 1, json({ ...w.claims, sub: w.other.userId }))],
  ["a changed header under the honest signature", (w) => swapPart(w, 0, json({ ...w.header, note: "new" }))],
  ["another user's signature", (w) => swapPart(w, 2, w.other.accessToken.split(".")[2] ?? "")],

  // RFC 8725 §3.10: the verifier chooses the key.
  ...Object.entries({
    "a path": "../../../../dev/null",
    "an absolute path": "/proc/self/environ",
    SQL: "' UNION SELECT 'x' --",
    "SQL that always holds": "x' OR '1'='1",
    quotes: `"'\`\\`,
    NUL: "\u0000",
    "a lone surrogate": "\ud800",
    "2 kB": "k".repeat(2_000),
    "10 kB": "k".repeat(10_000),
    "a command": "$(id)|`id`",
    "a URL": EVIL,
    "a prototype": "__proto__",
    nothing: "",
    null: null,
    "a number": 0,
    "a list": ["x"],
    "an object": { toString: "x" },
  }).map(([name, kid]): [string, Forge] => [`kid ${name}`, (w) => forged(w, { kid })]),
  ["kid absent", (w) => forged(w, { kid: undefined })],
  ["kid unknown", async (w) => forged(w, { kid: await calculateJwkThumbprint(w.theirs.jwk) })],
  ["kid of ours with a NUL behind it", (w) => forged(w, { kid: `${w.ours.id}\u0000` })],
  ["jwk with the attacker's key, under our kid", (w) => forged(w, { jwk: w.theirs.jwk })],
  [
    "jwk with the attacker's key, under its kid",
    async (w) => forged(w, { jwk: w.theirs.jwk, kid: await calculateJwkThumbprint(w.theirs.jwk) }),
  ],
  ["jwk alone", (w) => forged(w, { jwk: w.theirs.jwk, kid: undefined })],
  ["jku of the attacker's set", (w) => forged(w, { jku: EVIL, kid: undefined })],
  ["jku of the attacker's set, under our kid", (w) => forged(w, { jku: EVIL })],
  ["x5u of the attacker's certificate", (w) => forged(w, { x5u: EVIL })],
  ["x5c with the attacker's certificate", (w) => forged(w, { x5c: [btoa("a certificate")], kid: undefined })],

  // Texts that are no compact JWS of ours.
  ...["null", "undefined", ".", "..", "...", "e30.e30.e30", "e30..", "W10.W10.W10"].map((text): [string, Forge] => [
    `the text ${JSON.stringify(text)}`,
    () => text,
  ]),
  ["the header alone", (w) => parts(w)[0]],
  ["the header and its dot", (w) => `${parts(w)[0]}.`],
  ["header and payload", (w) => parts(w).slice(0, 2).join(".")],
  ["header, payload and dot", (w) => `${parts(w).slice(0, 2).join(".")}.`],
  ["no header", (w) => `.${parts(w)[1]}.${parts(w)[2]}`],
  ["no payload", (w) => `${parts(w)[0]}..${parts(w)[2]}`],
  ["one character short", (w) => w.victim.accessToken.slice(0, -1)],
  ["one character long", (w) => `${w.victim.accessToken}A`],
  ["a fourth part", (w) => `${w.victim.accessToken}.`],
  ["the token twice", (w) => `${w.victim.accessToken},${w.victim.accessToken}`],
  ["the token in quotes", (w) => `"${w.victim.accessToken}"`],
  ["the token percent-encoded", (w) => w.victim.accessToken.replaceAll(".", "%2E")],
  ["60 KB of token", (w) => unsigned(w, { note: "n".repeat(45_000) }, parts(w)[2])],
  ["a megabyte of token", (w) => `${w.victim.accessToken}${"A".repeat(1_000_000)}`],
  ["a hundred thousand dots", () => ".".repeat(100_000)],
  ["a header nested ten thousand deep", (w) => `${part("[".repeat(2_000))}.${parts(w)[1]}.${parts(w)[2]}`],
  ["a JWE encrypted to our public key's x", (w) => encryptedTo(w)],
  ["a JWS as flattened JSON", (w) => JSON.stringify(asJson(w))],
  ["a JWS as general JSON", (w) => generalJson(w)],

  // The same signature in another encoding.
  ["a signature in DER", (w) => resigned(w.victim.accessToken, toDer)],
  ["r and s the wrong way round", (w) => resigned(w.victim.accessToken, (s) => join(s.slice(32), s.slice(0, 32)))],
  ["r alone", (w) => resigned(w.victim.accessToken, (s) => s.slice(0, 32))],
  ["a byte before the signature", (w) => resigned(w.victim.accessToken, (s) => join(Uint8Array.of(0), s))],
  ["a byte after the signature", (w) => resigned(w.victim.accessToken, (s) => join(s, Uint8Array.of(0)))],
  ["a signature with padding", (w) => `${w.victim.accessToken}==`],
  ["every part with padding", (w) => parts(w).map(padded).join(".")],
  ["a signature whose spare bits are set", (w) => resigned(w.victim.accessToken, (s) => sparingly(encodeBase64url(s)))],
  [
    "a signature in hexadecimal",
    (w) => resigned(w.victim.accessToken, (s) => Array.from(s, (byte) => byte.toString(16).padStart(2, "0")).join("")),
  ],

  // JW-7: kinds of tokens are not interchangeable.
  ["a refresh token", (w) => w.victim.refreshToken],
  ["a link token", (w) => mailedToken(w.victim.email)],
  ["a session id", (w) => w.victim.sessionId],
];

/** Tokens that our own key signed, but that are not access tokens for this service at this time. */
const GENUINE: [string, Forge][] = [
  ["a kid that is another of our keys'", (w) => genuine(w, { header: { kid: another.id } })],
  ["kid absent over our signature", (w) => genuine(w, { header: { kid: undefined } })],
  ["kid unknown over our signature", (w) => genuine(w, { header: { kid: "A".repeat(43) } })],
  ["alg RS256 over our signature", (w) => genuine(w, { header: { alg: "RS256" } })],
  ["alg ES384 over our signature", (w) => genuine(w, { header: { alg: "ES384" } })],
  ["alg Ed25519, which another key may have", (w) => genuine(w, { header: { alg: "Ed25519" } })],
  ["alg es256", (w) => genuine(w, { header: { alg: "es256" } })],
  ["crit with a member nobody knows", (w) => genuine(w, { header: { crit: ["policy"], policy: "strict" } })],
  ["crit with a member that is absent", (w) => genuine(w, { header: { crit: ["policy"] } })],
  ["crit with a registered member", (w) => genuine(w, { header: { crit: ["alg"] } })],
  ["crit with nothing", (w) => genuine(w, { header: { crit: [] } })],
  ["crit that is no list", (w) => genuine(w, { header: { crit: "exp" } })],
  ["b64 false, payload in the clear", (w) => unencoded(w)],
  ["b64 false, payload encoded", (w) => genuine(w, { header: { b64: false, crit: ["b64"] } })],
  ...["JWT", "jwt", "", "at", "at+jwt ", "dpop+jwt", "text/at+jwt", null, 1, ["at+jwt"], undefined].map(
    (typ): [string, Forge] => [`typ ${JSON.stringify(typ)}`, (w) => genuine(w, { header: { typ } })],
  ),
  ["cty JWT around a token", (w) => genuine(w, { header: { cty: "JWT" }, claims: w.victim.accessToken })],
  ["a header that is no JSON", (w) => genuine(w, { header: "alg=ES256" })],
  ["a header that is a list", (w) => genuine(w, { header: '[{"alg":"ES256"}]' })],
  ["claims that are no JSON", (w) => genuine(w, { claims: "sub=x" })],
  ["claims that are a list", (w) => genuine(w, { claims: "[]" })],
  ["claims that are null", (w) => genuine(w, { claims: "null" })],
  ["claims in a prototype", (w) => genuine(w, { claims: `{"__proto__":${JSON.stringify(w.claims)}}` })],
  ["claims that are not UTF-8", (w) => notUtf8(w)],
  ["claims behind a byte order mark, twice", (w) => genuine(w, { claims: `\ufeff\ufeff${JSON.stringify(w.claims)}` })],

  [
    "an ID token",
    (w) => genuine(w, { header: { typ: "JWT" }, claims: { aud: "a-client", nonce: "n", sid: undefined } }),
  ],
  ...claimRows({
    iss: [undefined, null, "", EVIL, ["http://localhost:8787"], "http://localhost:8787/", "http://LOCALHOST:8787"],
    aud: [undefined, null, "", [], "https://other.example", ["https://other.example"], "http://localhost", {}],
    sub: [undefined, null, "", "ada", "' OR 1=1 --", "\u0000", 7, {}, ["00000000-0000-0000-0000-000000000000"]],
    sid: [undefined, null, "", "x", "' OR 1=1 --", 7, {}],
    jti: [undefined, null, "x"],
    role: [undefined, null, "root", "superuser", ["user"]],
    email_verified: [undefined, null, "true", 1],
    amr: [null, "pwd", ["pwd", 1], { 0: "pwd" }],
    acr: [null, 2, ["aal2"]],
    auth_time: [null, "0", 1.5, 1e308],
    exp: [undefined, null, "never", "9999999999", [], 0, -1, 1e308],
    iat: [undefined, null, "0", 1e308],
    nbf: [null, "0", 1e308],
  }),
  ["exp a minute ago", (w) => genuine(w, { claims: { exp: now() - 60 } })],
  ["exp NaN", (w) => withNumber(w, "exp", "NaN")],
  ["exp beyond every number", (w) => withNumber(w, "exp", "1e999")],
  ["nbf in an hour", (w) => genuine(w, { claims: { nbf: now() + HOUR } })],
  ["nbf beyond every number", (w) => withNumber(w, "nbf", "1e999")],
  ["iat in an hour", (w) => genuine(w, { claims: { iat: now() + HOUR, exp: now() + 2 * HOUR } })],
  // Other Workers don't know the configured lifetime, so they apply the longest possible one, 24 hours.
  ["iat so long ago that no lifetime reaches here", (w) => genuine(w, { claims: { iat: now() - 25 * HOUR } })],
];

/** Unusual tokens that must be accepted, each for a reason. */
const RIGHT: [string, Forge][] = [
  ["the workshop's own copy, which shows that the tables forge well", (w) => genuine(w, {})],
  ["typ application/at+jwt (RFC 9068 §4)", (w) => genuine(w, { header: { typ: "application/at+jwt" } })],
  ["typ AT+JWT: media types have no case (RFC 9110 §8.3.1)", (w) => genuine(w, { header: { typ: "AT+JWT" } })],
  [
    "aud with others beside ours (RFC 7519 §4.1.3)",
    (w) => genuine(w, { claims: { aud: ["https://x", w.claims.aud] } }),
  ],
  ["nbf that has come", (w) => genuine(w, { claims: { nbf: now() - 1 } })],
  ["header members that mean nothing here (RFC 7515 §4)", (w) => genuine(w, { header: { jku: EVIL, note: "n" } })],
  ["members twice: the last counts (RFC 7519 §4)", (w) => genuine(w, { claims: twice(w) })],
  // ECDSA has two signatures for each content. Nothing here is stored by the text of a token, so a second text is not a
  // second token: revocation applies to sessions and users.
  ["the other signature of the pair, n - s", (w) => resigned(w.victim.accessToken, malleate)],
];

let workshop: Workshop;
let another: Awaited<ReturnType<typeof createKeyRow>>;
let outbound: MockInstance<typeof fetch>;

beforeAll(async () => {
  workshop = await openWorkshop();
  const { audit, secrets, db, random } = coldIsolate();
  const signsFrom = Date.now() + 30 * 24 * HOUR * 1000;
  another = await createKeyRow({
    sequence: 1_000_000,
    algorithm: "ES256",
    signsFrom,
    signingPeriod: 1_000,
    secrets,
    now: Date.now(),
    random,
  });
  expect(await addSigningKey(db, another, audit.eventOf("signing_key_created"))).toBe(true);
  // Makes this isolate read the current keys.
  expect((await readMe(workshop.victim.accessToken)).status).toBe(200);
});

afterAll(async () => {
  await env.DB.prepare("DELETE FROM signing_keys WHERE id = ?").bind(another.id).run();
});

beforeEach(() => {
  outbound = vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json({ keys: [] }));
});

const listUsers = (bearer: string) => get("/api/v1/users/", { bearer });
const logOut = (bearer: string) => post("/api/v1/auth/logout", {}, { bearer });
const logOutEverywhere = (bearer: string) => post("/api/v1/auth/logout", { all: true }, { bearer });

/** The answer of another Worker, which only knows what Postern publishes. */
const verifyElsewhere = createVerifier({
  issuer: ORIGIN,
  audience: ORIGIN,
  fetcher: { fetch: (address, init) => theWorker(new Request(address, init)) },
});

describe("an access token that is none", () => {
  it.each([...FORGED, ...GENUINE])(
    "is refused everywhere, and nothing is fetched: %s [JW-4, JW-5, JW-6, JW-7]",
    async (_, forge) => {
      const token = await forge(workshop);
      for (const request of [readMe, listUsers, logOut, logOutEverywhere]) {
        const answer = await request(token);
        expectProblem(answer, 401, "invalid_access_token");
        expect(answer.headers.get("WWW-Authenticate")).toBe('Bearer realm="postern", error="invalid_token"');
        const said = JSON.stringify([answer.text, ...answer.headers]);
        expect(token.length > 9 && said.includes(token.slice(0, 4_096)), "the token comes back").toBe(false);
      }
      await expect(verifyElsewhere(token), "in another Worker").rejects.toThrow(VerificationError);
      expect(outbound).not.toHaveBeenCalled();
    },
  );

  it("leaves the victim's session alone: the genuine token still works", async () => {
    expect((await readMe(workshop.victim.accessToken)).status).toBe(200);
  });

  it.each([
    ["", "unauthorized"],
    ["Bearer", "unauthorized"],
    ["Bearer ", "unauthorized"],
    ["Basic {token}", "unauthorized"],
    ["{token}", "unauthorized"],
    ["Bearer,{token}", "unauthorized"],
    ["Bearer\t{token}", "unauthorized"],
    ["Bearer {token} {token}", "unauthorized"],
    ["Bearer {token}, Bearer {token}", "unauthorized"],
    ["DPoP {token}", "unauthorized"],
    ["Bearer Bearer", "invalid_access_token"],
    ["Bearer {token},", "invalid_access_token"],
  ] as const)("is none in the header %j either", async (header, code) => {
    const headers = { Authorization: header.replaceAll("{token}", workshop.victim.accessToken) };
    expectProblem(await get("/api/v1/users/me", { headers }), 401, code);
  });
});

describe("an access token that looks odd", () => {
  it.each(RIGHT)("is accepted: %s", async (_, forge) => {
    const token = await forge(workshop);
    expect((await readMe(token)).status).toBe(200);
    expect((await listUsers(token)).status).toBe(200);
    expect(await verifyElsewhere(token)).toMatchObject({ sub: workshop.victim.userId });
    expect(outbound).not.toHaveBeenCalled();
  });

  it("that names another user or another session is refused, and logging out with it changes nothing", async () => {
    const { other, victim } = workshop;
    const token = await genuine(workshop, { claims: { sub: other.userId, role: "user" } });
    expectProblem(await readMe(token), 401, "invalid_access_token");
    expectProblem(await logOutEverywhere(token), 401, "invalid_access_token");
    // The named user does not have this session, so it counts as ended: a second logout gets the same answer.
    expect((await logOut(token)).status).toBe(204);
    for (const claims of [{ sub: crypto.randomUUID() }, { sid: crypto.randomUUID() }]) {
      expectProblem(await readMe(await genuine(workshop, { claims })), 401, "invalid_access_token");
    }
    for (const { accessToken } of [other, victim]) expect((await readMe(accessToken)).status).toBe(200);
  });

  it("logs out by its malleated spelling as well, after which neither spelling is good", async () => {
    const { accessToken } = await logIn(workshop.other);
    const twin = resigned(accessToken, malleate);
    expect(twin).not.toBe(accessToken);
    expect((await logOut(twin)).status).toBe(204);
    for (const token of [accessToken, twin]) expectProblem(await readMe(token), 401, "invalid_access_token");
  });
});

describe("AccessTokens.verify", () => {
  const { accessTokens } = coldIsolate();
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 6 }).map((list) => list.join(".")),
    fc.array(fc.jsonValue().map(json), { minLength: 3, maxLength: 3 }).map((list) => list.join(".")),
  );

  it("says no to any text, and throws at none", async () => {
    const property = fc.asyncProperty(text, async (token) => (await accessTokens.verify(token)) === undefined);
    await fc.assert(property, runs(1 / 6));
  });

  it("says no to an honest token with any one character changed, taken out or put in", async () => {
    const token = workshop.victim.accessToken;
    expect(await accessTokens.verify(token)).toBeDefined();
    const edit = fc.record({
      at: fc.nat(token.length - 1),
      removed: fc.nat(2),
      added: fc.string({ unit: fc.constantFrom(..."AQgw-_.=+/ \u0000é"), maxLength: 2 }),
    });
    const property = fc.asyncProperty(edit, async ({ at, removed, added }) => {
      const edited = token.slice(0, at) + added + token.slice(at + removed);
      fc.pre(edited !== token);
      return (await accessTokens.verify(edited)) === undefined;
    });
    await fc.assert(property, runs(1 / 6));
  });
});

function claimRows(values: Record<string, unknown[]>): [string, Forge][] {
  return Object.entries(values).flatMap(([claim, wrong]) =>
    wrong.map((value): [string, Forge] => [
      `${claim} ${JSON.stringify(value)}`,
      (w) => genuine(w, { claims: { [claim]: value } }),
    ]),
  );
}

function parts({ victim }: Workshop): [string, string, string] {
  const [header = "", payload = "", signature = ""] = victim.accessToken.split(".");
  return [header, payload, signature];
}

function swapPart(w: Workshop, index: number, text: string): string {
  return parts(w).with(index, text).join(".");
}

function join(...pieces: Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

const padded = (text: string) => text.padEnd(Math.ceil(text.length / 4) * 4, "=");

/** Another encoding of the same bytes: the last character of base64 has unused bits. */
function sparingly(text: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.slice(-1)) + 1];
}

function asJson(w: Workshop) {
  const [header, payload, signature] = parts(w);
  return { protected: header, payload, signature };
}

function generalJson(w: Workshop): string {
  const { payload, ...signature } = asJson(w);
  return JSON.stringify({ payload, signatures: [signature] });
}

/** RFC 7797: the payload is between the dots without encoding. */
async function unencoded(w: Workshop): Promise<string> {
  const input = `${json({ ...w.header, b64: false, crit: ["b64"] })}.${JSON.stringify(w.claims).replaceAll(".", "")}`;
  return `${input}.${encodeBase64url(await es256(w.ours.signingKey, input))}`;
}

async function notUtf8(w: Workshop): Promise<string> {
  const bytes = utf8(JSON.stringify({ ...w.claims, note: "??" }));
  // An overlong encoding of a slash, in place of the question marks.
  bytes.set([0xc0, 0xaf], bytes.indexOf(0x3f));
  const input = `${json(w.header)}.${part(bytes)}`;
  return `${input}.${encodeBase64url(await es256(w.ours.signingKey, input))}`;
}

/** Claims with a number in a form that JSON.stringify does not write. */
function withNumber(w: Workshop, claim: string, number: string): Promise<string> {
  const text = JSON.stringify({ ...w.claims, [claim]: 0 });
  return signed(w.ours.signingKey, w.header, text.replace(`"${claim}":0`, `"${claim}":${number}`));
}

function twice({ claims }: Workshop): string {
  return JSON.stringify(claims).replace("{", `{"sub":"nobody","exp":1,`);
}

function encryptedTo(w: Workshop): Promise<string> {
  return new CompactEncrypt(utf8(JSON.stringify(w.claims)))
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", typ: "at+jwt", kid: w.ours.id })
    .encrypt(bytesOf(w.published.x));
}
