import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CHROMIUM, mailedLink, useVisitor } from "./live-browser.ts";
import { logIn, newPerson, post, register } from "./live-person.ts";
import { changeDatabase, useSharedService } from "./live-service.ts";

describe.skipIf(!existsSync(CHROMIUM))("the pages with an email address at an international domain", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);

  /** A new user's address in Unicode, and in the form in which it is stored. */
  function international() {
    const person = newPerson();
    const at = (domain: string) => person.email.replace("ada", "o'neil").replace("example.com", domain);
    return { ...person, unicode: at("bücher.example"), stored: at("xn--bcher-kva.example") };
  }

  it("take it as it is typed, with spaces and capitals, and show it in Unicode", async () => {
    const { unicode, stored, ...person } = international();
    const typed = unicode.replace("b", "B").replace("o", "O");
    const page = await visitor.arrive("/register");
    await page.fill("#email", ` ${typed} `);
    await page.fill("#username", ` ${person.username} `);
    await page.fill("#password", person.password);
    await page.click("#register-button");
    await visitor.sees("Check your email");
    expect(await page.textContent("#sent-to")).toBe(typed);
    await page.click("#resend-button");
    await visitor.reads("#resend-notice", "Email sent.");
    await visitor.open(await mailedLink(service.origin, stored, "verify-email", 2));
    await page.click("#act-button");
    await visitor.sees("Email address verified");
    await visitor.logIn({ ...person, email: typed });
    expect(await page.textContent("#my-email")).toBe(unicode);
  });

  it("say what is wrong with a new email address, and when it is the old one in another spelling", async () => {
    const { unicode, stored, ...rest } = international();
    const person = await register(service.origin, { ...rest, email: stored });
    const page = await visitor.arrive();
    await visitor.logIn(person);
    await page.fill("#address-password", person.password);
    for (const [wrong, message] of [
      ["  ", "Enter your email address."],
      ["ada", "Enter a full email address"],
      ["ada @example.com", "Enter a full email address"],
      ["ada@example-.com", "Enter a valid email address"],
      ["adá@example.com", "use only unaccented letters"],
      [` ${unicode} `, "This is already your email address."],
    ] as const) {
      await page.fill("#new_email", wrong);
      await page.click("#address-button");
      await visitor.reads("#new_email-error", message);
    }
  });

  it("show it in Unicode to the person who is invited, and open the account", async () => {
    const operator = await register(service.origin);
    changeDatabase(service, `UPDATE users SET role = 'admin' WHERE username = '${operator.username}'`);
    const { access_token } = await logIn(service.origin, operator);
    const { unicode, stored, ...person } = international();
    const { status } = await post(service.origin, "/api/v1/invitations", { email: unicode }, access_token);
    expect(status).toBe(202);
    const page = await visitor.arrive(await mailedLink(service.origin, stored, "accept-invitation"));
    expect(await page.inputValue("#account_email")).toBe(unicode);
    await page.fill("#username", person.username);
    await page.fill("#new_password", person.password);
    await page.keyboard.press("Enter");
    await visitor.sees("Your account is ready");
    await logIn(service.origin, { ...person, email: unicode });
  });
});
