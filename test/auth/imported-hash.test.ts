import { describe, expect, it } from "vitest";
import {
  OF_COMPOSED,
  OF_DECOMPOSED,
  ONE_OF_EACH,
  OWN_COST_OF_DECOMPOSED,
  PASSWORD,
  SCRYPT_OF_DECOMPOSED,
} from "../passwords/foreign-vectors.ts";
import { call, expectProblem, post } from "../support/client.ts";
import { setUser } from "../support/database.ts";
import { loggedIn, logIn, type Person, registered, rowOf } from "../support/people.ts";

const LOGIN = "/api/v1/auth/login";
const OWN = /^\$scrypt\$ln=4,r=8,p=1\$/;
const hashOf = async (person: Person) => (await rowOf(person.email))?.password_hash;
const giveHash = (person: Person, hash: string) => setUser(person, { password_hash: hash });

/** A person whose hash was made by another service. */
async function imported(hash: string): Promise<Person> {
  const person = await registered();
  await giveHash(person, hash);
  return { ...person, password: PASSWORD };
}

describe("POST /api/v1/auth/login with a hash that another service made", () => {
  it.each(ONE_OF_EACH)("takes $scheme by $by, and replaces it by a hash of its own", async ({ hash }) => {
    const person = await imported(hash);
    const wrong = { email: person.email, password: "not the password of anybody" };
    expectProblem(await post(LOGIN, wrong), 401, "invalid_credentials");
    expect(await hashOf(person), "a wrong password changes nothing").toBe(hash);

    await logIn(person);
    const own = await hashOf(person);
    expect(own).toMatch(OWN);
    await logIn(person);
    expect(await hashOf(person), "the second login is like any other").toBe(own);
    expectProblem(await post(LOGIN, wrong), 401, "invalid_credentials");
  });

  it.each(ONE_OF_EACH)("lets two logins in that come at once, with $scheme by $by", async ({ hash }) => {
    const person = await imported(hash);
    await Promise.all([logIn(person), logIn(person)]);
    expect(await hashOf(person)).toMatch(OWN);
    await logIn(person);
  });

  it.each([...OF_DECOMPOSED, SCRYPT_OF_DECOMPOSED, OWN_COST_OF_DECOMPOSED, ...OF_COMPOSED])(
    "accepts a password with accents however it is typed, and replaces %s by a hash that does too",
    async (hash) => {
      const forms = ["caf\u00e9 au lait", "cafe\u0301 au lait"];
      for (const typed of forms) {
        const person = { ...(await imported(hash)), password: typed };
        const unaccented = { email: person.email, password: "cafe au lait" };
        expectProblem(await post(LOGIN, unaccented), 401, "invalid_credentials");
        await logIn(person);
        expect(await hashOf(person)).toMatch(OWN);
        expect(await hashOf(person)).not.toBe(hash);
        for (const password of forms) await logIn({ ...person, password });
      }
    },
  );

  it("makes of a password whose first 72 bytes bcrypt knew a password of all that was typed", async () => {
    // Made by Openwall's crypt_blowfish 1.2, from 72 characters: the ten digits, the 52 letters, and the ten digits.
    const known = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const person = await imported("$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui");
    await logIn({ ...person, password: `${known} and more` });
    expectProblem(await post(LOGIN, { email: person.email, password: known }), 401, "invalid_credentials");
    await logIn({ ...person, password: `${known} and more` });
  });

  it.each([
    ["bcrypt beyond the bound", "$2b$31$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"],
    ["bcrypt cut off", "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah"],
    ["PBKDF2 beyond the bound", "pbkdf2_sha256$1000000$saltsalt$byJ9G1KUignNYOMDYpVogSFVDhr0jPrGRpFcbS+JRh0="],
    ["better-auth cut off", "bc1d727a1fa23a6292381ce8d2336022:06a40ec980b67c9b"],
    [
      "Argon2 beyond the bound",
      "$argon2id$v=19$m=4194304,t=3,p=4$c2l4dGVlbiBieXRlcyBvZg$adxfEbN5N42ucQRSP+WCiw3Vld5IZEPk3TvYDXA678w",
    ],
    ["another scheme", "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc"],
  ])("refuses %s as a wrong password, and leaves it as it is", async (_, hash) => {
    const person = await imported(hash);
    const answer = await post(LOGIN, { email: person.email, password: PASSWORD });
    expectProblem(answer, 401, "invalid_credentials");
    expect(await hashOf(person)).toBe(hash);
  });
});

describe("the current password of a user whose hash another service made", () => {
  it.each(ONE_OF_EACH)("is asked for before anything is changed or deleted, with $scheme by $by", async ({ hash }) => {
    const person = await loggedIn();
    const bearer = person.accessToken;
    await giveHash(person, hash);
    const change = { current_password: PASSWORD, new_password: "another fine password" };
    const wrong = { ...change, current_password: "not the current one" };
    expectProblem(await post("/api/v1/users/change-password", wrong, { bearer }), 403, "wrong_password");
    expect((await post("/api/v1/users/change-password", change, { bearer })).status).toBe(204);
    await giveHash(person, hash);
    const deleted = await call("DELETE", "/api/v1/users/me", { bearer, body: { password: PASSWORD } });
    expect(deleted.status).toBe(204);
  });
});
