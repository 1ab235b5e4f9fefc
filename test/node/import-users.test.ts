import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createUserReader } from "../../src/commands/import/imported-user.ts";
import { MOST_LINE_BYTES, readLines } from "../../src/commands/import/lines.ts";
import { describeProgress } from "../../src/commands/import/tally.ts";
import { importUsers } from "../../src/commands/import-users.ts";
import { createKeyRow } from "../../src/keys/sealed-key.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { type CborInput, encodeCbor } from "../support/cbor.ts";
import { makeLocalDatabase } from "./local-database.ts";
import { AS_SCRIPT, runProgram } from "./run-program.ts";
import { makeTree } from "./stand-in.ts";

const BCRYPT = "$2b$04$abcdefghijklmnopqrstuuZLmaAqrBv5Uo1Vl0Yn5Do2p9C7b6cVG";
const HOSTILE = `Robert'); DROP TABLE users; -- "$.x" /* \\ \u2603 😀 BEGIN TRANSACTION; COMMIT; BEGIN TRANSACTION`;
const { publicKey: EC } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const EC_KEY = EC.export({ format: "jwk" });
const COSE_KEY = Buffer.from(
  encodeCbor(
    new Map<CborInput, CborInput>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, new Uint8Array(Buffer.from(EC_KEY.x ?? "", "base64url"))],
      [-3, new Uint8Array(Buffer.from(EC_KEY.y ?? "", "base64url"))],
    ]),
  ),
).toString("base64");
const SEED = { seed: "a seed", startedAt: 1_700_000_000_000 };

const database = await makeLocalDatabase();
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-import-test-"));
  file = join(folder, "users.ndjson");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (lines: (object | string | Buffer)[]) => {
  const bytes = lines.map((line) =>
    Buffer.isBuffer(line) ? line : Buffer.from(typeof line === "string" ? line : JSON.stringify(line)),
  );
  writeFileSync(file, Buffer.concat(bytes.flatMap((line) => [line, Buffer.from("\n")])));
};
const report = () =>
  readFileSync(`${file}.refused.ndjson`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("the lines of a file", () => {
  const lines = async (text: string | Buffer) => {
    writeFileSync(file, text);
    const read = [];
    for await (const { number, bytes, end } of readLines(file)) read.push([number, bytes?.toString(), end]);
    return read;
  };

  it("are told apart, with the place where each ends", async () => {
    expect(await lines("one\ntwo\r\n\nfour")).toEqual([
      [1, "one", 4],
      [2, "two\r", 9],
      [3, "", 10],
      [4, "four", 14],
    ]);
    expect(await lines("")).toEqual([]);
  });

  it("may lie across the chunks in which a file is read, and be too long", async () => {
    const long = "x".repeat(MOST_LINE_BYTES);
    const read = await lines(`${long}\n${long}x\n${"é".repeat(40_000)}\nend\n`);
    expect(read.map(([number, text]) => [number, typeof text === "string" ? text.length : undefined])).toEqual([
      [1, MOST_LINE_BYTES],
      [2, undefined],
      [3, undefined],
      [4, 3],
    ]);
    expect(read.at(-1)?.[2]).toBe(MOST_LINE_BYTES * 2 + 3 + 80_001 + 4);
  });
});

describe("a line", () => {
  const judge = (text: string | Buffer | undefined, number = 1, rpId = "example.com") =>
    createUserReader(
      SEED,
      rpId || undefined,
    )({ number, bytes: text === undefined ? undefined : Buffer.from(text), end: 0 });
  const least = { email: "Ada@Example.com", is_verified: true };

  it("needs an address and the word on whether it was proved, and gets the rest", () => {
    const judged = judge(JSON.stringify(least));
    expect(judged).toMatchObject({
      user: {
        email: "ada@example.com",
        username: expect.stringMatching(/^user-[0-9a-f]{12}$/),
        passwordHash: "!",
        role: "user",
        isActive: true,
        isVerified: true,
        isSuperuser: false,
        createdAt: SEED.startedAt,
        lastLoginAt: null,
        locale: "en",
      },
      event: { type: "account_imported", occurredAt: SEED.startedAt, details: { scheme: "none" } },
    });
    expect(judge(JSON.stringify(least)), "the same line makes the same ids").toEqual(judged);
    const idsOf = (read: ReturnType<typeof judge>) => read && "user" in read && [read.user.id, read.event.id];
    expect(idsOf(judge(JSON.stringify(least), 2))).not.toEqual(idsOf(judged));
    const corrected = judge(JSON.stringify({ ...least, is_verified: false }));
    expect(idsOf(corrected), "another line at its place makes others").not.toEqual(idsOf(judged));
  });

  it("may bring along what the API shows of a user", () => {
    const line = {
      ...least,
      id: "0190AAAA-1111-4222-8333-444455556666",
      username: "ada",
      password_hash: BCRYPT,
      first_name: HOSTILE,
      last_name: null,
      phone: "+441234567890",
      locale: "de",
      role: "moderator",
      is_active: false,
      created_at: "2020-02-03T04:05:06Z",
      updated_at: "2021-02-03T04:05:06+01:00",
      last_login: null,
    };
    expect(judge(`\ufeff${JSON.stringify(line)}\r`)).toMatchObject({
      user: {
        id: line.id.toLowerCase(),
        firstName: HOSTILE,
        createdAt: Date.parse(line.created_at),
        updatedAt: Date.parse(line.updated_at),
        isActive: false,
      },
      event: { details: { scheme: "bcrypt" } },
    });
  });

  it("gets padding for a scrypt hash, which tells it apart from one that this service made", () => {
    const hash = `$scrypt$ln=15,r=8,p=3$${"A".repeat(22)}$${"A".repeat(43)}`;
    for (const password_hash of [hash, `${hash}=`]) {
      const judged = judge(JSON.stringify({ ...least, password_hash }));
      expect(judged).toMatchObject({ user: { passwordHash: `${hash}=` }, event: { details: { scheme: "scrypt" } } });
    }
    expect(judge(JSON.stringify({ ...least, password_hash: BCRYPT }))).toMatchObject({
      user: { passwordHash: BCRYPT },
    });
  });

  it("is short enough for 500 of them to be one bound value of D1, however long its texts are", () => {
    const longest = judge(
      JSON.stringify({
        ...least,
        email: `${"a".repeat(64)}@${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(60)}.com`,
        username: "x".repeat(32),
        password_hash: `$argon2id$v=19$m=65536,t=3,p=4$${"A".repeat(86)}$${"A".repeat(86)}`,
        first_name: "\u2603".repeat(100),
        last_name: "\u2603".repeat(100),
      }),
    );
    expect(500 * Buffer.byteLength(JSON.stringify(longest))).toBeLessThan(2_000_000);
    expect(longest).toHaveProperty("user");
  });

  it.each([
    ["ada@bücher.example", "ada@xn--bcher-kva.example"],
    [" o'neil@пример.рф ", "o'neil@xn--e1afmkfd.xn--p1ai"],
  ])("has its address %j in the form in which it is stored, and its name without spaces", (email, stored) => {
    expect(judge(JSON.stringify({ ...least, email, username: " ada " }))).toMatchObject({
      user: { email: stored, username: "ada" },
    });
  });

  const passkey = { id: "AQID", public_key: EC_KEY, rp_id: "example.com" };

  it("may bring second factors, each with an id that another run makes again", () => {
    const line = {
      ...least,
      totp: [{ secret: "JBSWY3DPEHPK3PXP" }, { secret: "mzxw6ytboi======", name: "Old", algorithm: "SHA1", digits: 6 }],
      passkeys: [passkey, { ...passkey, id: "BAUG", public_key: COSE_KEY, name: "Key", counter: 7 }],
      passkey_user_handle: "dXNlciAxNw==",
      recovery_codes: ["abcd-efgh"],
    };
    // 64 bits are shorter than the seeds of any service.
    expect(judge(JSON.stringify(line), 1, "example.com")).toMatchObject({ errors: [{ field: "totp.1.secret" }] });
    line.totp.pop();
    const judged = judge(JSON.stringify(line), 1, "example.com");
    expect(judged).toMatchObject({
      user: { userHandle: "dXNlciAxNw", factorKey: null },
      event: { details: { scheme: "none", second_factors: 3 } },
      factors: {
        factors: [
          { kind: "totp", name: "Authenticator app", createdAt: SEED.startedAt, content: { lastStep: 0 } },
          { kind: "passkey", name: "Passkey", content: { algorithm: -7, credentialId: "AQID", counter: 0 } },
          { kind: "passkey", name: "Key", content: { algorithm: -7, credentialId: "BAUG", counter: 7 } },
        ],
        codes: ["abcd-efgh"],
      },
    });
    expect(judge(JSON.stringify(line), 1, "example.com"), "the same line makes the same ids").toEqual(judged);
  });

  it("is passed over when it is empty", () => {
    expect(judge("")).toBeUndefined();
    expect(judge("  \r")).toBeUndefined();
  });

  const lineWith = (changes: object) => JSON.stringify({ ...least, ...changes });
  const bad: [string, string | Buffer | undefined, string, string][] = [
    ["broken JSON", '{"email":', "", "invalid_json"],
    ["a list", "[]", "", "invalid_json"],
    ["null", "null", "", "invalid_json"],
    ["what is not UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), "", "invalid_encoding"],
    ["a line that is too long", undefined, "", "too_long"],
    ["a label of 64", lineWith({ email: `a@${"b".repeat(64)}.com` }), "email", "invalid_format"],
    ["an accent before the @", lineWith({ email: "adá@b.example" }), "email", "unsupported_local_part"],
    ["an address that is none", lineWith({ email: "nonsense" }), "email", "invalid_format"],
    ["no word on the address", JSON.stringify({ email: "ada@example.com" }), "is_verified", "required"],
    ["a field that is none", lineWith({ hashed_password: "x" }), "hashed_password", "unknown_field"],
    ["an id that is none", lineWith({ id: "17" }), "id", "invalid_format"],
    ["a bad name", lineWith({ username: "a b" }), "username", "invalid_format"],
    ["a role that is none", lineWith({ role: "root" }), "role", "invalid"],
    ["a bad time", lineWith({ created_at: "yesterday" }), "created_at", "invalid_format"],
    ["a time to come", lineWith({ updated_at: "2999-01-01T00:00:00Z" }), "updated_at", "invalid"],
    [
      "an operator whose address is not proved",
      lineWith({ is_verified: false, role: "admin" }),
      "is_verified",
      "operator_not_verified",
    ],
    ["a time of before", lineWith({ created_at: "1969-01-01T00:00:00Z" }), "created_at", "invalid"],
    ["MD5", lineWith({ password_hash: "5f4dcc3b5aa765d61d8327deb882cf99" }), "password_hash", "unusable_hash"],
    [
      "too many iterations",
      lineWith({ password_hash: `pbkdf2_sha256$600000$salt1234$${"A".repeat(43)}=` }),
      "password_hash",
      "unusable_hash",
    ],
  ];
  const totp = [{ secret: "JBSWY3DPEHPK3PXP" }];
  const badFactors: [string, object, string, string][] = [
    ["a secret that is no base32", { totp: [{ secret: "JBSWY3DPEHPK3PX1" }] }, "totp.0.secret", "invalid_format"],
    ["a secret of an odd length", { totp: [{ secret: "JBSWY3DPEHPK3PXPA" }] }, "totp.0.secret", "invalid_format"],
    ["another algorithm", { totp: [{ ...totp[0], algorithm: "SHA256" }] }, "totp.0.algorithm", "invalid"],
    ["eight digits", { totp: [{ ...totp[0], digits: 8 }] }, "totp.0.digits", "invalid"],
    [
      "an app that is confirmed nowhere",
      { totp: [{ ...totp[0], confirmed: true }] },
      "totp.0.confirmed",
      "unknown_field",
    ],
    ["too many factors", { totp: Array.from({ length: 21 }, () => totp[0]) }, "totp", "too_many"],
    ["an address that is not verified", { totp, is_verified: false }, "totp", "not_verified"],
    ["codes alone", { recovery_codes: ["abcdefgh"] }, "recovery_codes", "no_factor"],
    ["hashes alone", { recovery_code_hashes: ["0".repeat(64)] }, "recovery_code_hashes", "no_factor"],
    ["a short code", { totp, recovery_codes: ["abc-def-g"] }, "recovery_codes.0", "invalid"],
    ["a long code", { totp, recovery_codes: ["x".repeat(65)] }, "recovery_codes.0", "too_long"],
    ["too many codes", { totp, recovery_codes: Array(21).fill("abcdefgh") }, "recovery_codes", "too_many"],
    ["bcrypt of a code", { totp, recovery_code_hashes: [BCRYPT] }, "recovery_code_hashes.0", "unusable_hash"],
    ["an id that is no base64", { passkeys: [{ ...passkey, id: "?" }] }, "passkeys.0.id", "invalid_format"],
    ["no domain", { passkeys: [{ ...passkey, rp_id: undefined }] }, "passkeys.0.rp_id", "required"],
    ["another domain", { passkeys: [{ ...passkey, rp_id: "other.example" }] }, "passkeys.0.rp_id", "other_rp_id"],
    ["a negative counter", { passkeys: [{ ...passkey, counter: -1 }] }, "passkeys.0.counter", "too_short"],
    [
      "a key of P-384",
      { passkeys: [{ ...passkey, public_key: { ...EC_KEY, crv: "P-384" } }] },
      "passkeys.0.public_key",
      "unusable_key",
    ],
    [
      "a point off the curve",
      { passkeys: [{ ...passkey, public_key: { ...EC_KEY, y: EC_KEY.x } }] },
      "passkeys.0.public_key",
      "unusable_key",
    ],
    [
      "a key that is no COSE",
      { passkeys: [{ ...passkey, public_key: "AAAA" }] },
      "passkeys.0.public_key",
      "unusable_key",
    ],
    [
      "COSE with more behind it",
      { passkeys: [{ ...passkey, public_key: `${COSE_KEY}AA` }] },
      "passkeys.0.public_key",
      "unusable_key",
    ],
    ["a handle alone", { passkey_user_handle: "AQ" }, "passkey_user_handle", "no_factor"],
  ];
  it.each(badFactors)("is refused for a second factor with %s, with the field", (_, changes, field, code) => {
    const judged = judge(lineWith(changes));
    expect(judged).toEqual({ line: 1, email: least.email, errors: [{ field, code, message: expect.any(String) }] });
    expect(JSON.stringify(judged)).not.toMatch(/JBSW|abcd/);
  });

  it("is refused for passkeys where the domain of the service's passkeys is not given", () => {
    const judged = judge(lineWith({ passkeys: [passkey] }), 1, "");
    expect(judged).toMatchObject({ errors: [{ field: "passkeys", message: expect.stringContaining("--rp-id") }] });
  });

  it.each(bad)("is refused for %s, with the reason", (_, text, field, code) => {
    const judged = judge(text);
    expect(judged).toMatchObject({ line: 1, errors: [{ field, code, message: expect.any(String) }] });
    expect(JSON.stringify(judged)).not.toMatch(/5f4dcc|AAAA/);
  });
});

describe("the flags of npm run users:import", () => {
  it.each([
    ["no file", [], "the name of one file"],
    ["two files", ["a", "b"], "the name of one file"],
    ["an unknown flag", ["a", "--force"], "Unknown option '--force'"],
    ["local state of a deployed database", ["a", "--remote", "--persist-to", "x"], "does not go with --remote"],
  ])("refuse %s with the usage and exit code 2", async (_, argv, fault) => {
    const work = makeTree("");
    expect(await importUsers(argv, work)).toBe(2);
    expect(work.complained()).toContain(fault);
    expect(work.complained()).toContain("Usage: npm run users:import");
  });

  it("are explained on --help, and name a file from where the person is", async () => {
    const work = makeTree("");
    expect(await importUsers(["--help"], work)).toBe(0);
    expect(work.said()).toContain("Usage: npm run users:import");
    vi.stubEnv("INIT_CWD", folder);
    write([]);
    const there = makeTree(undefined, [], database);
    expect(await importUsers(["users.ndjson", "--remote"], there)).toBe(0);
    expect(there.places).toEqual([{ remote: true, persistTo: undefined }]);
    vi.unstubAllEnvs();
  });

  it("say that there is no such file", async () => {
    const work = makeTree("");
    expect(await importUsers([file], work)).toBe(1);
    expect(work.complained()).toContain(`There is no file ${file}`);
    expect(await importUsers([folder], work)).toBe(1);
  });
});

describe("the progress of an import", () => {
  const tally = { line: 1_200, end: 400, imported: 1_150, earlier: 0, refused: 50, admins: 0, superusers: 0 };

  it.each([
    [10_000, "about 15 s left"],
    [600_000, "about 15 min left"],
  ])("tells how long it will take at this pace, after %i ms", (elapsed, words) => {
    expect(describeProgress(tally, 1_000, elapsed)).toBe(`40 %  line 1,200, 1,150 imported, 50 refused, ${words}`);
  });
});

describe("npm run users:import where the database or a file fails", () => {
  const line = { email: "ada@example.com", is_verified: true };

  it.each([
    ["the look for earlier runs", /^select .*audit_events/],
    ["the writing", /^insert into `users`/],
  ])("stops at %s, says how to go on, and shows no value", async (_, pattern) => {
    write([line]);
    const prepare = (query: string) => {
      if (pattern.test(query)) throw new Error("D1_ERROR: the network is gone");
      return database.DB.prepare(query);
    };
    const work = makeTree(undefined, [], { DB: Object.assign(Object.create(database.DB), { prepare }) });
    expect(await importUsers([file, "--remote"], work)).toBe(1);
    expect(work.complained()).toContain("Stopped after line 0: run the same command again");
    expect(work.complained()).toContain("the network is gone");
    expect(work.complained()).not.toContain("ada@");
    expect(JSON.parse(readFileSync(`${file}.import.json`, "utf8"))).toMatchObject({ seed: expect.any(String) });
    expect(database.rows("SELECT * FROM users WHERE email = 'ada@example.com'")).toEqual([]);
  });

  it("blames no database where the person stopped it", async () => {
    write([line]);
    const work = makeTree(undefined, []);
    work.stopNow();
    expect(await importUsers([file], work)).toBe(1);
    expect(work.complained()).toBe("Stopped.\n");
  });

  it("writes nothing where it can't keep its seed", async () => {
    file = join(folder, `${"x".repeat(248)}.ndjson`.slice(-255));
    write([line]);
    const work = makeTree(undefined, [], database);
    expect(await importUsers([file, "--remote"], work)).toBe(1);
    expect(work.complained()).toContain("ENAMETOOLONG");
    expect(database.rows("SELECT * FROM users WHERE email = 'ada@example.com'")).toEqual([]);
  });

  it("reports a user who is there already, and goes on with no other seed than its own", async () => {
    write([line]);
    database.change(
      "INSERT INTO users (id, email, username, password_hash, is_verified, created_at, updated_at) VALUES ('a0', 'ada@example.com', 'ada0', 'h', 1, 1, 1)",
    );
    const work = makeTree(undefined, [], database);
    expect(await importUsers([file, "--persist-to=a"], work)).toBe(3);
    expect(report()).toEqual([
      { line: 1, email: line.email, errors: [expect.objectContaining({ field: "email", code: "taken" })] },
    ]);
    database.change("UPDATE users SET email = 'ada@xn--bcher-kva.example' WHERE id = 'a0'");
    write([{ ...line, email: "ada@BÜCHER.example" }]);
    expect(await importUsers([file, "--persist-to=a"], work)).toBe(3);
    expect(report()).toMatchObject([{ email: "ada@bücher.example", errors: [{ field: "email", code: "taken" }] }]);
    const state = `${file}.import.json`;
    for (const text of ["{", "{}"]) {
      writeFileSync(state, text);
      expect(await importUsers([file, "--persist-to=a"], work)).toBe(1);
      expect(work.complained()).toContain(`${state} is not what an import writes. Delete it`);
    }
    database.change("DELETE FROM users WHERE id = 'a0'");
  });
});

describe("npm run users:import on a database", () => {
  /** Runs the import. `stopAfter` is the number of batches after which the person stops it. */
  async function run(stopAfter = Number.POSITIVE_INFINITY) {
    const work = makeTree(undefined, [], database);
    let shown = 0;
    const show = (text: string) => {
      shown += 1;
      work.show(text);
      if (shown >= stopAfter) work.stopNow();
    };
    const code = await importUsers([file, database.flag], { ...work, show });
    return { code, said: work.said(), complained: work.complained() };
  }

  it("takes 4,000 mixed lines, 50 of them bad, in several goes, and loses no good one", async () => {
    database.change(
      "INSERT INTO users (id, email, username, password_hash, is_verified, created_at, updated_at) VALUES ('u0', 'there@example.com', 'there', 'h', 1, 1, 1)",
    );
    database.change(
      "INSERT INTO registrations (id, email, username, password_hash, created_at) VALUES ('r0', 'x@example.com', 'Waiting', 'h', 1)",
    );
    const retired = createHash("sha256").update("retired").digest("base64url");
    database.change(
      `INSERT INTO retired_usernames (digest, retired_until) VALUES ('${retired}', ${Date.now() + 3_600_000})`,
    );

    const good = (index: number) => ({
      email: `person${index}@example.com`,
      ...(index % 3 === 0 ? {} : { username: `person${index}` }),
      ...(index % 4 === 0 ? {} : { password_hash: BCRYPT }),
      ...(index % 5 === 0 ? { first_name: HOSTILE } : {}),
      ...(index % 10 === 5 ? { role: "moderator" } : {}),
      is_verified: index % 10 !== 0,
      created_at: new Date(1_600_000_000_000 + index * 1_000).toISOString(),
    });
    const bad: (object | string | Buffer)[] = [
      ...Array.from({ length: 10 }, (_, index) => ({ email: `PERSON${index + 1}@example.com`, is_verified: true })),
      { email: "there@example.com", username: "elsewhere", is_verified: true },
      ...["There", "waiting", "RETIRED", "person1"].map((username, index) => ({
        email: `name${index}@example.com`,
        username,
        // Only a user with an unverified address can't take a username from a waiting registration.
        is_verified: username !== "waiting",
      })),
      ...Array.from({ length: 5 }, () => '{"email":"x@example.com",'),
      ...Array.from({ length: 2 }, () => Buffer.from([0x22, 0xc3, 0x28, 0x22])),
      ...Array.from({ length: 2 }, () =>
        JSON.stringify({ email: "long@example.com", first_name: "x".repeat(MOST_LINE_BYTES) }),
      ),
      ...Array.from({ length: 8 }, () => ({ email: "y@example.com", is_verified: true, password_hash: "plain text" })),
      ...Array.from({ length: 8 }, () => ({ email: "z@example.com" })),
      ...Array.from({ length: 10 }, () => ({ email: "z@example.com", is_verified: true, is_admin: true })),
    ];
    expect(bad).toHaveLength(50);
    const lines: (object | string | Buffer)[] = [];
    for (let index = 1; lines.length < 4_000; index++) {
      lines.push(good(index));
      if (index % 79 === 0) lines.push(...bad.splice(0, 1));
    }
    expect(bad).toEqual([]);
    write(lines);

    const first = await run(1);
    expect(first.code).toBe(1);
    expect(first.complained).toMatch(/Stopped after line \d[\d,]+: run the same command again/);
    // The import must not bring back a user who has deleted the account in the meantime.
    const [gone] = database.rows("SELECT * FROM users WHERE email = 'person53@example.com'");
    database.change("DELETE FROM users WHERE email = 'person53@example.com'");
    const second = await run(5);
    expect(second.code).toBe(1);
    const last = await run();
    expect(last.code).toBe(3);
    expect(last.said).toContain("4,000 lines: 3,950 users imported, 50 lines refused.");
    expect(last.said).toMatch(/An earlier run had imported [\d,]+ users of these/);
    expect(last.said).toMatch(/100 % {2}line 4,000, 3,950 imported, 50 refused, about 0 s left/);
    expect(database.rows("SELECT * FROM users WHERE email = 'person53@example.com'")).toEqual([]);
    const columns = Object.keys(gone ?? {});
    const values = Object.values(gone ?? {}).map((value) =>
      typeof value === "string" ? `'${value}'` : (value ?? "NULL"),
    );
    database.change(`INSERT INTO users (${columns}) VALUES (${values})`);

    const [counts] = database.rows(
      "SELECT count(*) AS users, sum(is_verified) AS verified, sum(first_name IS NOT NULL) AS named, sum(password_hash = '!') AS without, count(DISTINCT id) AS ids FROM users WHERE id <> 'u0'",
    );
    expect(counts).toEqual({ users: 3_950, verified: 3_555, named: 790, without: 987, ids: 3_950 });
    expect(database.rows("SELECT DISTINCT first_name FROM users WHERE first_name IS NOT NULL")).toEqual([
      { first_name: HOSTILE },
    ]);
    const waiting =
      "SELECT count(*) AS count FROM registrations JOIN users USING (id, email, username, password_hash) WHERE is_verified = 0";
    expect(database.rows(waiting), "whose address is not proved can prove it still").toEqual([{ count: 395 }]);
    expect(database.rows("SELECT count(*) AS count FROM registrations WHERE id <> 'r0'")).toEqual([{ count: 395 }]);
    const events =
      "SELECT count(*) AS count FROM audit_events JOIN users ON users.id = user_id WHERE type = 'account_imported'";
    expect(database.rows(events)).toEqual([{ count: 3_950 }]);
    expect(database.rows("SELECT password_hash FROM users WHERE id = 'u0'")).toEqual([{ password_hash: "h" }]);

    const refused = report();
    expect(refused).toHaveLength(50);
    expect(new Set(refused.map(({ line }) => line)).size, "each line once").toBe(50);
    expect(refused.map(({ line }) => line)).toEqual(refused.map(({ line }) => line).toSorted((a, b) => a - b));
    const reasons = Object.groupBy(refused, ({ errors }) =>
      errors.map(({ field, code }: Record<string, string>) => `${field} ${code}`).join(", "),
    );
    expect(Object.fromEntries(Object.entries(reasons).map(([reason, found]) => [reason, found?.length]))).toEqual({
      "email taken": 11,
      "username taken": 4,
      " invalid_json": 5,
      " invalid_encoding": 2,
      " too_long": 2,
      "password_hash unusable_hash": 8,
      "is_verified required": 8,
      "is_admin unknown_field": 10,
    });

    const again = await run();
    expect(again.code).toBe(3);
    expect(again.said).toContain("An earlier run had imported 3,950 users of these.");
    expect(database.rows("SELECT count(*) AS users FROM users WHERE password_hash <> 'h'")).toEqual([{ users: 3_950 }]);
    expect(report()).toEqual(refused);
  }, 400_000);

  it("takes addresses and usernames of proved users from registrations that were never proved", async () => {
    const register = (name: string, email = `${name}@example.org`) =>
      database.change(
        `INSERT INTO users (id, email, username, password_hash, created_at, updated_at) VALUES ('id-${name}', '${email}', '${name}', 'h', 1, 1);
         INSERT INTO registrations (id, email, username, password_hash, created_at) VALUES ('r-${name}', '${email}', '${name}', 'h', 1)`,
      );
    for (const name of ["squatter", "holder", "kept", "unrelated"]) register(name);
    database.change(
      "INSERT INTO users (id, email, username, password_hash, session_epoch, created_at, updated_at) VALUES ('id-lost', 'lost@example.org', 'lost', 'h', 1, 1, 1)",
    );
    write([
      { email: "squatter@example.org", username: "owner", is_verified: true },
      { email: "holders@example.org", username: "HOLDER", is_verified: true },
      { email: "kept@example.org", username: "other", is_verified: false },
      { email: "another@example.org", username: "kept", is_verified: false },
      { email: "lost@example.org", username: "found", is_verified: true },
      { email: "lost2@example.org", username: "lost", is_verified: true },
    ]);
    expect((await run()).code).toBe(3);
    expect(report().map(({ line, errors: [error] }) => [line, error.field, error.code])).toEqual([
      [3, "email", "taken"],
      [4, "username", "taken"],
      [5, "email", "taken"],
      [6, "username", "taken"],
    ]);
    const names = (table: string) =>
      Object.fromEntries(
        database
          .rows(`SELECT email, username FROM ${table} WHERE email LIKE '%@example.org'`)
          .map(({ email, username }) => [String(email).split("@")[0], username]),
      );
    const madeUp = expect.stringMatching(/^user-[0-9a-f]{12}$/);
    expect(names("users")).toEqual({
      ...{ squatter: "owner", holders: "HOLDER", holder: madeUp, kept: "kept", unrelated: "unrelated", lost: "lost" },
    });
    expect(names("registrations")).toEqual({
      ...{ squatter: "squatter", holder: madeUp, kept: "kept", unrelated: "unrelated" },
    });
    expect(database.rows("SELECT id FROM users WHERE id = 'id-squatter'")).toEqual([]);
    expect(database.rows("SELECT id, kind FROM follow_ups")).toEqual([
      { id: "anonymise:id-squatter", kind: "anonymise" },
    ]);
    expect((await run()).said, "a second run changes nothing").toContain("An earlier run had imported 2 users");
  });

  it("keeps the ids that it is given, and gives none twice", async () => {
    const id = "0190aaaa-1111-4222-8333-444455556666";
    write([
      { id, email: "kept@example.com", is_verified: true, is_superuser: true, role: "admin" },
      { id, email: "other@example.com", is_verified: true },
    ]);
    const { code, said } = await run();
    expect(code).toBe(3);
    expect(said).toContain("Among them: 1 admin, 1 superuser.");
    expect(database.rows(`SELECT email, is_superuser FROM users WHERE id = '${id}'`)).toEqual([
      { email: "kept@example.com", is_superuser: 1 },
    ]);
    expect(report()).toEqual([
      { line: 2, email: "other@example.com", errors: [expect.objectContaining({ field: "id", code: "taken" })] },
    ]);
  });

  it("takes nothing of a line that it refuses, and knows its own lines again when it was killed at once", async () => {
    write([
      { email: "dup@example.com", username: "dup-one", is_verified: false },
      { email: "DUP@example.com", username: "dup-two", is_verified: false },
      { email: "same-one@example.com", username: "Same", is_verified: true },
      { email: "same-two@example.com", username: "same", is_verified: false },
      {
        id: "0190aaaa-1111-4222-8333-444455556666",
        email: "id-two@example.com",
        username: "id-two",
        is_verified: false,
      },
    ]);
    expect(await run()).toMatchObject({ code: 3 });
    // As if the first run had been killed after its writes: of its files, only the seed is there.
    rmSync(`${file}.refused.ndjson`);
    const { code, said } = await run();
    expect(code).toBe(3);
    expect(said).toContain("5 lines: 2 users imported, 3 lines refused.");
    expect(report().map(({ line }) => line)).toEqual([2, 4, 5]);
    const names = database.rows(
      "SELECT username FROM registrations WHERE username IN ('dup-one', 'dup-two', 'same', 'id-two')",
    );
    expect(names).toEqual([{ username: "dup-one" }]);
    const users = database.rows(
      "SELECT username FROM users WHERE email LIKE 'dup@%' OR email LIKE 'same-%' ORDER BY username",
    );
    expect(users).toEqual([{ username: "Same" }, { username: "dup-one" }]);
  });

  it("counts no user twice, and no user who existed before", async () => {
    const line = {
      id: "0190aaaa-2222-4222-8333-444455556666",
      email: "twice@example.com",
      username: "twice",
      is_verified: true,
    };
    write([line, line]);
    expect((await run()).said).toContain("2 lines: 1 user imported, 1 line refused.");
    rmSync(`${file}.import.json`);
    rmSync(`${file}.refused.ndjson`);
    expect((await run()).said).toContain("2 lines: 0 users imported, 2 lines refused.");
    const events = `SELECT count(*) AS count FROM audit_events WHERE user_id = '${line.id}'`;
    expect(database.rows(events)).toEqual([{ count: 1 }]);
  });

  it("imports a refused line once it is corrected in place, and nothing else again", async () => {
    const good = { email: "good@example.com", is_verified: true };
    write([good, { email: "mended@example.com", is_verified: "yes" }]);
    expect((await run()).said).toContain("2 lines: 1 user imported, 1 line refused.");
    const before = database.rows("SELECT * FROM users WHERE email = 'good@example.com'");
    write([good, { email: "mended@example.com", is_verified: true }]);
    const mended = await run();
    expect(mended.code).toBe(0);
    expect(mended.said).toContain("2 lines: 2 users imported, 0 lines refused.\nAn earlier run had imported 1 user of");
    expect(database.rows("SELECT * FROM users WHERE email = 'good@example.com'")).toEqual(before);
    expect(readFileSync(`${file}.refused.ndjson`, "utf8")).toBe("");
  });

  it("makes each user once where two runs go through a file at once", async () => {
    write(Array.from({ length: 1_200 }, (_, index) => ({ email: `pair${index}@example.com`, is_verified: index > 0 })));
    writeFileSync(`${file}.import.json`, JSON.stringify(SEED));
    const runs = await Promise.all([run(), run()]);
    for (const { code, said } of runs) {
      expect(code).toBe(0);
      expect(said).toContain("1,200 lines: 1,200 users imported, 0 lines refused.");
    }
    for (const [table, count] of [
      ["users WHERE email LIKE 'pair%'", 1_200],
      ["audit_events WHERE user_id IN (SELECT id FROM users WHERE email LIKE 'pair%')", 1_200],
      ["registrations WHERE email LIKE 'pair%'", 1],
    ])
      expect(database.rows(`SELECT count(*) AS count FROM ${table}`)).toEqual([{ count }]);
  });

  it("runs as a process, and ends with 3 where a line was refused", async () => {
    write([{ email: "process@example.com", is_verified: true }, "{"]);
    const script = join(import.meta.dirname, "../../src/commands/import-users.ts");
    const { code, output } = await runProgram(process.execPath, [...AS_SCRIPT, script, file, database.flag]);
    expect(code, output).toBe(3);
    expect(output).toContain("2 lines: 1 user imported, 1 line refused.");
    expect(database.rows("SELECT email FROM users WHERE email = 'process@example.com'")).toHaveLength(1);
  });

  it("has nothing to do with an empty file", async () => {
    write([]);
    expect(await run()).toMatchObject({ code: 0 });
  });
});

describe("npm run users:import with second factors", () => {
  const SECRET = "W4bq0Wb1xN1w9nYcQm7Jt3LZkEoU5sHrVd8TgAfC2iPjXy6B";
  const users = (count: number, name: string) =>
    Array.from({ length: count }, (_, index) => ({
      email: `${name}${index}@factors.example`,
      is_verified: true,
      totp: Array.from({ length: 20 }, () => ({ secret: "JBSWY3DPEHPK3PXP" })),
      recovery_codes: Array.from({ length: 20 }, (_, code) => `code-${1_000 + code}`),
    }));
  const rowsOf = (name: string) =>
    database.rows(`SELECT * FROM users WHERE email LIKE '${name}%@factors.example' ORDER BY email`);

  async function haveKey(secret = SECRET) {
    database.change("DELETE FROM signing_keys");
    const { id, sealedPrivateJwk } = await createKeyRow({
      ...{ sequence: 1, algorithm: "ES256", signsFrom: 0, signingPeriod: 1, now: 0 },
      ...{ secrets: createSecrets(secret), random: systemRandom },
    });
    database.change(
      `INSERT INTO signing_keys VALUES (1, '${id}', 'ES256', '{}', '${sealedPrivateJwk}', 0, 0, 1, NULL)`,
    );
  }

  it("asks for the secret of a deployed service once, and seals them under it, 300 users and more", async () => {
    await haveKey();
    write(users(300, "many"));
    const work = makeTree(undefined, [SECRET], database);
    expect(await importUsers([file, "--remote"], work), work.complained()).toBe(0);
    expect(work.asked).toHaveLength(1);
    const rows = rowsOf("many");
    expect(rows).toHaveLength(300);
    expect(new Set(rows.map(({ factor_key: key }) => key)).size).toBe(300);
    for (const { factor_key: key, imported_factors: imported, second_factor_since: since } of rows) {
      expect(String(key).startsWith(`${createSecrets(SECRET).name}.`)).toBe(true);
      expect(since).toBe(JSON.parse(readFileSync(`${file}.import.json`, "utf8")).startedAt);
      expect(JSON.parse(String(imported))).toMatchObject({
        factors: expect.objectContaining({ length: 20 }),
        recoveryMacs: expect.objectContaining({ length: 20 }),
      });
      expect(imported).not.toMatch(/JBSW|code-1/);
    }

    const again = makeTree(undefined, [], database);
    expect(await importUsers([file, "--remote"], again)).toBe(0);
    expect(again.asked, "nothing is left to seal").toEqual([]);
    expect(rowsOf("many")).toEqual(rows);
  }, 60_000);

  it("reads the secret of a service on this machine from .dev.vars", async () => {
    await haveKey();
    write(users(1, "local"));
    const work = makeTree(undefined, [], database);
    writeFileSync(join(work.root, ".dev.vars"), `AUTH_SECRET=${SECRET}\n`);
    expect(await importUsers([file], work), work.complained()).toBe(0);
    expect(rowsOf("local")).toHaveLength(1);
  });

  it.each<[string, () => Promise<void> | void, string]>([
    ["no signing key proves it", () => database.change("DELETE FROM signing_keys"), "There is no signing key yet"],
    ["it is another one", () => haveKey(`${SECRET}x`), "This is not the AUTH_SECRET of the service"],
  ])("adds nobody with a secret if %s", async (_, prepare, words) => {
    await prepare();
    write(users(1, "wrong"));
    const work = makeTree(undefined, [SECRET], database);
    expect(await importUsers([file, "--remote"], work)).toBe(1);
    expect(work.complained()).toContain(words);
    expect(work.complained()).toContain("Stopped after line 0");
    expect(rowsOf("wrong")).toEqual([]);
  });

  it("refuses a user handle that another account has", async () => {
    await haveKey();
    const passkey = { id: "AQID", public_key: EC_KEY, rp_id: "example.com" };
    write(
      ["one", "two"].map((name) => ({
        ...{ email: `${name}@factors.example`, is_verified: true },
        ...{ passkeys: [passkey], passkey_user_handle: "c2FtZQ" },
      })),
    );
    const work = makeTree(undefined, [SECRET], database);
    expect(await importUsers([file, "--remote", "--rp-id=example.com"], work)).toBe(3);
    expect(report()).toMatchObject([{ line: 2, errors: [{ field: "passkey_user_handle", code: "taken" }] }]);
  });
});
