import { afterAll } from "vitest";
import { closeLocalDatabases } from "./local-database.ts";
import { expectIndexedStatements, watchStatements } from "./statement-plans.ts";

watchStatements();

// After each test file, checks the query plans of the statements that commands have run in this process: no statement
// may read a whole table or sort rows.
afterAll(expectIndexedStatements);
afterAll(closeLocalDatabases);
