import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import { expect, it } from "vitest";
import { parseConfig } from "../src/config/config.ts";
import { runCronTasks } from "../src/cron-tasks.ts";
import { createDirectorySource, createDirectoryTarget } from "../src/db/directory-copy.ts";
import { AUDIT_EVENTS } from "../src/db/tables.ts";
import { createServices } from "../src/services.ts";
import { createProvisioningStore } from "../src/users/provisioning.ts";
import { COPYING, READ_WHOLE, SORTED } from "./budgets.ts";
import { changePassword } from "./support/account.ts";
import { archivingIsolate } from "./support/archive.ts";
import { call, get, post } from "./support/client.ts";
import { pendingToken, reported, secondStep, withEmailCodes } from "./support/factors.ts";
import { loggedIn, withStanding } from "./support/people.ts";
import { faultsOf, neededExceptions } from "./support/plan-faults.ts";
import { coldIsolate } from "./support/services.ts";
import { expectIndexedStatements } from "./support/statement-plans.ts";

it.each([
  ["a table that is read whole", "SELECT * FROM `users` WHERE `phone` = '1'", "SCAN users"],
  ["an index that is read whole", "SELECT `id` FROM `users` ORDER BY `created_at` DESC LIMIT 1", "users_newest"],
  [
    "an alias of a table that is read whole",
    "SELECT 1 FROM `users` AS `other` WHERE `other`.`phone` = '1'",
    "SCAN other",
  ],
  [
    "found rows that are sorted",
    "SELECT `id` FROM `registrations` WHERE `email` = 'a' ORDER BY `phone`",
    "TEMP B-TREE",
  ],
])("are refused: %s", async (_, query, step) => {
  await drizzle(env.DB).all(sql.raw(query));
  await expect(expectIndexedStatements()).rejects.toThrow(step);
  await expectIndexedStatements();
});

it("are refused in a Durable Object, too", async () => {
  await runInDurableObject(env.USER_SESSIONS.getByName(crypto.randomUUID()), (_, { storage }) => {
    storage.sql.exec("CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT)");
    storage.sql.exec("SELECT text FROM notes WHERE id = ?", "1");
    storage.sql.exec("SELECT id FROM notes WHERE text = ?", "1");
  });
  await expect(expectIndexedStatements()).rejects.toThrow(/:\nSCAN notes: SELECT id FROM notes WHERE text = \?$/);
});

it.each([
  [
    "what a subquery gives",
    ["CO-ROUTINE found", "SEARCH users USING INDEX users_email_unique (email>?)", "SCAN found"],
  ],
  ["a list that was sent", ["SCAN json_each VIRTUAL TABLE INDEX 1:"]],
  ["a small table", ["SCAN signing_keys"]],
])("may read whole %s", (_, plan) => {
  expect(faultsOf(plan, "SELECT 1")).toEqual([]);
});

it("need every exception that the budgets make", async () => {
  const [person, superuser] = [await loggedIn(), await withStanding("superuser")];
  await get("/dev/outbox");
  await get("/health/ready");
  await get("/api/v1/overview", { bearer: superuser.accessToken });
  await get("/api/v1/users/me/export", { bearer: person.accessToken });
  const { password, accessToken: bearer } = person;
  expect((await post("/api/v1/auth/reauthenticate", { password }, { bearer })).status).toBe(200);
  await changePassword(person);
  await runDurableObjectAlarm(env.USER_SESSIONS.getByName(person.userId));
  const owner = await withEmailCodes();
  const proof = { recovery_code: owner.recoveryCodes[0], trust_device: true };
  expect((await secondStep(await pendingToken(owner), proof)).status).toBe(200);
  await reported(owner);
  const other = `/api/v1/users/${person.userId}`;
  await call("PATCH", other, { bearer: superuser.accessToken, body: { is_active: false } });
  await runCronTasks(createServices(env, parseConfig(env)));
  await archivingIsolate().auditEvents.anonymise(person.userId, "", 1);
  const { db } = coldIsolate();
  await createProvisioningStore(db).add([], 1, { replacesUnproved: false });
  const source = createDirectorySource(db);
  await Promise.all([source.summaries(), source.statements(), source.page(AUDIT_EVENTS, null, 1)]);
  await createDirectoryTarget(db).countPeople();
  await expectIndexedStatements();
  const made = Object.keys({ ...READ_WHOLE, ...SORTED, ...COPYING });
  expect(made.filter((exception) => !neededExceptions.has(exception))).toEqual([]);
});

it("of operators' lists find their rows by an index, with every combination of filters", async () => {
  const { accessToken: bearer } = await withStanding("admin");
  const some = (name: string, ...values: string[]) => [{}, ...values.map((value) => ({ [name]: value }))];
  const combined = (...choices: object[][]) =>
    choices.reduce((made, choice) => made.flatMap((one) => choice.map((other) => ({ ...one, ...other }))));
  const flags = ["is_active", "is_verified", "has_second_factor"].map((name) => some(name, "true", "false"));
  const lists = {
    "users/": combined(some("q", "a"), some("role", "user", "moderator"), ...flags),
    "audit-events": combined(
      some("user_id", crypto.randomUUID()),
      some("actor_id", crypto.randomUUID()),
      some("ip_address", "192.0.2.1"),
      some("type", "login_succeeded"),
      some("since", "2026-01-01T00:00:00Z"),
      some("until", "2026-02-01T00:00:00Z"),
    ),
  };
  for (const [path, filters] of Object.entries(lists)) {
    for (const filter of filters) {
      const { status, text } = await get(`/api/v1/${path}?${new URLSearchParams({ ...filter })}`, { bearer });
      expect(status, text).toBe(200);
    }
  }
  await expectIndexedStatements();
}, 120_000);
