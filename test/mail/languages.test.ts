import { describe, expect, it } from "vitest";
import { chooseLocale, formatTime, readLocale } from "../../src/config/languages.ts";

describe("the language that Accept-Language asks for", () => {
  it.each([
    [undefined, "en"],
    ["", "en"],
    ["de", "de"],
    ["DE", "de"],
    ["de-AT", "de"],
    ["de-CH-1996", "de"],
    ["de-AT,de;q=0.9,en;q=0.5", "de"],
    ["fr, de;q=0.8, en;q=0.5", "de"],
    ["en;q=0.5, fr, de;q=0.8", "de"],
    ["en, de", "en"],
    ["de;q=0.5, en;q=0.5", "de"],
    ["de;q=0.123, en;q=0.124", "en"],
    ["de ; q=0.7 ,\ten;\tq=0.6", "de"],
    ["fr", "en"],
    ["deu", "en"],
    // q=0 excludes a language. An asterisk stands for all languages that are not listed (RFC 9110 §12.5.4).
    ["de;q=0", "en"],
    ["de;q=0.000, de-AT", "en"],
    ["de-AT;q=0, de", "de"],
    ["en;q=0", "en"],
    ["en;q=0, *", "de"],
    ["*", "en"],
    ["*;q=0, de", "de"],
    ["de;q=0, *;q=0.5", "en"],
    ["en;q=0.1, *;q=0.5", "de"],
    ["de;q=0.1, *;q=0.5", "en"],
    ["de, en, *", "de"],
    // Malformed elements are skipped.
    ["nonsense, de", "de"],
    ["de;q=2, fr", "en"],
    ["de;level=1", "en"],
    ["de_DE", "en"],
    [",,;;q=,=", "en"],
    ["de-", "en"],
    [`${"de-".repeat(10_000)}de`, "en"],
    ["\u0000de", "en"],
  ])("of %j is %s", (header, locale) => {
    expect(chooseLocale(header)).toBe(locale);
  });
});

describe("the language that a stored tag means", () => {
  it.each([
    ["de", "de"],
    ["en", "en"],
    ["tlh", "en"],
    ["", "en"],
    ["__proto__", "en"],
  ])("of %j is %s", (tag, locale) => {
    expect(readLocale(tag)).toBe(locale);
  });
});

describe("a moment in a mail", () => {
  it("is in UTC, and says so", () => {
    const at = Date.UTC(2025, 2, 5, 23, 3, 59);
    expect(formatTime(at, "en")).toBe("5 March 2025, 23:03 UTC");
    expect(formatTime(at, "de")).toBe("5. März 2025, 23:03 UTC");
  });
});
