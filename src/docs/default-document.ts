import { createApp } from "../app.ts";
import { parseConfig } from "../config.ts";
import { operationsOf } from "../http/operation.ts";
import { VERSION } from "../version.ts";
import { buildDocument } from "./document.ts";

/** The published OpenAPI document: every operation, with the default configuration. */
export function defaultDocument() {
  const config = parseConfig({
    ENVIRONMENT: "development",
    AUTH_SECRET: "an example: the shape of the routes matters",
  });
  return buildDocument(operationsOf(createApp(config)), config, VERSION);
}
