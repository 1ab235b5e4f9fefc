import { parseConfig } from "../config/config.ts";
import { endpointsOf } from "../endpoints.ts";
import { VERSION } from "../version.ts";
import { buildDocument } from "./openapi-document.ts";

/** The published OpenAPI document: that of the default configuration with `EMAIL_LOGIN=on` and `EMAIL_CODES=on`. */
export function defaultDocument() {
  const config = parseConfig({
    ENVIRONMENT: "development",
    AUTH_SECRET: "an example: the shape of the routes matters",
    EMAIL_LOGIN: "on",
    EMAIL_CODES: "on",
  });
  return buildDocument(endpointsOf(config), config, VERSION);
}
