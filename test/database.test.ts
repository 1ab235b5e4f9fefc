import { sqliteTable, text } from "drizzle-orm/sqlite-core";
import { expect, it } from "vitest";
import { describeTable } from "../src/db/tables.ts";
import { StorageUnavailable } from "../src/platform/hops.ts";
import { register } from "./support/account.ts";
import { newPerson } from "./support/people.ts";
import { coldIsolate } from "./support/services.ts";

it("fails to read a column whose migration is not applied yet, and does not read the column's name as its value", async () => {
  await register(newPerson());
  const registrations = sqliteTable("registrations", { id: text("id").primaryKey(), later: text("later") });
  const { db } = coldIsolate();
  await expect(db.select().from(registrations)).rejects.toMatchObject({ cause: expect.any(StorageUnavailable) });
});

it("has no table whose primary key is not one column", () => {
  expect(() => describeTable(sqliteTable("keyless", { id: text("id") }))).toThrow("keyless has no primary key");
});
