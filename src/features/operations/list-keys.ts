import { operator } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { keysSchema, presentKeys } from "./present-keys.ts";

export const listKeys = endpoint(
  {
    id: "listKeys",
    method: "get",
    path: "/api/v1/keys",
    tag: "Administration",
    summary: "List the signing keys",
    description: "The newest first. A key is left out once its last token has expired.",
    caller: operator("read_keys"),
    success: { status: 200, description: "The keys.", schema: keysSchema },
  },
  async ({ keyring }) => ({ items: presentKeys(await keyring.statuses()) }),
);
