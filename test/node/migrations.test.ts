import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { ARCHIVE_MIGRATIONS } from "../../src/db/archive.ts";
import { MIGRATIONS } from "../../src/db/migrations.ts";

it("the Worker knows every migration in the folder, by the name that wrangler notes, in its order", () => {
  const files = readdirSync("migrations").filter((name) => name.endsWith(".sql"));
  expect(MIGRATIONS).toEqual(files.toSorted());
  expect(ARCHIVE_MIGRATIONS).toEqual(readdirSync("migrations/audit").toSorted());
});
