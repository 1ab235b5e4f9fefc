import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { MIGRATIONS } from "../../src/db/migrations.ts";

it("the Worker knows every migration in the folder, by the name that wrangler notes, in its order", () => {
  const files = readdirSync("migrations").filter((name) => name.endsWith(".sql"));
  expect(MIGRATIONS).toEqual(files.toSorted());
});
