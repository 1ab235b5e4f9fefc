import { describe, expect, it } from "vitest";
import { argon2 } from "../../src/passwords/foreign/argon2-engine.ts";
import { spellings } from "../../src/passwords/hash-format.ts";
import { readStoredHash } from "../../src/passwords/read-hash.ts";
import { nativeEngine } from "../../src/passwords/scrypt.ts";
import { encodeHex, utf8 } from "../../src/platform/encoding.ts";
import { isRefusal } from "../../src/platform/refusal.ts";
import {
  MORE,
  OF_COMPATIBLE,
  OF_COMPOSED,
  OF_DECOMPOSED,
  ONE_OF_EACH,
  PASSWORD,
  SCRYPT_OF_DECOMPOSED,
} from "./foreign-vectors.ts";

const engines = { scrypt: nativeEngine, argon2 };
function verify(password: string, text: string): boolean {
  const reading = readStoredHash(text);
  expect(reading, text).toHaveProperty("verify");
  return "verify" in reading && reading.verify(password, engines);
}

const reason = (text: string) => {
  const reading = readStoredHash(text);
  return isRefusal(reading) ? reading.details.reason : `read as ${reading.scheme}`;
};

const SALT = "c2l4dGVlbiBieXRlcyBvZg";
const HASH = "SXCPjvgfzraj9Rk/GVy1yfk31viLSnKAKj33rgYwQHQ";
const BCRYPT_TAIL = "abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";

describe("foreign hashes", () => {
  it.each([...ONE_OF_EACH, ...MORE])("of $scheme by $by are verified: $hash", ({ scheme, password, hash }) => {
    expect(readStoredHash(hash)).toMatchObject({ scheme });
    expect(verify(password, hash)).toBe(true);
    expect(verify(`?${password.slice(1)}`, hash)).toBe(false);
  });

  it.each(ONE_OF_EACH)("of $scheme by $by match nothing when they are cut off or changed", ({ hash }) => {
    for (const cut of [1, 2, 5, 20]) {
      const reading = readStoredHash(hash.slice(0, -cut));
      expect("verify" in reading && reading.verify(PASSWORD, engines), `without ${cut}`).toBe(false);
    }
    const inside = hash.length - 8;
    const changed = `${hash.slice(0, inside)}${hash[inside] === "0" ? "1" : "0"}${hash.slice(inside + 1)}`;
    expect(verify(PASSWORD, changed)).toBe(false);
    for (const around of [`${hash} `, ` ${hash}`, `${hash}\n`]) expect(reason(around)).toContain("white space");
    expect(readStoredHash(`${hash}$`)).toHaveProperty("code");
    expect(readStoredHash(`x${hash}`)).toHaveProperty("code");
  });

  it("are verified in whichever normalization form they were made and are typed", () => {
    const decomposed = "cafe\u0301 au lait";
    const composed = "caf\u00e9 au lait";
    for (const hash of [...OF_DECOMPOSED, ...OF_COMPOSED]) {
      for (const typed of [composed, decomposed]) expect(verify(typed, hash), hash).toBe(true);
      expect(verify("cafe au lait", hash), hash).toBe(false);
    }
    for (const hash of OF_COMPATIBLE) {
      for (const typed of ["\ufb01ne caf\u00e9", "\ufb01ne cafe\u0301", "fine caf\u00e9"]) {
        expect(verify(typed, hash), hash).toBe(true);
      }
    }
  });

  it("of scrypt are of every form at a cost that is not ours, and at ours of the NFC form alone", () => {
    for (const typed of ["cafe\u0301 au lait", "caf\u00e9 au lait"]) {
      const readings = [
        { ln: 4, r: 8, p: 1 },
        { ln: 10, r: 8, p: 1 },
      ].map((own) => readStoredHash(SCRYPT_OF_DECOMPOSED, own));
      expect(readings.map((reading) => "verify" in reading && reading.verify(typed, engines))).toEqual([true, false]);
    }
  });

  it("compute one hash for most passwords, and at most five", () => {
    expect(spellings(PASSWORD)).toEqual([PASSWORD]);
    expect(spellings("caf\u00e9")).toHaveLength(2);
    // The password has an accent that is composed, one that is not, and a ligature.
    expect(spellings("\u00e9e\u0301\ufb01")).toHaveLength(5);
  });

  it.each([
    ["argon2id", "$argon2id$v=19$m=1024,t=2,p=2$c2l4dGVlbiBieXRlcyBvZg==$SXCPjvgfzraj9Rk/GVy1yfk31viLSnKAKj33rgYwQHQ="],
    [
      "argon2id, the hash alone",
      "$argon2id$v=19$m=1024,t=2,p=2$c2l4dGVlbiBieXRlcyBvZg$SXCPjvgfzraj9Rk/GVy1yfk31viLSnKAKj33rgYwQHQ=",
    ],
    ["scrypt", "$scrypt$ln=10,r=8,p=1$c2l4dGVlbiBieXRlcyBvZg==$ArGWcvGP+XfapxGtDJgm0k/9wQaXFd8yptsHRFh6sw0="],
    [
      "pbkdf2",
      "$pbkdf2-sha512$29000$c2l4dGVlbiBieXRlcyBvZg==$0jLYinSm6p/9HSb7D2Xtjx7SptjNfi9Zm6cSgyNK4WwU5oOUPEGtMV2Cf8rBa6PnnVTGKVAh1nSahHIkQ9Y8jw==",
    ],
  ])("of %s may be padded, with as many = as belong there", (_, hash) => {
    expect(verify(PASSWORD, hash)).toBe(true);
    expect(verify("a wrong password", hash)).toBe(false);
    const tooMuch = [`${hash}=`, `${hash}==`, hash.replace("Zg==", "Zg="), hash.replace("Zg==", "Zg===")];
    for (const text of tooMuch.filter((changed) => changed !== hash)) {
      expect(readStoredHash(text), text).toHaveProperty("code", "unreadable_hash");
    }
  });

  it("of bcrypt take no password with a NUL, which C reads as its end and bcrypt as its repetition", () => {
    const hash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    for (const password of ["U*U\0", "U*U\0U*U", "U*U\0anything"]) expect(verify(password, hash)).toBe(false);
  });

  it("of Argon2 are of every byte of a password in any alphabet", () => {
    const cost = { memory: 64, passes: 1, lanes: 1 };
    const hash = (text: string) => encodeHex(argon2("argon2id", utf8(text), utf8("sixteen bytes of"), cost, 32));
    expect(new Set(["пароль", "парxyz", "парольxyz", "пар"].map(hash)).size).toBe(4);
  });
});

describe("the Argon2 engine", () => {
  it("answers the same after a hash that needed more memory, or less", () => {
    const hash = (memory: number) =>
      encodeHex(argon2("argon2id", utf8(PASSWORD), utf8("sixteen bytes of"), { memory, passes: 1, lanes: 1 }, 32));
    const first = [64, 65_536, 1_024].map(hash);
    expect([64, 65_536, 1_024].map(hash)).toEqual(first);
  });

  it("throws on a cost that Argon2 does not have, and works on", () => {
    const hash = (memory: number) =>
      argon2("argon2id", utf8(PASSWORD), utf8("sixteen bytes of"), { memory, passes: 1, lanes: 1 }, 32);
    expect(() => hash(1)).toThrow("code");
    expect(() => hash(3 * 2 ** 20)).toThrow();
    expect(hash(64)).toHaveLength(32);
  });
});

describe("the reader of stored hashes", () => {
  it.each([
    ["", "format of the hash is not supported"],
    ["!", "format of the hash is not supported"],
    ["plain text password", "format of the hash is not supported"],
    ["5f4dcc3b5aa765d61d8327deb882cf99", "format of the hash is not supported"],
    ["$1$salt$qJH7.N4xYta3aEG/dfqo/0", "format of the hash is not supported"],
    [`$bcrypt-sha256$v=2,t=2b,r=12$${BCRYPT_TAIL}`, "format of the hash is not supported"],
    ["x".repeat(257), "longer than 256 characters"],

    [`$2$10$${BCRYPT_TAIL}`, "versions 2 and 2x"],
    [`$2x$10$${BCRYPT_TAIL}`, "versions 2 and 2x"],
    [`$2f$10$${BCRYPT_TAIL}`, "60 characters"],
    [`$2b$03$${BCRYPT_TAIL}`, "is not supported. Supported: 4 to 13."],
    [`$2b$14$${BCRYPT_TAIL}`, "is not supported. Supported: 4 to 13."],
    [`$2b$99$${BCRYPT_TAIL}`, "is not supported. Supported: 4 to 13."],
    [`$2b$10$${BCRYPT_TAIL}a`, "60 characters"],
    [`$2b$10$!${BCRYPT_TAIL.slice(1)}`, "60 characters"],
    [`bcrypt$$2b$10$${BCRYPT_TAIL}`, "Remove the “bcrypt$”"],
    [`argon2$argon2id$v=19$m=65536,t=3,p=4$${SALT}$${HASH}`, "Remove the “argon2”"],
    [`$scrypt$ln=16,r=1,p=1$${SALT}$${HASH}`, "ln below 16·r"],

    [`$scrypt$ln=18,r=8,p=1$${SALT}$${HASH}`, "Workers compute 2^ln·r·p up to 2^20"],
    [`$scrypt$ln=99,r=99,p=99$${SALT}$${HASH}`, "Workers compute 2^ln·r·p up to 2^20"],
    [`$scrypt$ln=16,r=8,p=1$$${HASH}`, "truncated or changed"],
    [`$scrypt$ln=16,r=8,p=1$${SALT}$`, "truncated or changed"],

    [`${"0".repeat(32)}:${"0".repeat(126)}`, "32 hexadecimal digits"],
    [`${"0".repeat(30)}:${"0".repeat(128)}`, "32 hexadecimal digits"],
    [`${"A".repeat(32)}:${"a".repeat(128)}`, "in lower case"],

    [`pbkdf2_sha256$100001$saltsalt$${HASH}=`, "100001 iterations: Cloudflare Workers compute at most 100000"],
    [`pbkdf2_sha256$1000000$saltsalt$${HASH}=`, "without a hash"],
    [`$pbkdf2-sha512$9999999999$${SALT}$${HASH}`, "iterations: Cloudflare Workers compute at most"],
    [`pbkdf2_sha256$999$saltsalt$${HASH}=`, "fewer than 1000 iterations"],
    [`pbkdf2_sha256$0$saltsalt$${HASH}=`, "must have the form that Django"],
    [`pbkdf2_sha256$36000$salt$${HASH}=`, "The salt of a PBKDF2 hash has 8 to 64 bytes"],
    [`pbkdf2_sha256$36000$${"s".repeat(65)}$${HASH}=`, "The salt of a PBKDF2 hash has 8 to 64 bytes"],
    [`$pbkdf2-sha256$36000$B$${HASH}`, "The salt of a PBKDF2 hash has 8 to 64 bytes"],
    [`pbkdf2_sha1$36000$saltsalt$${HASH}=`, "a hash of 20 bytes"],
    [`pbkdf2_sha256$36000$saltsalt$${HASH.slice(0, -4)}=`, "a hash of 32 bytes"],
    [`pbkdf2_md5$36000$saltsalt$${HASH}=`, "must have the form that Django"],
    [`$pbkdf2-sha256$36000$${SALT}`, "must have the form that Django"],

    [`$argon2id$v=16$m=1024,t=2,p=2$${SALT}$${HASH}`, "version 1.3"],
    [`$argon2i$m=1024,t=2,p=2$${SALT}$${HASH}`, "version 1.3"],
    [`$argon2id$v=19$m=65537,t=1,p=1$${SALT}$${HASH}`, "a Worker has memory for m=65536"],
    [`$argon2id$v=19$m=65536,t=5,p=1$${SALT}$${HASH}`, "m times t must be at most 262144"],
    [`$argon2id$v=19$m=8,t=9999999999,p=1$${SALT}$${HASH}`, "m times t must be at most 262144"],
    [`$argon2id$v=19$m=1024,t=1,p=17$${SALT}$${HASH}`, "at most 16"],
    [`$argon2id$v=19$m=15,t=1,p=2$${SALT}$${HASH}`, "at least 8 times p"],
    [`$argon2id$v=19$m=0,t=1,p=1$${SALT}$${HASH}`, "truncated or changed"],
    [`$argon2id$v=19$m=1024,t=2,p=2$c2FsdA$${HASH}`, "a salt of 8 to 64 bytes"],
    [`$argon2id$v=19$m=1024,t=2,p=2$${SALT}$c2FsdA`, "a hash of 16 to 64"],
    [`$argon2id$v=19$m=1024,t=2,p=2$${SALT}$${HASH}AA`, "truncated or changed"],
    [`$argon2id$v=19$m=1024,t=2,p=2,keyid=AAAA$${SALT}$${HASH}`, "truncated or changed"],
  ])("refuses %j and says why", (text, why) => {
    expect(reason(text)).toContain(why);
    expect(reason(text), "the hash is a secret").not.toContain(HASH);
  });

  it.each([
    `$2b$04$${BCRYPT_TAIL}`,
    `$2b$13$${BCRYPT_TAIL}`,
    `$scrypt$ln=17,r=8,p=1$${SALT}$${HASH}`,
    `pbkdf2_sha256$100000$saltsalt$${HASH}=`,
    `pbkdf2_sha256$1000$saltsalt$${HASH}=`,
    `$argon2id$v=19$m=65536,t=4,p=1$${SALT}$${HASH}`,
    `$argon2id$v=19$m=128,t=1,p=16$${SALT}$${HASH}`,
  ])("takes %s, which lies at a bound, and computes it", (text) => {
    expect(readStoredHash(text)).toHaveProperty("scheme");
    expect(verify("a wrong password", text)).toBe(false);
  });
});
