import { env } from "cloudflare:workers";
import { Validator } from "@cfworker/json-schema";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EXAMPLES, type Example } from "../../src/build/openapi-examples.ts";
import { takesAccessToken } from "../../src/endpoint/endpoint.ts";
import { statusOf } from "../../src/http/problems.ts";
import { createId, systemRandom } from "../../src/platform/random.ts";
import { appWith, call, ORIGIN, post } from "../support/client.ts";
import { document, operations } from "../support/openapi.ts";
import { rowOf, tokenAbout } from "../support/people.ts";

// With an app on another domain, because without one `/.well-known/webauthn` answers 404.
const send = appWith({ RATE_LIMITING: "off", ALLOWED_ORIGINS: "https://app.example.org" });
const NONE: Example = { summary: "Without input", answers: 200 };

/** What a reader of the API reference can send: each operation with each of its examples. */
const cases = operations.flatMap((operation) => {
  const success = operation.answers[0]?.status ?? 200;
  const named = Object.entries(EXAMPLES[operation.id] ?? { "no input": { ...NONE, answers: success } });
  return named.map(([name, example]) => ({ title: `${operation.id}: ${name}`, operation, example }));
});
const bodyOf = (name: string) => Object.values(EXAMPLES[name] ?? {})[0]?.body;

/** Ada's row in `users`, after she has registered and verified her address. */
let ada: Record<string, unknown>;

beforeAll(async () => {
  expect((await post("/api/v1/auth/register", bodyOf("register"), {}, send)).status).toBe(202);
  const token = await tokenAbout("ada@example.com", /^Verify/);
  expect((await post("/api/v1/auth/verify-email", { token }, {}, send)).status).toBe(200);
  ada = (await rowOf("ada@example.com")) ?? {};
});

beforeEach(async () => {
  for (const table of ["email_changes", "registrations", "users", "retired_usernames"])
    await env.DB.prepare(`DELETE FROM ${table}`).run();
});

/** Adds Ada as the examples know her, with the role that an operation needs, and logs her in. */
async function arriveAsAda(isOperator: boolean): Promise<string> {
  const rank = isOperator ? { role: "admin", is_superuser: 1 } : {};
  const row = { ...ada, ...rank, id: createId(Date.now(), systemRandom) };
  const columns = Object.keys(row);
  const statement = `INSERT INTO users (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
  await env.DB.prepare(statement)
    .bind(...Object.values(row))
    .run();
  const login = await post("/api/v1/auth/login", bodyOf("login"), {}, send);
  expect(login.status, login.text).toBe(200);
  return login.json.access_token;
}

describe("the examples of the API reference", () => {
  it.each(cases)("send a valid request that gets the answer which the example names: $title", async (one) => {
    const { operation, example } = one;
    const bearer = operation.id === "register" ? undefined : await arriveAsAda(operation.tag === "Administration");
    const { id = "", session_id: sessionId = "", name = "", ...inQuery } = example.parameters ?? {};
    const query = new URLSearchParams(Object.entries(inQuery).map(([parameter, value]) => [parameter, String(value)]));
    const path = operation.path
      .replace("{id}", String(id))
      .replace("{session_id}", String(sessionId))
      .replace("{name}", String(name));
    // The API reference is a page of this service, so its requests come from the same origin.
    const headers = { Origin: ORIGIN, "Sec-Fetch-Site": "same-origin" };
    const answer = await call(
      operation.method.toUpperCase(),
      `${path}?${query}`,
      { body: example.body, headers, bearer: operation.credentials.length > 0 ? bearer : undefined },
      send,
    );
    const { answers } = example;
    const expected =
      typeof answers === "number"
        ? { status: answers }
        : { status: statusOf(answers, takesAccessToken(operation)), code: answers };
    expect({ status: answer.status, code: answer.json?.code }, answer.text).toEqual({ code: undefined, ...expected });
  });

  it("are there for every body and every parameter of a path, and for no operation that does not exist", () => {
    const ids = operations.map(({ id }) => id);
    expect(Object.keys(EXAMPLES).filter((id) => !ids.includes(id))).toEqual([]);
    const needy = operations.filter(({ body, path, query }) => body ?? query ?? path.includes("{"));
    for (const { id, path, method, body } of needy) {
      const { requestBody, parameters = [] } = document.paths[path][method];
      const examples = Object.values(EXAMPLES[id] ?? {});
      expect(examples.length, id).toBeGreaterThan(0);
      if (body !== undefined) {
        const { schema, examples: shown } = requestBody.content["application/json"];
        const validator = new Validator({ ...schema, components: document.components }, "2020-12", false);
        expect(Object.keys(shown), id).toHaveLength(examples.length);
        for (const { value } of Object.values<{ value: unknown }>(shown)) {
          expect(validator.validate(value).errors, id).toEqual([]);
        }
      }
      for (const parameter of parameters.filter((one: { required: boolean }) => one.required))
        expect(Object.keys(parameter.examples), id).toHaveLength(examples.length);
    }
  });

  it("say what they answer, and how to get a success where they get a refusal", () => {
    for (const examples of Object.values(EXAMPLES)) {
      for (const { answers, hint, summary } of Object.values(examples)) {
        expect(summary).toMatch(/^[A-Z]/);
        expect(typeof answers === "string").toBe(hint !== undefined);
      }
    }
    const shown = document.paths["/api/v1/auth/verify-email"].post.requestBody.content["application/json"].examples;
    expect(shown.link.description).toMatch(/^Answers 400 `invalid_token`\. Replace the token/);
  });
});
