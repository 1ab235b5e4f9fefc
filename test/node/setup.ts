import { afterAll } from "vitest";
import { closeLocalDatabases } from "./local-database.ts";
import { expectIndexedStatements, watchStatements } from "./statement-plans.ts";

watchStatements();

// After each file: every statement that a command has run in this process must have a plan that does not grow with its
// tables.
afterAll(expectIndexedStatements);
afterAll(closeLocalDatabases);
