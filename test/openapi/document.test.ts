import { env } from "cloudflare:workers";
import { Validator } from "@cfworker/json-schema";
import { describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { buildDocument } from "../../src/build/openapi-document.ts";
import { refusalsOf } from "../../src/build/openapi-refusals.ts";
import { parseConfig } from "../../src/config/config.ts";
import { takesAccessToken } from "../../src/endpoint/endpoint.ts";
import { statusOf } from "../../src/http/problems.ts";
import { VERSION } from "../../src/version.ts";
import { get } from "../support/client.ts";
import { document, operations } from "../support/openapi.ts";

const operationOf = (path: string, method: string) => document.paths[path]?.[method];

describe("GET /openapi.json", () => {
  it("serves the document that the app's own operations make, built ahead [HT-10]", async () => {
    const config = parseConfig({ ENVIRONMENT: "development", AUTH_SECRET: "x".repeat(32), EMAIL_LOGIN: "on" });
    const { json, headers } = await get("/openapi.json");
    expect(json).toEqual(JSON.parse(JSON.stringify(buildDocument(operations, config, VERSION))));
    expect(json.openapi).toMatch(/^3\.1\./);
    expect(headers.get("Content-Type")).toMatch(/^application\/json/);
    expect(headers.get("Access-Control-Allow-Origin")).toBe("*");
  });

  it("describes every route that the app answers, and no other [HT-10]", () => {
    const app = createApp(parseConfig(env));
    const answered = app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)\{[^}]+\}\}?/g, "{$1}")}`);
    const described = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path.replace(/(?<=.)\/$/, "")}`),
    );
    expect(new Set(described)).toEqual(new Set(answered));
  });

  it("is what every response of the tests is checked against, and a wrong one fails [HT-10]", async () => {
    const liar = async () => Response.json({ surprise: true }, { headers: { "X-Request-Id": crypto.randomUUID() } });
    await expect(get("/health", {}, liar)).rejects.toThrow();
  });

  it("has no field for hints, questions or expiring passwords [PW-8]", () => {
    expect(JSON.stringify(document)).not.toMatch(/"[a-z_]*(hint|question|answer|password_expires)[a-z_]*":/i);
  });

  it("lists every code of every route under its status, with an example that fits its schema", () => {
    for (const operation of operations) {
      const { responses } = operationOf(operation.path, operation.method);
      for (const code of refusalsOf(operation)) {
        const content = responses[statusOf(code, takesAccessToken(operation))]?.content["application/problem+json"];
        const example = content?.examples[code]?.value;
        expect(example?.code, `${operation.id} ${code}`).toBe(code);
        const validator = new Validator({ ...content.schema, components: document.components }, "2020-12", false);
        expect(validator.validate(example).errors, `${operation.id} ${code}`).toEqual([]);
      }
    }
  });

  it("names each operation once, with a summary, a tag that exists and its security", () => {
    const tags = document.tags.map(({ name }: { name: string }) => name);
    const ids = operations.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, method, credentials = [] } of operations) {
      const { summary, tags: own, security } = operationOf(path, method);
      expect(summary).not.toBe("");
      expect(tags).toContain(own[0]);
      expect(security.length > 0).toBe(credentials.length > 0);
    }
  });

  it("points to nothing that is not in it", () => {
    for (const [, name = ""] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
      expect(document.components.schemas).toHaveProperty(name);
      expect(document.components.schemas[name]).not.toHaveProperty("$ref");
    }
  });

  it("gives an example of every field that a body takes", () => {
    for (const operation of operations.filter(({ body }) => body !== undefined)) {
      const { schema } = operationOf(operation.path, operation.method).requestBody.content["application/json"];
      for (const [field, described] of Object.entries<{
        type?: string;
        examples?: unknown[];
        anyOf?: { examples?: unknown[] }[];
      }>(schema.properties)) {
        const examples = described.examples ?? described.anyOf?.find((one) => one.examples)?.examples;
        if (described.type !== "boolean") expect(examples, `${operation.id} ${field}`).toBeDefined();
      }
    }
  });
});

describe("GET /docs", () => {
  it("is a page that loads nothing from another host", async () => {
    const { text, headers } = await get("/docs/");
    expect(headers.get("Content-Type")).toMatch(/^text\/html/);
    expect(headers.get("Content-Security-Policy")).toContain("connect-src 'self'");
    for (const [, url] of text.matchAll(/(?:src|href)="([^"]+)"/g)) expect(url).toMatch(/^(\/(?!\/)|#)/);
    expect(text).not.toMatch(/<script(?![^>]*src=)|style="|onclick/);
  });
});
