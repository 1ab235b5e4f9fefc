import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import { expect, it } from "vitest";
import { expectIndexedStatements, faultsOf } from "./support/statement-plans.ts";

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
