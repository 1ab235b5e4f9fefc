import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { endpointsOf } from "../../src/endpoints.ts";
import { LINK_PAGES } from "../../src/features/pages/link-pages.ts";
import { PAGE_WORDS } from "../../src/features/pages/words.ts";
import { fieldErrors } from "../../src/http/field-errors.ts";
import { PROBLEMS } from "../../src/http/problems.ts";
import { FAULT_CODES } from "../../src/passwords/faults.ts";

const config = parseConfig({
  ENVIRONMENT: "development",
  AUTH_SECRET: "an example: the shape of the routes matters",
  ALLOWED_EMAIL_DOMAINS: "example.com",
  EMAIL_LOGIN: "on",
  EMAIL_CODES: "on",
});
const scripts = globSync("public/static/*.js")
  .filter((path) => !/\/(client|docs)\.js$/.test(path))
  .map((path) => readFileSync(path, "utf8"))
  .join("\n");
/** The routes that pages call: from their scripts, for the emailed link that opened the page, or through the client. */
const called = endpointsOf(config).filter(
  ({ path }) =>
    scripts.includes(`"${path.replace("/{id}", "")}"`) ||
    Object.values(LINK_PAGES).some(({ operation }) => operation === path) ||
    ["login", "logout", "second-factor", "passkey", "email-login", "email-login/confirm"].some(
      (name) => path === `/api/v1/auth/${name}`,
    ),
);

/** Values that a user may type into a field, and that the page itself does not check. */
const TYPED = ["x", "a".repeat(300), "\u0007 a bell in the middle of it", "\ud800".padEnd(20, "a"), "ada@example.org"];

/** The fields that users fill in. If another member of a body is wrong, the page says that the link isn't valid. */
const FIELDS = ["name", "email", "username", "password", "new_password", "first_name", "last_name", "phone"];

describe("the words of the pages", () => {
  it("exist in every language for each error that the API reports for a field", () => {
    const found = new Set<string>(FAULT_CODES.map((code) => `password.${code}`));
    for (const { path, body } of called) {
      if (body === undefined || path.endsWith("/login") || path.endsWith("/password-strength")) continue;
      for (const typed of TYPED) {
        const values = Object.fromEntries(FIELDS.map((field) => [field, typed]));
        const { error } = body(config).safeParse(values);
        for (const { field, code } of fieldErrors(error?.issues ?? [], values)) {
          if (FIELDS.includes(field) && code !== "unknown_field") found.add(`${field.replace(/^new_/, "")}.${code}`);
        }
      }
    }
    // Adds the errors that the code itself reports, in addition to the schemas.
    for (const path of globSync("src/{features,users,passwords}/**/*.ts")) {
      // The console shows the messages of the API.
      if (path.includes("/operations/")) continue;
      for (const [, field, code] of readFileSync(path, "utf8").matchAll(/field: "(\w+)", code: "(\w+)"/g)) {
        found.add(`${field}.${code}`);
      }
    }
    expect([...found]).toEqual(expect.arrayContaining(["email.unchanged", "username.taken", "phone.invalid_format"]));
    for (const [language, { forms }] of Object.entries(PAGE_WORDS)) {
      for (const fault of found) expect(forms.faults, `${language}: ${fault}`).toHaveProperty([fault]);
    }
  });

  it("are chosen for every refusal that is no passing trouble", () => {
    const codes = new Set(called.flatMap(({ refusals }) => refusals));
    expect(codes.size).toBeGreaterThan(15);
    const unnamed = [...codes].filter((code) => {
      const { status } = PROBLEMS[code];
      return status !== 401 && status !== 429 && status < 500 && !new RegExp(`\\b${code}\\b`).test(scripts);
    });
    // Pages show these in other ways: at a field, by their status, or with the words for any refusal.
    const elsewhere = ["username_taken", "validation_failed", "precondition_failed", "origin_not_allowed"];
    expect(unnamed.toSorted()).toEqual(elsewhere.toSorted());
  });
});
