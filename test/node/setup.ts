import { afterAll } from "vitest";
import { expectIndexedStatements, watchStatements } from "./statement-plans.ts";

watchStatements();

// Every statement that a command has run in this process has a plan that does not grow with its tables.
afterAll(expectIndexedStatements);
