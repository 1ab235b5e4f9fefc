import { existsSync } from "node:fs";
import type { Page } from "playwright-core";
import { renderSVG } from "uqr";
import { beforeAll, describe, expect, it } from "vitest";
import { FACTOR_KINDS, PROOF_KINDS } from "../../src/factors/factor.ts";
import { sampleMails } from "../../src/mail/samples.ts";
import { DEFAULT_THEME } from "../../src/mail/theme.ts";
import {
  CHROMIUM,
  expectAccessible,
  expectGoodLooks,
  expectRoom,
  GALLERY,
  LOOKS,
  type Look,
  refusal,
  useVisitor,
  WALKS,
} from "./live-browser.ts";
import { logIn, type Person, register } from "./live-person.ts";
import { useSharedService } from "./live-service.ts";

const LINKS = ["verify-email", "reset-password", "confirm-email", "undo-email-change", "accept-invitation"];

const FACTORS = "/api/v1/users/me/factors";
const CODES = Array.from({ length: 10 }, (_, number) => `mzxw-6ytb-oi7q-2n4${"abcdefghij"[number]}`);

/** The pages of emailed links that are checked in each look. Together, the looks cover every such page. */
const CHOSEN: Record<Look["name"], readonly string[]> = {
  "desktop-light": ["verify-email"],
  "desktop-dark": ["reset-password"],
  "phone-light": ["confirm-email"],
  "phone-dark": ["undo-email-change", "accept-invitation"],
};

/** The email to check in each look. The emails differ in form: with details, with a long link, without a link. */
const CHOSEN_EMAILS: Record<Look["name"], string> = {
  "desktop-light": "new_login",
  "desktop-dark": "verify_email",
  "phone-light": "email_change_requested",
  "phone-dark": "account_deleted",
};

describe.skipIf(!existsSync(CHROMIUM))("every page and each of its views", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);
  let person: Person;

  beforeAll(async () => {
    person = await register(service.origin);
    await logIn(service.origin, person);
  });

  /**
   * Opens no page yet, and turns off the Content Security Policy so that axe's script can run. Other tests check the
   * policy.
   */
  const arrive = ({ viewport, colorScheme }: Look): Promise<Page> =>
    visitor.arrive(undefined, { viewport, colorScheme, bypassCSP: true, reducedMotion: "reduce" });

  /** Checks what is shown, and keeps a picture of it. */
  async function check(name: string) {
    await expectRoom(visitor.page, name);
    await expectAccessible(visitor.page, name);
    await visitor.keepPicture(name);
  }

  describe.each(LOOKS)("on $name", (look) => {
    const isMeant = (page: string) => GALLERY || CHOSEN[look.name].includes(page);

    it.each(LINKS.filter(isMeant))("/%s has room for its words, and nothing that axe objects to", async (path) => {
      const page = await arrive(look);
      const { language } = look;
      const name = (view: string) => `${path}-${view}-${language}-${look.name}`;
      await visitor.open(`/${path}?lang=${language}`);
      await check(name("missing"));
      await visitor.open(`/${path}?lang=${language}&again#token=x&email=ada%40example.com`);
      await page.locator("#act").waitFor();
      await check(name("ready"));
      if (path === "accept-invitation") {
        await page.check("#without-password");
        await check(name("without-password"));
      }
      // The other views show answers of the service. All of them have the same parts.
      for (const [view, status, code] of [
        ["done", 200, "ok"],
        ["expired", 400, "expired_token"],
        ["invalid", 400, "invalid_token"],
      ] as const) {
        await page.route(`**/api/v1/auth/${path}`, (route) => route.fulfill({ status, json: { code } }), {
          times: 1,
        });
        await visitor.open(`/${path}?lang=${language}&${view}#token=x&email=a%40b.example`);
        await page.locator("#act").waitFor();
        for (const field of ["#username", "#new_password"]) {
          if (await page.isVisible(field)) await page.fill(field, "another fine password");
        }
        await page.click("#act-button");
        await page.locator(`[data-showing="${view}"]`).waitFor();
        await check(name(view));
      }
    });

    it("emails have, too", async () => {
      const { language, name } = look;
      const page = await arrive(look);
      const emailLook = { product: "Postern", logo: undefined, theme: DEFAULT_THEME };
      for (const { kind, html } of sampleMails(language, emailLook, { origin: service.origin })) {
        if (!GALLERY && kind !== CHOSEN_EMAILS[name]) continue;
        // Shows the email like a webmail program, which has the email within its own page.
        await page.setContent(html.replace(/<body[^>]*>/, "$&<main>").replace("</body>", "</main></body>"));
        await check(`email-${kind}-${language}-${name}`);
      }
    });
  });

  it.each(WALKS)(
    "the pages of an account have room, too, and nothing that axe objects to, on $name",
    async ({ looks }) => {
      const [look] = looks;
      const { language } = look;
      const page = await arrive(look);
      const checkView = (view: string) => expectGoodLooks(page, looks, ({ name }) => `${view}-${language}-${name}`);
      await visitor.open(`/?lang=${language}`);
      await checkView("home");
      await visitor.open(`/nowhere?lang=${language}`);
      await checkView("not-found");
      await visitor.open(`/register?lang=${language}`);
      await checkView("register");
      await visitor.open(`/logout?lang=${language}`);
      await page.locator("#view-done").waitFor();
      await checkView("logout-done");
      await visitor.open(`/register?lang=${language}`);
      await page.click("#register-button");
      await page.locator("#email-error:not(:empty)").waitFor();
      await page.fill("#username", person.username);
      await page.fill("#password", person.username.padEnd(20, "!"));
      await page.locator('#password-hint[data-verdict="poor"]').waitFor();
      await checkView("register-faults");
      for (const policy of ["invitation", "closed"]) {
        await page.evaluate(`document.documentElement.dataset.registration = "${policy}"`);
        await checkView(`register-${policy}`);
      }
      await visitor.open(`/login?lang=${language}`);
      await checkView("login");
      await visitor.submit("login", { name: person.email, password: "not my password at all" });
      await page.locator("#login-error:not(:empty)").waitFor();
      await checkView("login-wrong");
      await page.route("**/api/v1/auth/login", refusal(403, "email_not_verified"), { times: 1 });
      await page.click("#login-button");
      await page.locator("#view-unverified").waitFor();
      await checkView("login-unverified");
      await page.click("#resend-button");
      await page.locator("#view-resent").waitFor();
      await checkView("login-resent");

      await visitor.open(`/login?lang=${language}&second`);
      const second = { code: "second_factor_required", pending_token: "ppt_x", factors: PROOF_KINDS };
      await page.route("**/api/v1/auth/login", (route) =>
        route.fulfill({ status: 403, contentType: "application/problem+json", json: second }),
      );
      await visitor.submit("login", { name: person.email, password: person.password });
      await page.route("**/api/v1/auth/second-factor/email", (route) =>
        route.fulfill({ status: 202, json: { status: "accepted" } }),
      );
      for (const way of PROOF_KINDS) {
        if (way !== "totp") await page.click(`[data-way="${way}"]:visible`);
        await page.locator(`#view-${way === "email" ? "email-code" : way}`).waitFor();
        await checkView(`login-${way}`);
        if (way !== "email") continue;
        await page.click("#send-code-button");
        await page.locator("#emailed-code").waitFor();
        await checkView("login-email-sent");
      }
      await page.unroute("**/api/v1/auth/login");

      await visitor.open(`/login?lang=${language}&by-email`);
      await page.click("#by-email");
      await checkView("login-email");
      await visitor.submit("email-link", { "link-email": person.email });
      await page.locator("#login-code:not(:empty)").waitFor();
      await checkView("login-emailed");
      const link = `/email-login?lang=${language}`;
      await visitor.open(link);
      await checkView("email-login-missing");
      await visitor.open(`${link}&ready#token=x`);
      await checkView("email-login-ready");
      const confirm = "**/api/v1/auth/email-login/confirm";
      await page.route(confirm, refusal(403, "login_code_required"), { times: 1 });
      await page.click("#ready-button");
      await page.locator("#view-code").waitFor();
      await checkView("email-login-code");
      await page.route(confirm, refusal(400, "expired_token"), { times: 1 });
      await visitor.submit("code", { "login-code": "WDJB-MJHT" });
      await page.locator("#view-expired").waitFor();
      await checkView("email-login-expired");
      await visitor.open(`/login?lang=${language}&setup`);
      const setup = { code: "second_factor_enrolment_required", enrolment_token: "pet_x", factors: FACTOR_KINDS };
      await page.route("**/api/v1/auth/login", (route) =>
        route.fulfill({ status: 403, contentType: "application/problem+json", json: setup }),
      );
      const uri = "otpauth://totp/Postern:ada%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Postern";
      const app = { secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", qr_svg: renderSVG(uri, { border: 4 }) };
      await page.route("**/enrolment/totp", (route) => route.fulfill({ status: 201, json: app }));
      await visitor.submit("login", { name: person.email, password: person.password });
      await page.locator("#view-setup").waitFor();
      await page.click("#app-button");
      await page.locator("#app-code-error:not(:empty)").waitFor();
      await checkView("login-setup");
      const login = { access_token: "x", token_type: "Bearer", expires_in: 1_800, session_id: "x", user: { id: "x" } };
      await page.route("**/check-cookie", (route) => route.fulfill({ status: 204 }));
      await page.route("**/enrolment/totp/confirm", (route) =>
        route.fulfill({ json: { ...login, recovery_codes: CODES } }),
      );
      await visitor.submit("app", { "app-code": "000000" });
      await page.locator("#view-codes").waitFor();
      await checkView("login-codes");
      for (const path of ["**/api/v1/auth/login", "**/check-cookie"]) await page.unroute(path);

      await visitor.open(`/login?lang=${language}`);
      await visitor.submit("login", { name: person.email, password: person.password });
      await page.locator("#view-account").waitFor();
      await checkView("account");
      await visitor.open(`/?lang=${language}`);
      await page.locator("#user").waitFor();
      await checkView("home-logged-in");
      await visitor.open(`/logout?lang=${language}`);
      await page.locator("#view-logout").waitFor();
      await checkView("logout");
      await visitor.open(`/account?lang=${language}`);
      await page.locator("#view-account").waitFor();
      const busy = refusal(503, "unavailable", { "Retry-After": "40" });
      await page.route("**/api/v1/users/me", busy, { times: 1 });
      await page.reload();
      await page.locator("#view-failed").waitFor();
      await checkView("account-failed");
      await page.click("#view-failed a");
      await page.locator("#view-account").waitFor();
      await page.fill("#current_password", "not my password at all");
      await page.fill("#new_password", "another fine password");
      await page.click("#change-button");
      await page.locator("#current_password-error:not(:empty)").waitFor();
      await page.click("#profile-button");
      await page.locator("#profile-notice:not(:empty)").waitFor();
      await checkView("account-told");
      for (const dialog of ["others", "delete"]) {
        await page.click(`#${dialog}-open`);
        await page.locator(`#${dialog}-dialog`).waitFor();
        await checkView(`account-${dialog}`);
        await page.keyboard.press("Escape");
      }

      // The answers about factors are invented: all looks share one user, whose logins must not need a factor.
      const added = { created_at: "2026-11-30T08:00:00.000Z", last_used_at: null };
      const items = [
        { id: "1", kind: "totp", name: "Authenticator app", ...added },
        { id: "2", kind: "passkey", name: "Passkey that was given quite a long name in the kitchen", ...added },
      ];
      let factors: object = { items: [], recovery_codes_left: 0, required_from: "2100-01-01T00:00:00.000Z" };
      await page.route(`**${FACTORS}`, (route) => route.fulfill({ json: factors }));
      await page.route(`**${FACTORS}/totp/confirm`, (route) => route.fulfill({ json: { recovery_codes: CODES } }));
      await page.reload();
      await page.locator("#factors-required:visible").waitFor();
      await page.click("#app-open");
      await page.locator("#app-dialog[open]").waitFor();
      for (const { viewport } of looks) {
        await page.setViewportSize({ ...viewport, height: 560 });
        const cancel = await page.locator("#app-cancel").boundingBox();
        expect((cancel?.y ?? 560) + (cancel?.height ?? 0), "the buttons stay visible").toBeLessThan(560);
      }
      await page.setViewportSize(look.viewport);
      await page.click("#app-button");
      await page.locator("#app-code-error:not(:empty)").waitFor();
      await checkView("account-app");
      await page.fill("#app-code", "000000");
      await page.click("#app-button");
      await page.locator("#codes-dialog[open]").waitFor();
      await checkView("account-codes");
      factors = { items, recovery_codes_left: 3 };
      await page.click("#codes-done");
      await page.locator("#security-notice:not(:empty)").waitFor();
      await page.evaluate("document.getElementById('offer').hidden = false");
      await checkView("account-secured");
      for (const action of ["rename", "remove"]) {
        await page.click(`#factors li:last-child button >> nth=${action === "rename" ? 0 : 1}`);
        await page.locator(`#${action}-dialog[open]`).waitFor();
        await checkView(`account-${action}`);
        await page.keyboard.press("Escape");
      }
      await page.route(`**${FACTORS}/totp`, refusal(403, "reauthentication_required"));
      for (const [way, kinds] of [
        ["password", []],
        ["factor", items],
      ] as const) {
        factors = { items: kinds, recovery_codes_left: 10 };
        await page.click("#app-open");
        await page.locator("#confirm-dialog[open]").waitFor();
        await checkView(`account-confirm-${way}`);
        await page.keyboard.press("Escape");
        await page.locator("#security-error:not(:empty)").waitFor();
      }

      await page.route("**/api/v1/users/me", (route) => route.fulfill({ status: 204 }), { times: 1 });
      await page.click("#delete-open");
      await visitor.submit("delete", { "delete-password": "any at all" });
      await page.locator("#view-deleted").waitFor();
      await checkView("account-deleted");
    },
  );

  it("has room for the longest of addresses", async () => {
    const page = await visitor.arrive(undefined, { viewport: { width: 390, height: 844 } });
    const email = `${"a".repeat(60)}@${"b".repeat(60)}.example.com`;
    await page.route("**/api/v1/auth/register", (route) => route.fulfill({ status: 202, json: {} }));
    await visitor.open("/register");
    await visitor.submit("register", { email, username: "ada", password: "another fine password" });
    await page.locator("#view-sent").waitFor();
    await expectRoom(page, "register-sent");

    await page.route("**/api/v1/users/me", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), email } });
    });
    await page.route("**/api/v1/users/me/email", (route) => route.fulfill({ status: 202, json: {} }));
    await visitor.logIn(person);
    await visitor.submit("address", { new_email: `new.${email}`, "address-password": person.password });
    await page.locator("#address-notice", { hasText: email }).waitFor();
    await expectRoom(page, "account");
  });

  it.each(["login", "register"])("takes no click on /%s before its script can answer it", async (name) => {
    const page = await visitor.arrive();
    let come = () => {};
    const script = new Promise<void>((resolve) => {
      come = resolve;
    });
    await page.route(`**/static/${name}.js`, (route) => script.then(() => route.continue()));
    await page.goto(`${service.origin}/${name}`, { waitUntil: "commit" });
    const button = page.locator(`#${name}-button`);
    await button.waitFor();
    expect(await button.isDisabled()).toBe(true);
    await page.fill("#password", "what is typed meanwhile");
    await page.keyboard.press("Enter");
    come();
    await button.click();
    await page.locator(`[aria-invalid="true"]`).first().waitFor();
    expect(await page.inputValue("#password")).toBe("what is typed meanwhile");
  });

  it("leads from a forgotten password, and from a link that does not work, to the log-in", async () => {
    const page = await visitor.arrive();
    const way = page.locator(".ways a:visible", { hasText: "Log in" });
    for (const path of ["verify-email", "reset-password", "undo-email-change", "accept-invitation"]) {
      await visitor.open(`/${path}`);
      await way.waitFor();
      await visitor.open(`/${path}?ready#token=x&email=ada%40example.com`);
      await page.locator("#act").waitFor();
      expect(await way.count(), `${path}: one thing to do`).toBe(0);
    }
    await visitor.open("/reset-password");
    await visitor.submit("resend", { email: "nobody@example.com" });
    await visitor.sees("Check your email");
    await way.click();
    await visitor.sees("Log in");
  });

  it("says that it needs JavaScript where that is off, and shows no form", async () => {
    await visitor.arrive(undefined, { javaScriptEnabled: false });
    for (const path of [...LINKS, "login", "email-login", "register", "logout", "account"]) {
      await visitor.open(`/${path}`);
      expect(await visitor.page.locator("h1:visible").allTextContents(), path).toEqual(["JavaScript is required"]);
      expect(await visitor.page.locator("form:visible").count(), path).toBe(0);
    }
  });

  it("goes by the operator's theme, in both of its looks", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await visitor.arrive(undefined, { colorScheme });
      const css = ":root { --accent: #7a2048 } @media (prefers-color-scheme: dark) { :root { --accent: #f3a6c4 } }";
      await page.route("**/static/theme.css", (route) => route.fulfill({ contentType: "text/css", body: css }));
      await visitor.open("/login");
      const colour = "getComputedStyle(document.getElementById('login-button')).backgroundColor";
      expect(await page.evaluate(colour)).toBe(colorScheme === "light" ? "rgb(122, 32, 72)" : "rgb(243, 166, 196)");
      if (colorScheme === "light") await visitor.leave();
    }
  });
});
