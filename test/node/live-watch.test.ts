/** How an operator watches a running service: health, log levels, and errors that it sends to a real HTTP server. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { post } from "./live-person.ts";
import { changeDatabase, type Service, useClone } from "./live-service.ts";
import { freePort } from "./loopback.ts";

const clone = useClone();
const received: { url: string | undefined; headers: IncomingHttpHeaders; body: string }[] = [];
const sentry = createServer(async (request, response) => {
  const body = (await request.toArray()).join("");
  received.push({ url: request.url, headers: request.headers, body });
  response.end("{}");
});
let service: Service;

beforeAll(async () => {
  const port = await freePort();
  await new Promise<void>((listening) => sentry.listen(port, "127.0.0.1", listening));
  const values = ["LOG_LEVEL:warn", `SENTRY_DSN:http://0123abcd@127.0.0.1:${port}/42`, "SENTRY_ENVIRONMENT:staging"];
  service = await clone.serve(values.flatMap((value) => ["--var", value]));
});
afterAll(() => sentry.close());

describe("a running service", () => {
  it("is ready on the database that wrangler has migrated, and not while a migration is pending", async () => {
    const ask = () => fetch(`${service.origin}/health/ready`);
    expect(await (await ask()).json()).toMatchObject({ status: "ok", pending_migrations: [] });
    changeDatabase(service, "UPDATE d1_migrations SET name = '-' || name WHERE name LIKE '0008%'");
    // The service repeats its previous answer for two seconds.
    const pending = { pending_migrations: [expect.stringMatching(/^0008_/)] };
    await eventually(async () => expect(await (await ask()).json()).toMatchObject(pending));
    expect((await ask()).status).toBe(503);
    changeDatabase(service, "UPDATE d1_migrations SET name = substr(name, 2) WHERE name LIKE '-%'");
  });

  it("sends an error to Sentry without anything personal, and logs no line below LOG_LEVEL", async () => {
    const person = { email: "ada@example.com", password: "correct horse battery staple" };
    changeDatabase(service, "ALTER TABLE users RENAME TO users_away");
    const answer = await post(service.origin, "/api/v1/auth/login", person);
    changeDatabase(service, "ALTER TABLE users_away RENAME TO users");
    expect(answer.status).toBe(503);

    await eventually(() => expect(received).not.toEqual([]));
    const [{ url, headers, body } = { url: "", headers: {}, body: "" }] = received;
    expect(url).toBe("/api/42/envelope/?sentry_key=0123abcd&sentry_version=7");
    expect(headers["content-type"]).toBe("application/x-sentry-envelope");
    const [, , event] = body.split("\n").map((line) => JSON.parse(line));
    expect(event).toMatchObject({ environment: "staging", transaction: "POST /api/v1/auth/login" });
    expect(event.exception.values).toEqual([{ type: "failure", value: expect.stringContaining("no such table") }]);
    expect(event.tags).toMatchObject({ status: 503, request_id: answer.headers.get("X-Request-Id") });
    expect(body).not.toMatch(/ada@|example|horse|127\.0\.0\.1|undici/);

    await expect.poll(() => service.output()).toContain('"event":"failure"');
    expect(service.output()).not.toContain('"level":"info"');
  });
});
