/** The example's API beside Postern, with the values that `npm run example` gives it. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { altered } from "../support/altered.ts";
import { logIn, type Person, post, register } from "./live-person.ts";
import { changeDatabase, type Service, useClone } from "./live-service.ts";

const notesSchema = z.object({ items: z.array(z.object({ text: z.string() })) });

/** The longest allowed text, in characters of three bytes. */
const LONGEST = "€".repeat(300);

/** The origin of the example's app, which does not run in these tests. */
const APP = "http://localhost:5173";

const clone = useClone();
let postern: Service;
let api: Service;
let person: Person;
let token: string;

beforeAll(async () => {
  await clone.addPackages();
  postern = await clone.serve();
  const { origin } = postern;
  const values = { ISSUER: origin, AUDIENCE: origin, ALLOWED_ORIGIN: APP };
  api = await clone.startBeside(postern, "examples/api/wrangler.toml", values);
  person = await register(origin);
  token = (await logIn(origin, person)).access_token;
});

/** Sends a request to the API with this body and this `Authorization`. */
function ask(method: string, path: string, authorization: string, body?: string): Promise<Response> {
  const headers = { Authorization: authorization, Origin: APP, "Content-Type": "application/json" };
  return fetch(`${api.origin}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
}

async function readNotes(): Promise<string[]> {
  return notesSchema.parse(await (await ask("GET", "/notes", `Bearer ${token}`)).json()).items.map(({ text }) => text);
}

describe("the example's API", () => {
  it.each([
    ["null", "null", 422, "validation_failed"],
    ["a list", "[]", 422, "validation_failed"],
    ["no text", "{}", 422, "validation_failed"],
    ["a number for a text", '{"text":1}', 422, "validation_failed"],
    ["nothing but spaces", '{"text":"   "}', 422, "validation_failed"],
    ["a control character", JSON.stringify({ text: "a\u0000b" }), 422, "validation_failed"],
    ["300 control characters", JSON.stringify({ text: "\u0001".repeat(300) }), 422, "validation_failed"],
    ["300 halves of a character", `{"text":"${"\\ud800".repeat(300)}"}`, 422, "validation_failed"],
    ["a text of 301 characters", JSON.stringify({ text: "x".repeat(301) }), 422, "validation_failed"],
    ["broken JSON", '{"text":', 400, "invalid_json"],
    ["no body", "", 400, "invalid_json"],
    ["a body of 5 KiB", JSON.stringify({ text: "x".repeat(5_000) }), 413, "payload_too_large"],
  ])("says of %s in a note what is wrong, to the app's pages as well", async (_, body, status, code) => {
    const answer = await ask("POST", "/notes", `Bearer ${token}`, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe(APP);
    expect(answer.headers.get("Content-Type")).toBe("application/problem+json");
    const { detail } = z.object({ code: z.literal(code), detail: z.string() }).parse(await answer.json());
    expect(detail).toMatch(/^[A-Z].*\.$/);
  });

  it("keeps a note without the spaces around it, and lists the newest first", async () => {
    for (const text of [" Buy a lamp ", LONGEST, "Oil the gate"]) {
      const answer = await ask("POST", "/notes", `Bearer ${token}`, JSON.stringify({ text }));
      expect(answer.status).toBe(201);
      expect(await answer.json()).toMatchObject({ text: text.trim() });
    }
    expect(await readNotes()).toEqual(["Oil the gate", LONGEST, "Buy a lamp"]);
  });

  it.each([
    ["no token", () => "", "unauthorized", 'Bearer realm="postern"'],
    ["a token without its scheme", () => token, "unauthorized", 'Bearer realm="postern"'],
    ["a token of another scheme", () => `Basic ${token}`, "unauthorized", 'Bearer realm="postern"'],
    ["a forged token", () => `Bearer ${altered(token)}`, "invalid_access_token", 'error="invalid_token"'],
  ])("refuses %s the same way on every route, and deletes nothing", async (_, authorization, code, challenge) => {
    for (const [method, path] of [
      ["GET", "/notes"],
      ["DELETE", "/notes"],
      ["GET", "/statistics"],
    ] as const) {
      const answer = await ask(method, path, authorization());
      expect(answer.status, `${method} ${path}`).toBe(401);
      expect(answer.headers.get("WWW-Authenticate")).toContain(challenge);
      expect(answer.headers.get("Content-Type")).toBe("application/problem+json");
      expect(await answer.json()).toMatchObject({ code });
    }
    expect(await readNotes()).toHaveLength(3);
  });

  it("deletes nothing for a session that ended a moment ago, and refuses it as any other bad token", async () => {
    const { access_token: ended } = await logIn(postern.origin, person);
    expect((await post(postern.origin, "/api/v1/auth/logout", {}, ended)).status).toBe(204);
    const answer = await ask("DELETE", "/notes", `bearer ${ended}`);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("WWW-Authenticate")).toMatch(/^Bearer realm="postern", error="invalid_token"/);
    expect(answer.headers.get("Content-Type")).toBe("application/problem+json");
    expect(await answer.json()).toMatchObject({ code: "invalid_access_token" });
    expect(await readNotes()).toHaveLength(3);
  });

  it("counts every note for operators, more than KV lists at once, and deletes all notes of one user", async () => {
    writeNotes(1_100);
    const operator = await register(postern.origin);
    changeDatabase(postern, `UPDATE users SET role = 'admin' WHERE username = '${operator.username}'`);
    const { access_token } = await logIn(postern.origin, operator);
    const count = async () => (await ask("GET", "/statistics", `Bearer ${access_token}`)).json();
    const refused = await ask("GET", "/statistics", `Bearer ${token}`);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ code: "forbidden" });
    expect(await count()).toEqual({ notes: 1_103 });
    expect((await ask("DELETE", "/notes", `Bearer ${token}`)).status).toBe(204);
    expect(await readNotes()).toEqual([]);
    expect(await count()).toEqual({ notes: 1_100 });
  });

  it("takes 100 notes of one person, as many as it shows and deletes at once", async () => {
    const keep = (text: string) => ask("POST", "/notes", `Bearer ${token}`, JSON.stringify({ text }));
    for (let number = 0; number < 100; number++) expect((await keep(`note ${number}`)).status).toBe(201);
    const refused = await keep("one more");
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ code: "too_many_notes" });
    expect(await readNotes()).toHaveLength(100);
  });
});

/** Writes notes of other people directly into the file of the API's KV, because wrangler would take a minute. */
function writeNotes(count: number): void {
  for (const file of globSync(join(postern.state, "v3/kv/miniflare-KVNamespaceObject/*.sqlite"))) {
    if (file.endsWith("metadata.sqlite")) continue;
    const database = new DatabaseSync(file, { timeout: 10_000 });
    // Writes only into the namespace that already has notes.
    database.exec(`
      WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ${count})
      INSERT INTO _mf_entries (key, blob_id) SELECT 'somebody:' || n, '' FROM number
        WHERE EXISTS (SELECT 1 FROM _mf_entries WHERE metadata LIKE '%writtenAt%')`);
    database.close();
  }
}
