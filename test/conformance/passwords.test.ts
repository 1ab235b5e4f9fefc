/** Password rules and password storage (docs/conformance.md, A and B). */
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { ScryptCost } from "../../src/passwords/hash-format.ts";
import { chooseEngine, hashPassword, nativeEngine } from "../../src/passwords/scrypt.ts";
import { utf8 } from "../../src/platform/encoding.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { appWith, expectProblem, get, post } from "../support/client.ts";
import { loggedIn, logIn, mailedToken, registered, rowOf, somebody } from "../support/people.ts";
import { countingHashes } from "./counting.ts";

const REGISTER = "/api/v1/auth/register";
const LOGIN = "/api/v1/auth/login";
const CHANGE = "/api/v1/users/change-password";
const wrong = "a wrong password, surely";

/** So many letters that no list holds. */
const letters = (length: number) =>
  Array.from({ length }, () => String.fromCharCode(97 + Math.floor(Math.random() * 26))).join("");
const EMOJI = [..."🔑🚪🏰🌉🛶🌋🪐🎻🧭🦔🪵🧊🥝🫖🪁"];
const register = (password: string, send?: ReturnType<typeof appWith>) =>
  post(REGISTER, { ...somebody(), password }, {}, send);
/** The service as it asks whether a password has leaked. */
const lookingUp = appWith({ BREACHED_PASSWORD_CHECK: "on" });

/** Stands in for Have I Been Pwned, which is asked by the first five digits of the SHA-1 and answers the rest. */
async function breachesKnow(password: string): Promise<void> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-1", utf8(password)));
  const hash = [...digest]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase();
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    const isAsked = String(input)
      .toUpperCase()
      .endsWith(`/${hash.slice(0, 5)}`);
    return new Response(`${"0".repeat(35)}:3\r\n${isAsked ? `${hash.slice(5)}:7` : ""}`);
  });
}

async function storeHash(email: string, hash: string): Promise<void> {
  await env.DB.prepare("UPDATE users SET password_hash = ? WHERE email = ?").bind(hash, email).run();
}

const hashOf = async (email: string) => String((await rowOf(email))?.password_hash);

describe("password rules", () => {
  it("PW-1: takes 15 code points and refuses 14, alike at registration, reset and change", async () => {
    const person = await loggedIn();
    await post("/api/v1/auth/forgot-password", { email: person.email });
    const token = await mailedToken(person.email, 2);
    const change = (new_password: string) =>
      post(CHANGE, { current_password: person.password, new_password }, { bearer: person.accessToken });
    const reset = (new_password: string) => post("/api/v1/auth/reset-password", { token, new_password });
    for (const set of [register, reset, change]) expectProblem(await set(letters(14)), 422, "validation_failed");
    expect((await register(letters(15))).status).toBe(202);
    expect((await change(letters(15))).status).toBe(204);
    const other = await registered();
    await post("/api/v1/auth/forgot-password", { email: other.email });
    const body = { token: await mailedToken(other.email, 2), new_password: letters(15) };
    expect((await post("/api/v1/auth/reset-password", body)).status).toBe(204);
  });

  it("PW-2: accepts 64 code points and more, refuses 257, and truncates nothing", async () => {
    for (const length of [64, 200, 256]) {
      const person = await registered({ ...somebody(), password: letters(length) });
      const shortened = { email: person.email, password: person.password.slice(0, -1) };
      expectProblem(await post(LOGIN, shortened), 401, "invalid_credentials");
      await logIn(person);
    }
    expectProblem(await register(letters(257)), 422, "validation_failed");
  });

  it("PW-3: has no rules of composition, takes any Unicode, and counts code points", async () => {
    const fine = [letters(15), "7391846205482917", EMOJI.join(""), "слон, мост и 橋 ok", `${letters(7)} ${letters(7)}`];
    for (const password of fine) expect((await register(password)).status, password).toBe(202);
    const eight = EMOJI.slice(0, 8).join("");
    expect(eight.length, "in UTF-16 units").toBeGreaterThan(15);
    expectProblem(await register(eight), 422, "validation_failed");
  });

  it("PW-4: compares passwords in NFC, and changes nothing else in them", async () => {
    const person = await registered({ ...somebody(), password: "Cafe\u0301 au lait, please" });
    await logIn({ ...person, password: "Caf\u00e9 au lait, please" });
    for (const password of [` ${person.password}`, `${person.password} `, person.password.toLowerCase()]) {
      expectProblem(await post(LOGIN, { email: person.email, password }), 401, "invalid_credentials");
    }
  });

  it("PW-5: refuses passwords that are common or have leaked, as a whole, and says why", async () => {
    const leaked = letters(20);
    await breachesKnow(leaked);
    for (const [password, code] of [
      ["passwordpassword", "too_common"],
      [leaked, "breached"],
    ] as const) {
      const answer = await register(password, lookingUp);
      expectProblem(answer, 422, "validation_failed");
      expect(answer.json.errors).toMatchObject([{ field: "password", code, message: expect.any(String) }]);
      expect((await register(`${password} ${letters(8)}`, lookingUp)).status).toBe(202);
    }
  });

  it("PW-6: refuses passwords that hold the address, the username or the product's name", async () => {
    const person = somebody();
    const [local = ""] = person.email.split("@");
    for (const password of [person.email, `I am ${local}`, `${person.username} ${letters(8)}`, "open up, my Postern"]) {
      const answer = await post(REGISTER, { ...person, password });
      expectProblem(answer, 422, "validation_failed");
      expect(answer.json.errors[0]).toMatchObject({ field: "password", code: expect.stringMatching(/^contains_/) });
    }
    expect((await post(REGISTER, person)).status).toBe(202);
  });

  it.each([
    ["does not answer", () => Promise.reject(new TypeError("network"))],
    ["fails", async () => new Response("out of order", { status: 503 })],
  ])("PW-7: goes on by the list of its own where the service that knows of breaches %s", async (_what, answer) => {
    const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(answer);
    expect((await register(letters(20), lookingUp)).status).toBe(202);
    expect(fetched).toHaveBeenCalled();
    expectProblem(await register("passwordpassword", lookingUp), 422, "validation_failed");
  });

  it("PW-8: changes a password for who knows the current one, limits guesses, and has no hints, no questions and no expiry", async () => {
    const { accessToken, password } = await loggedIn();
    const change = (body: object) => post(CHANGE, body, { bearer: accessToken });
    const new_password = letters(20);
    expectProblem(await change({ new_password }), 422, "validation_failed");
    for (let guess = 0; guess < 10; guess++) {
      expectProblem(await change({ current_password: wrong, new_password }), 403, "wrong_password");
    }
    expectProblem(await change({ current_password: password, new_password }), 429, "rate_limited");
    const { text } = await get("/openapi.json");
    expect(text).not.toMatch(/"[a-z_]*(hint|question|answer|password_expires)[a-z_]*":/i);
  });
});

describe("password storage", () => {
  const production = appWith({ SCRYPT_LN: "15", SCRYPT_P: "3" });

  it("PS-1: stores scrypt at a cost of OWASP's as a PHC string with its parameters", async () => {
    const person = somebody();
    expect((await post(REGISTER, person, {}, production)).status).toBe(202);
    expect(await hashOf(person.email)).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  });

  it("PS-2: salts each password with 16 random bytes of its own", async () => {
    const password = letters(20);
    const people = [await registered({ ...somebody(), password }), await registered({ ...somebody(), password })];
    const hashes = await Promise.all(people.map(({ email }) => hashOf(email)));
    expect(hashes[0]).not.toBe(hashes[1]);
    const salts = hashes.map((hash) => hash.split("$")[3] ?? "");
    for (const salt of salts) expect(atob(salt)).toHaveLength(16);
    expect(salts[0]).not.toBe(salts[1]);
  });

  it("PS-3: makes a new hash at login where the stored one is weaker than the configuration", async () => {
    const person = await registered();
    const weak: ScryptCost = { ln: 13, r: 8, p: 1 };
    await storeHash(person.email, hashPassword(person.password, weak, systemRandom, nativeEngine));
    const body = { email: person.email, password: person.password };
    expect((await post(LOGIN, body, {}, production)).status).toBe(200);
    expect(await hashOf(person.email)).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$/);
    expect((await post(LOGIN, body, {}, production)).status).toBe(200);
  });

  it("PS-4: treats a corrupt hash, or one that asks for too much, as a wrong password at the usual cost", async () => {
    const tail = `$${"A".repeat(22)}$${"A".repeat(43)}`;
    const bad = ["", "garbage", `$scrypt$ln=30,r=8,p=3${tail}`, `$scrypt$ln=15,r=99,p=99${tail}`, "$scrypt$ln=15"];
    const { services, costs, configured } = countingHashes();
    const person = await registered();
    for (const hash of bad) {
      await storeHash(person.email, hash);
      const answer = await post(LOGIN, { email: person.email, password: person.password });
      expectProblem(answer, 401, "invalid_credentials");
      expect(await services.passwords.check(person.password, hash)).toEqual({ matches: false });
    }
    expect(costs).toEqual(bad.map(() => configured));
  });

  it.each([
    {
      password: "password",
      salt: "NaCl",
      cost: { ln: 10, r: 8, p: 16 },
      expected:
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
    },
    {
      password: "pleaseletmein",
      salt: "SodiumChloride",
      cost: { ln: 14, r: 8, p: 1 },
      expected:
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    },
  ])("PS-5: computes the RFC 7914 §12 vector of $password", ({ password, salt, cost, expected }) => {
    const hash = chooseEngine()(utf8(password), utf8(salt), cost, 64);
    expect([...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")).toBe(expected);
  });
});
