import { parseConfig } from "../config/config.ts";
import { endpointsOf } from "../endpoints.ts";
import { VERSION } from "../version.ts";
import { buildDocument } from "./openapi-document.ts";

/** The published OpenAPI document: every operation, with the default configuration. */
export function defaultDocument() {
  const config = parseConfig({
    ENVIRONMENT: "development",
    AUTH_SECRET: "an example: the shape of the routes matters",
  });
  return buildDocument(endpointsOf(config), config, VERSION);
}
