import { existsSync, readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { CHROMIUM, expectGoodLooks, hold, PHONE, refusal, useVisitor, WALKS } from "./live-browser.ts";
import { logIn, type Person, post, register } from "./live-person.ts";
import { changeDatabase, useSharedService } from "./live-service.ts";

const ME = "**/api/v1/users/me";
const userSchema = z.object({
  id: z.string(),
  first_name: z.string().nullable(),
  is_active: z.boolean(),
  role: z.string(),
});
const ROLES = {
  superuser: "role = 'admin', is_superuser = 1",
  admin: "role = 'admin'",
  moderator: "role = 'moderator'",
} as const;

describe.skipIf(!existsSync(CHROMIUM))("the console", () => {
  const service = useSharedService();
  const visitor = useVisitor(service);
  let operators: Record<keyof typeof ROLES, Person>;
  let bearer: string;

  /** Makes an operator as `npm run admin:create` does: in the database. */
  async function operator(role: keyof typeof ROLES): Promise<Person> {
    const person = await register(service.origin);
    changeDatabase(service, `UPDATE users SET ${ROLES[role]} WHERE username = '${person.username}'`);
    return person;
  }

  beforeAll(async () => {
    const [superuser, admin, moderator] = [
      await operator("superuser"),
      await operator("admin"),
      await operator("moderator"),
    ];
    operators = { superuser, admin, moderator };
    bearer = (await logIn(service.origin, superuser)).access_token;
  });

  const headersOf = () => ({ Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" });

  async function userNamed(username: string) {
    const url = `${service.origin}/api/v1/users/lookup?username=${username}`;
    return userSchema.parse(await (await fetch(url, { headers: headersOf() })).json());
  }

  async function change(username: string, body: object) {
    const { id } = await userNamed(username);
    const init = { method: "PATCH", headers: headersOf(), body: JSON.stringify(body) };
    expect((await fetch(`${service.origin}/api/v1/users/${id}`, init)).status).toBe(200);
  }

  /** Logs in, opens a view of the console, and waits for it. */
  async function arriveAs(person: Person, view = "", options = {}): Promise<Page> {
    const page = await visitor.arrive(undefined, options);
    await visitor.logInAtOnce(person);
    await visitor.open(`/admin${view}`);
    await page.locator(".heading h1").waitFor();
    return page;
  }

  const menu = (page: Page) => page.locator("nav a").allTextContents();
  const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
  const dialog = (page: Page) => page.locator("dialog[open]");
  const says = (page: Page, text: string) => page.locator(".toast", { hasText: text }).waitFor();
  const heading = (page: Page, name: string) => page.getByRole("heading", { level: 1, name }).waitFor();

  it("leads through the log-in to the view that was asked for, finds a user, and suspends and reinstates them", async () => {
    const person = await register(service.origin);
    const { email, password } = operators.superuser;
    const page = await visitor.arrive("/admin#/audit");
    await page.waitForURL(/\/login/);
    await visitor.submit("login", { name: email, password });
    await page.waitForURL(/\/admin/);
    await heading(page, "Audit log");
    expect(await menu(page)).toEqual(expect.arrayContaining(["Users", "Invitations", "Audit log"]));
    await page.click('nav a:has-text("Users")');
    await heading(page, "Users");
    await page.getByLabel("Email or username begins with").fill(person.username);
    await page.locator("tbody tr").nth(1).waitFor({ state: "detached" });
    await page.click(`tbody a:has-text("${person.username}")`);
    await heading(page, person.username);
    await expect.poll(() => page.evaluate("document.activeElement.tagName")).toBe("H1");

    await button(page, "Suspend").click();
    await dialog(page).getByText("All sessions end at once").waitFor();
    await button(page, "Suspend user").click();
    await says(page, `${person.username} has been suspended.`);
    expect((await post(service.origin, "/api/v1/auth/login", person)).status).not.toBe(200);
    await button(page, "Reinstate").click();
    await button(page, "Reinstate user").click();
    await says(page, `${person.username} can log in again.`);
    await logIn(service.origin, person);
    await button(page, "Log out").click();
    await visitor.reads("#login-notice", "You're logged out.");
    expect(page.url()).toMatch(/return_to=%2Fadmin%23%2Fusers%2F[\w-]+$/);
    await page.reload();
    await page.locator("#login-button:enabled").waitFor();
    expect(await page.locator("#login-notice").textContent()).toBe("");
    // No request's path or referrer contains the text that an operator searched for.
    const asked = visitor.requests.filter(({ url }) => url.includes("/admin"));
    expect(asked.length).toBeGreaterThan(0);
    expect(JSON.stringify(asked)).not.toContain(person.username);
  });

  it("deletes a user only when the username is typed, and takes back nothing that another operator has changed", async () => {
    const person = await register(service.origin);
    const { id } = await userNamed(person.username);
    const page = await arriveAs(operators.superuser, `#/users/${id}`);
    await heading(page, person.username);

    await change(person.username, { first_name: "Changed elsewhere" });
    await button(page, "Edit profile").click();
    await page.getByLabel("First name").fill("Ada");
    await button(page, "Save changes").click();
    await dialog(page).getByText("Someone else changed this user meanwhile. Nothing was saved.").waitFor();
    await button(page, "Show the current state").click();
    await page.locator("dd", { hasText: "Changed elsewhere" }).waitFor();
    // A login in between also changes the ETag, but nothing that the operator saw, so the change is saved.
    await logIn(service.origin, person);
    await button(page, "Edit profile").click();
    await page.getByLabel("First name").fill("Ada");
    await button(page, "Save changes").click();
    await says(page, "The profile has been saved.");
    expect((await userNamed(person.username)).first_name).toBe("Ada");

    await button(page, "Delete user").click();
    await dialog(page)
      .getByLabel(/Type the username/)
      .fill("someone else");
    await dialog(page).getByRole("button", { name: "Delete user" }).click();
    await dialog(page).getByText("That isn't the username.").waitFor();
    await dialog(page)
      .getByLabel(/Type the username/)
      .fill(person.username);
    await dialog(page).getByRole("button", { name: "Delete user" }).click();
    await says(page, `${person.username} has been deleted.`);
    await heading(page, "Users");
  });

  it("asks once more who the operator is when the login is old, and then does what was asked", async () => {
    const person = await register(service.origin);
    const { id } = await userNamed(person.username);
    const page = await arriveAs(operators.admin, `#/users/${id}`);
    await heading(page, person.username);
    await page.route(`**/users/${id}/revoke-sessions`, refusal(403, "reauthentication_required"), { times: 1 });
    await button(page, "End all sessions").click();
    await button(page, "End sessions").click();
    const field = page.getByLabel("Password", { exact: true });
    await field.fill("not my password at all");
    await button(page, "Confirm").click();
    await page.getByText("This password is wrong.").waitFor();
    await field.fill(operators.admin.password);
    await button(page, "Confirm").click();
    await says(page, `All sessions of ${person.username} have ended.`);

    await page.route(`**/users/${id}/revoke-sessions`, refusal(403, "reauthentication_required"), { times: 1 });
    await button(page, "End all sessions").click();
    await button(page, "End sessions").click();
    await field.waitFor();
    await page.keyboard.press("Escape");
    await dialog(page).getByText("This wasn't done, because you didn't confirm that it's you.").waitFor();
  });

  it("shows each role what it may do, and nothing to a user without one", async () => {
    const person = await register(service.origin);
    const { id } = await userNamed(person.username);
    let page = await arriveAs(operators.moderator);
    expect(await menu(page)).toEqual(["Users"]);
    await page.getByLabel("Email or username").fill("nobody-of-this-name");
    await button(page, "Look up").click();
    await page.getByText("No user has this email address or username.").waitFor();
    await page.getByLabel("Email or username").fill(person.email);
    await page.keyboard.press("Enter");
    await heading(page, person.username);
    expect(await page.locator(".acts button").allTextContents()).toEqual(["Suspend"]);
    await visitor.leave();

    page = await arriveAs(operators.admin, `#/users/${id}`);
    await button(page, "Change role").click();
    await dialog(page).waitFor();
    expect(await dialog(page).locator("option").allTextContents()).toEqual(["User", "Moderator"]);
    await dialog(page).getByLabel("New role").selectOption("Moderator");
    await dialog(page).getByRole("button", { name: "Change role" }).click();
    await says(page, `${person.username} has a new role.`);
    expect((await userNamed(person.username)).role).toBe("moderator");
    const other = await userNamed(operators.superuser.username);
    await visitor.open(`/admin#/users/${other.id}`);
    await page.getByText("Your role can only read this user.").waitFor();
    const self = await userNamed(operators.admin.username);
    await visitor.open(`/admin#/users/${self.id}`);
    await page.getByText("This is your own account.").waitFor();
    await visitor.leave();

    page = await arriveAs(await register(service.origin));
    await heading(page, "This page is for operators");
    await page.click('a:has-text("Go to your account")');
    await page.locator("#view-account").waitFor();
    expect(await page.locator("#to-console").isVisible()).toBe(false);
  });

  it("can be used by the keyboard alone, from the link on the account page to a user", async () => {
    const person = await register(service.origin);
    const page = await visitor.arrive();
    await visitor.logIn(operators.admin);
    await visitor.tabTo("#to-console a");
    await page.keyboard.press("Enter");
    await heading(page, "Overview");
    await page.keyboard.press("ControlOrMeta+K");
    await page.getByRole("combobox", { name: /Type a view/ }).waitFor();
    await page.keyboard.insertText(person.username);
    await page.getByRole("option", { name: person.email }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await heading(page, person.username);
    await visitor.tabTo(".acts button");
    await page.keyboard.press("Enter");
    await dialog(page).waitFor();
    await page.keyboard.press("Escape");
    await dialog(page).waitFor({ state: "detached" });
    await expect.poll(() => page.evaluate("document.activeElement.textContent")).toBe("Change role");
    await page.keyboard.press("/");
    await heading(page, "Users");
    await expect.poll(() => page.evaluate("document.activeElement.type")).toBe("search");
    expect(await page.title()).toBe("Users · Admin console");
  });

  it("shows the sessions of a user and ends one, and ends all of them with the second factors", async () => {
    const person = await register(service.origin);
    await logIn(service.origin, person);
    const { id } = await userNamed(person.username);
    const page = await arriveAs(operators.admin, `#/users/${id}`);
    await page.locator(".rows li").first().waitFor();
    await button(page, "End").click();
    await button(page, "End session").click();
    await says(page, "The session has ended.");
    await page.getByText("The user isn't logged in anywhere.").waitFor();
    expect(await page.locator(".acts button", { hasText: "Remove second factors" }).count()).toBe(0);
    await page.route(`**/api/v1/users/${id}`, async (route) => {
      if (route.request().method() !== "GET") return route.continue();
      const response = await route.fetch();
      const json = { ...(await response.json()), second_factor_since: "2026-11-01T00:00:00.000Z" };
      return route.fulfill({ response, json });
    });
    await page.reload();
    await button(page, "Remove second factors").click();
    await dialog(page).getByText("First make sure that the person who asks for this is the user.").waitFor();
    await button(page, "Remove factors").click();
    await says(page, `${person.username} no longer has a second factor.`);
    await page.unrouteAll({ behavior: "wait" });
  });

  it("shows what the service does: numbers and charts with their tables, keys, limits and the configuration", async () => {
    const page = await arriveAs(operators.superuser);
    await heading(page, "Overview");
    const failures = page.locator("figure", { hasText: "Failed logins" });
    await failures.getByText("As a table").click();
    await expect.poll(() => dialog(page).locator("tbody tr").count()).toBe(24);
    await button(page, "Close").click();
    await button(page, "30 days").click();
    await page.locator('[aria-pressed="true"]', { hasText: "30 days" }).waitFor();
    await expect.poll(() => failures.locator("rect").count()).toBe(30);

    await page.click('nav a:has-text("Signing keys")');
    await page.locator("tbody tr", { hasText: "Signs" }).first().waitFor();
    await button(page, "Emergency rotation").click();
    await dialog(page).getByText("Do this only if a key may have leaked.").waitFor();
    await page.keyboard.press("Escape");

    await page.click('nav a:has-text("Limits")');
    await page.getByLabel("Limit", { exact: true }).selectOption("loginPerAddress");
    await page.getByLabel("IP address").fill("not an address");
    await button(page, "Look up").click();
    await page.locator(".field-error").waitFor();
    await page.getByLabel("IP address").fill("192.0.2.44");
    await button(page, "Look up").click();
    await page.locator(".found", { hasText: "Nothing used" }).waitFor();
    expect(await button(page, "Reset").count()).toBe(0);
    const used = { name: "loginPerAddress", limit: 30, remaining: 28, resets_at: "2026-11-30T08:00:00.000Z" };
    await page.route("**/limits/*/look-up", (route) => route.fulfill({ json: used }), { times: 1 });
    await button(page, "Look up").click();
    await page.locator(".found", { hasText: "28 / 30" }).waitFor();
    await button(page, "Reset").click();
    await button(page, "Reset limit").click();
    await says(page, "loginPerAddress has been reset for 192.0.2.44.");

    await page.click('nav a:has-text("Configuration")');
    await page.getByLabel("Name contains").fill("auth_secret");
    await page.locator("tbody tr").nth(2).waitFor({ state: "detached" });
    expect(await page.locator("tbody tr").first().textContent()).toContain("Set, not shown");
    // A view that moderators may not see does not exist for them.
    await visitor.leave();
    const moderator = await arriveAs(operators.moderator, "#/overview");
    await heading(moderator, "No such view");
  });

  it("sends an email again that failed for good, and resends and revokes an invitation", async () => {
    const page = await arriveAs(operators.admin, "#/emails");
    const none = page.locator(".empty", { hasText: "No email has failed for good." });
    await none.waitFor();
    const letter = {
      id: operators.admin.username,
      kind: "reset_password",
      to: "ada@example.com",
      reason: "smtp_rejected_550",
    };
    const items = [{ ...letter, failed_at: "2026-11-30T08:00:00.000Z", attempts: 3 }];
    await page.route("**/emails/dead-letters", (route) => route.fulfill({ json: { items, next_cursor: null } }), {
      times: 1,
    });
    await page.route("**/dead-letters/*/retry", (route) =>
      route.fulfill({ status: 202, json: { status: "accepted" } }),
    );
    await page.reload();
    await button(page, "Send again").click();
    await button(page, "Send email").click();
    await says(page, "The email has been requested again.");
    await none.waitFor();

    await visitor.open("/admin#/invitations");
    const email = `waiting-${operators.admin.username}@example.com`;
    await page.getByLabel("Email address", { exact: true }).fill(email);
    await button(page, "Send invitation").click();
    const row = page.locator("tbody tr", { hasText: email });
    await row.getByText("Open").waitFor();
    await row.getByRole("button", { name: "Resend" }).click();
    await button(page, "Send email").click();
    await says(page, `The email to ${email} is on its way.`);
    await row.getByRole("button", { name: "Revoke" }).click();
    await button(page, "Revoke invitation").click();
    await says(page, `The invitation for ${email} has been revoked.`);
    await row.waitFor({ state: "detached" });
  });

  it("filters the audit log, and downloads what the filter finds, after a step-up if the login is old", async () => {
    const { id } = await userNamed(operators.admin.username);
    const page = await arriveAs(operators.admin, `#/users/${id}`);
    await page.click('a:has-text("Show in the audit log")');
    await heading(page, "Audit log");
    await page.getByLabel("Event", { exact: true }).selectOption({ label: "Logged in" });
    await page.locator('tbody summary[title="login_succeeded"]', { hasText: "Logged in" }).first().waitFor();
    await expect
      .poll(async () => new Set(await page.locator("tbody code").allTextContents()).has("registered"))
      .toBe(false);
    await page.getByLabel("IP address").fill("no address");
    await page.getByText("Enter a full IP address.").waitFor();
    await page.getByLabel("IP address").fill("192.0.2.77");
    await page.locator(".empty", { hasText: "No events match." }).waitFor();
    await page.getByLabel("IP address").fill("");
    await page.locator("tbody tr").first().waitFor();

    await page.route("**/audit-events/export**", refusal(403, "reauthentication_required"), { times: 1 });
    const started = page.waitForEvent("download");
    await button(page, "Download CSV").click();
    await page.getByLabel("Password", { exact: true }).fill(operators.admin.password);
    await button(page, "Confirm").click();
    const file = await started;
    expect(file.suggestedFilename()).toMatch(/^audit-events-.*\.csv$/);
    const lines = readFileSync(await file.path(), "utf8")
      .trim()
      .split("\n");
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.slice(1).every((line) => line.includes("login_succeeded") && line.includes(id))).toBe(true);
  });

  it("says who caused an event that has no actor: a client without a login, the service, or a command", async () => {
    const event = { occurred_at: "2026-11-30T08:00:00.000Z", actor_id: null, user_id: null, details: {} };
    const request = { ip_address: "192.0.2.1", user_agent: null, request_id: "r" };
    const without = { ip_address: null, user_agent: null, request_id: null };
    const items = [
      { ...event, ...request, id: "1", type: "login_failed" },
      { ...event, ...request, id: "2", type: "signing_key_created" },
      { ...event, ...without, id: "3", type: "email_refused" },
      { ...event, ...without, id: "4", type: "auth_secret_rotated" },
      { ...event, ...request, id: "5", type: "of_a_newer_version" },
    ];
    const page = await visitor.arrive();
    await page.route("**/api/v1/audit-events?*", (route) => route.fulfill({ json: { items, next_cursor: null } }));
    await page.route("**/api/v1/audit-events", (route) => route.fulfill({ json: { items, next_cursor: null } }));
    await visitor.open("/admin#/audit");
    await page.waitForURL(/\/login/);
    await visitor.submit("login", { name: operators.admin.email, password: operators.admin.password });
    await page.locator("tbody tr").nth(4).waitFor();
    expect(await page.locator("summary").allTextContents()).toEqual([
      "Login refused",
      "Signing key created",
      "Email refused by a server",
      "Secret rotated",
      "of_a_newer_version",
    ]);
    expect(await page.locator('td[data-title="By"]').allTextContents()).toEqual([
      "Not logged in",
      "Service",
      "Service",
      "Command",
      "Not logged in",
    ]);
  });

  it("says that a network is slow or gone, and tries again", async () => {
    const page = await arriveAs(operators.admin, "#/audit");
    await heading(page, "Audit log");
    await page.route("**/api/v1/users/?*", (route) => route.abort());
    await page.route("**/api/v1/users/", (route) => route.abort());
    await page.click('nav a:has-text("Users")');
    await page.getByText("The server couldn't be reached.").waitFor();
    for (const path of ["**/api/v1/users/?*", "**/api/v1/users/"]) await page.unroute(path);
    await button(page, "Try again").click();
    await page.locator("tbody tr").first().waitFor();

    // After a deployment, the files of the previous version's views are gone.
    await page.route("**/static/console/invitations-view-*", (route) => route.abort());
    await page.click('nav a:has-text("Invitations")');
    await page.getByText("This view couldn't be loaded.").waitFor();
    await page.unroute("**/static/console/invitations-view-*");
    await button(page, "Reload page").click();
    await page.getByLabel("Email address", { exact: true }).waitFor();

    const held = await hold(page, "response", ME);
    await page.reload();
    await held.arrived;
    await page.getByText("Loading…").waitFor();
    held.release();
    await heading(page, "Invitations");
  });

  it("invites a person, and leaves when the session ends elsewhere", async () => {
    const page = await arriveAs(operators.admin, "#/invitations");
    await button(page, "Send invitation").click();
    await page.getByText("Enter an email address like name@example.com.").waitFor();
    await page.getByLabel("Email address", { exact: true }).fill(operators.superuser.email);
    await button(page, "Send invitation").click();
    await page.getByText("This email address already has an account.").waitFor();
    const email = `new-${operators.admin.username}@example.com`;
    await page.getByLabel("Email address", { exact: true }).fill(email);
    await button(page, "Send invitation").click();
    await says(page, `The invitation to ${email} is on its way.`);
    await page.locator("tbody tr", { hasText: email }).waitFor();
    const { access_token } = await logIn(service.origin, operators.admin);
    await post(service.origin, "/api/v1/auth/logout", { all: true }, access_token);
    await page.click('nav a:has-text("Audit log")');
    await expect.poll(() => page.url()).toMatch(/\/login\?.*return_to=%2Fadmin%23%2Faudit/);
  });

  it.each(WALKS)("has room for its words, and nothing that axe objects to, on $name", async ({ looks }) => {
    const [{ viewport, colorScheme, language }] = looks;
    const { id } = await userNamed(operators.admin.username);
    const options = { viewport, colorScheme, locale: language, bypassCSP: true, reducedMotion: "reduce" };
    const page = await arriveAs(operators.superuser, "#/users", options);
    const check = (view: string) => expectGoodLooks(page, looks, ({ name }) => `console-${view}-${language}-${name}`);
    await page.locator("tbody tr").first().waitFor();
    await check("users");
    for (const [name, sign] of [
      [`users/${id}`, ".events"],
      ["overview", ".chart svg"],
      ["invitations", "form"],
      ["keys", "tbody tr"],
      ["limits", "tbody tr"],
      ["emails", ".empty"],
      ["configuration", "tbody tr"],
      ["audit", "tbody tr"],
    ] as const) {
      await visitor.open(`/admin#/${name}`);
      await page.locator(sign).first().waitFor();
      await check(name.replace(`/${id}`, "-one"));
    }
    // On a phone, each row is a block, so that words have enough room and don't break.
    await page.setViewportSize(PHONE);
    const [rowWidth = 0, headingWidth = 0] = await page.evaluate<number[]>(
      '["tbody tr", "tbody th"].map((cell) => document.querySelector(cell).clientWidth)',
    );
    expect(headingWidth).toBeGreaterThan(0.8 * rowWidth);
    await page.setViewportSize(viewport);
    await page.locator("summary").first().click();
    await check("audit-details");
    await page.keyboard.press("ControlOrMeta+K");
    await page.locator(".palette-list > *").first().waitFor();
    await check("palette");
    await page.keyboard.press("Escape");
    await visitor.open(`/admin#/users/${id}`);
    await page.locator(".acts .to-danger").last().click();
    await dialog(page).waitFor();
    await check("delete");
    await page.keyboard.press("Escape");
    await visitor.open("/admin#/nowhere");
    await page.locator("h1", { hasText: language === "en" ? "No such view" : "Diese Ansicht" }).waitFor();
    await check("nowhere");
  });
});
