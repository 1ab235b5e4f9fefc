import { createConfig, lintFromString } from "@redocly/openapi-core";
import { describe, expect, it } from "vitest";
import { defaultDocument } from "../../src/build/default-document.ts";

/** The problems that Redocly's recommended rules find in a document, including warnings. */
async function lint(document: object): Promise<string[]> {
  const config = await createConfig({
    extends: ["recommended"],
    rules: {
      // In the document, the path of the list of users ends with a slash. The service also answers without the slash.
      "no-path-trailing-slash": "off",
      // Some operations only redirect.
      "operation-2xx-response": "off",
    },
  });
  const problems = await lintFromString({
    source: JSON.stringify(document),
    absoluteRef: "/openapi.json",
    config,
  });
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} (${location[0]?.pointer})`);
}

describe("the OpenAPI document", () => {
  it("has nothing that the linter minds", async () => {
    expect(await lint(defaultDocument())).toEqual([]);
  });

  it.each([
    ["an operation without an answer", { responses: {} }, "operation-4xx-response"],
    ["a schema that is not there", { responses: { 200: { $ref: "#/components/none" } } }, "no-unresolved-refs"],
    ["an operation without a name", { operationId: undefined }, "operation-operationId"],
    ["a parameter that its path lacks", { parameters: [{ name: "id", in: "path", required: true }] }, "struct"],
  ])("would be refused with %s", async (_, fault, rule) => {
    const document = JSON.parse(JSON.stringify(defaultDocument()));
    Object.assign(document.paths["/api/v1/users/me"].get, fault);
    expect((await lint(document)).join("\n")).toContain(`${rule}: `);
  });
});
