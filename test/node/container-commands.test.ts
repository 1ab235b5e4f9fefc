import { globSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { hashSync } from "bcryptjs";
import { decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createAdmin } from "../../src/commands/create-admin.ts";
import { openD1 } from "../../src/commands/d1.ts";
import { endSessions } from "../../src/commands/end-sessions.ts";
import type { Place } from "../../src/commands/flags.ts";
import { importUsers } from "../../src/commands/import-users.ts";
import { rotateKeys } from "../../src/commands/rotate-keys.ts";
import { rotateSecret } from "../../src/commands/rotate-secret.ts";
import type { Surroundings } from "../../src/commands/surroundings.ts";
import { hasPrograms, makeContainer, type Running, send } from "./container-service.ts";
import { examine } from "./doctoring.ts";
import { makeTree } from "./stand-in.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const GRACE = { email: "grace@example.com", password: "correct horse battery staple" };

type Command = (argv: readonly string[], world: Surroundings) => Promise<number>;

async function run(command: Command, argv: string[], answers: string[] = []) {
  const world = makeTree(undefined, answers);
  const code = await command(argv, { ...world, openD1: (place) => openD1(place, ROOT) });
  return { code, said: world.said(), complained: world.complained() };
}

describe.skipIf(!hasPrograms)("the operator's commands on the volume of a container that runs", () => {
  let container: Awaited<ReturnType<typeof makeContainer>>;
  let volume: string;
  let service: Running;
  beforeAll(async () => {
    container = await makeContainer();
    volume = container.volume();
    service = await container.start(volume);
  });
  afterAll(() => container?.remove());

  const logIn = async ({ email, password } = GRACE) => {
    const { status, json } = await send(service, "/api/v1/auth/login", { body: { email, password } });
    return { status, access: String(json.access_token), refresh: String(json.refresh_token) };
  };
  const readMe = (bearer: string) => send(service, "/api/v1/users/me", { bearer });
  const publishedKeys = async () => (await send(service, "/.well-known/jwks.json")).json.keys;

  it("makes a superuser, who logs in at once, and asks whether the password has leaked", async () => {
    const asked = vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(""));
    const made = await run(createAdmin, ["--volume", volume, "--email", GRACE.email], [GRACE.password]);
    expect(made.complained).toBe("");
    expect(made.said).toContain("grace@example.com is a superuser now, under the username grace.");
    expect(asked).toHaveBeenCalledOnce();
    asked.mockRestore();
    const { access } = await logIn();
    expect(await readMe(access)).toMatchObject({ json: { username: "grace", is_superuser: true } });
    const again = await run(createAdmin, ["--volume", volume, "--email", GRACE.email]);
    expect(again).toMatchObject({ code: 0, said: expect.stringContaining("is a superuser already") });
    const taken = ["--volume", volume, "--email", "other@example.com", "--username", "grace"];
    expect((await run(createAdmin, taken)).complained).toContain("The username grace is taken");
  });

  it("rotates the signing keys: the successor is the cron job's, and a revoked key is refused at once", async () => {
    const { access, refresh } = await logIn();
    const [kid = ""] = [decodeProtectedHeader(access).kid];
    const planned = await run(rotateKeys, ["--volume", volume]);
    expect(planned.said).toContain(`1 key is due for a successor now: ${kid}.`);
    expect(planned.said).toContain("The cron trigger publishes the successor within two minutes.");

    const revoked = await run(rotateKeys, ["--volume", volume, "--emergency"]);
    expect(revoked.said).toContain(kid);
    expect((await readMe(access)).status).toBe(401);
    const refreshed = await send(service, "/api/v1/auth/refresh", { body: { refresh_token: refresh } });
    expect(refreshed.status).toBe(200);
    const next = decodeProtectedHeader(String(refreshed.json.access_token)).kid;
    expect(next).not.toBe(kid);
    expect(await publishedKeys()).toContainEqual(expect.objectContaining({ kid: next }));
  });

  it("ends every session", async () => {
    const { access, refresh } = await logIn();
    expect((await readMe(access)).status).toBe(200);
    const ended = await run(endSessions, ["--volume", volume, "--all"]);
    expect(ended).toMatchObject({ code: 0, said: expect.stringContaining("Every session of 1 user has ended.") });
    expect((await readMe(access)).status).toBe(401);
    expect((await send(service, "/api/v1/auth/refresh", { body: { refresh_token: refresh } })).status).toBe(401);
  });

  it("imports users while others register: no request fails, and nothing is lost on either side", async () => {
    const file = join(container.volume(), "users.ndjson");
    const password = "an imported password";
    const person = (name: string, more: object) =>
      `${JSON.stringify({ email: `${name}@example.com`, username: name, is_verified: true, ...more })}\n`;
    const known = ["ida", "joe"].map((name) => person(name, { password_hash: hashSync(password, 10) }));
    const others = Array.from({ length: 3_000 }, (_, at) => person(`imported-${at}`, {}));
    writeFileSync(file, [...known, ...others].join(""));

    const importing = run(importUsers, [file, "--volume", volume]);
    const statuses: number[] = [];
    let isOver = false;
    const watched = importing.finally(() => {
      isOver = true;
    });
    for (let at = 0; !isOver; at++) {
      const body = { email: `registered-${at}@example.com`, username: `registered-${at}`, password: GRACE.password };
      const headers = { "X-Forwarded-For": `198.51.100.${at % 250}` };
      statuses.push((await send(service, "/api/v1/auth/register", { body, headers })).status);
    }
    const imported = await watched;
    expect(imported.complained).toBe("");
    expect(imported).toMatchObject({ code: 0, said: expect.stringContaining("3,002 users imported, 0 lines refused") });
    expect(new Set(statuses)).toEqual(new Set([202]));
    expect(await usernamesLike("registered-%")).toHaveLength(statuses.length);
    expect(await usernamesLike("imported-%")).toHaveLength(others.length);
    for (const name of ["ida", "joe"]) {
      const { access } = await logIn({ email: `${name}@example.com`, password });
      expect((await readMe(access)).json.username).toBe(name);
    }
    const again = await run(importUsers, [file, "--volume", volume]);
    expect(again.said).toContain("An earlier run had imported 3,002 users of these.");
  });

  it("refuses to rotate AUTH_SECRET, which is not in the database", async () => {
    const { code, complained } = await run(rotateSecret, ["--volume", volume, "--out", "new-secret.txt"]);
    expect({ code, complained }).toEqual({ code: 2, complained: expect.stringContaining("docs/container.md") });
  });

  it("passes on what SQLite says about a statement, and changes nothing of a batch that fails", async () => {
    const { DB, dispose } = await openD1({ remote: false, persistTo: undefined, volume }, ROOT);
    const batch = [DB.prepare("UPDATE users SET username = ? || id").bind("half-"), DB.prepare("SELECT absent")];
    await expect(DB.batch(batch)).rejects.toThrow("D1_ERROR: no such column: absent");
    await dispose();
    expect(await usernamesLike("half-%")).toEqual([]);
  });

  async function usernamesLike(pattern: string) {
    const { DB, dispose } = await openD1({ remote: false, persistTo: undefined, volume }, ROOT);
    const rows = await DB.prepare("SELECT username FROM users WHERE username LIKE ?").bind(pattern).raw();
    await dispose();
    return rows.flat();
  }

  it("shows the doctor the database of the service", async () => {
    const world = { ...makeTree(), openD1: (place: Place) => openD1(place, ROOT) };
    const flags = ["--url", `http://127.0.0.1:${service.port}`, "--volume"];
    expect((await examine("follow-ups", [...flags, volume], world)).lines).toEqual([expect.stringMatching(/^ok: /)]);
    const { lines } = await examine("signing-keys", [...flags, volume], world);
    expect(lines[0]).toMatch(/^ok: The newest signing key .* has signed for 0 days/);
    expect((await examine("signing-keys", [...flags, container.volume()], world)).lines).toEqual([
      expect.stringContaining("skipped: The database is not open."),
    ]);
    const [applied] = (await examine("migrations", [...flags, volume], world)).lines;
    expect(applied).toMatch(/^ok: All \d+ migrations are applied/);
    const [wrong] = (await examine("migrations", [...flags, container.volume()], world)).lines;
    expect(wrong).toMatch(/^failed: .*There is no database of Postern in .* → Start Postern on the volume/);
  });

  it.each([
    ["a folder that does not exist", () => join(volume, "nowhere"), "There is no database of Postern in"],
    ["a file", () => join(volume, "lock"), "There is no database of Postern in"],
    ["the folder of something else", () => container.volume(), "There is no database of Postern in"],
    ["the volume of a Postern that was never started", () => emptyVolume(), "Postern does not run on"],
  ])("refuses %s, and makes nothing there", async (_, folder, fault) => {
    const place = folder();
    const before = globSync(`${place}/**`);
    const { code, complained } = await run(endSessions, ["--all", "--volume", place]);
    expect({ code, complained }).toEqual({ code: 1, complained: expect.stringContaining(fault) });
    expect(globSync(`${place}/**`)).toEqual(before);
  });

  function emptyVolume(): string {
    const folder = container.volume();
    mkdirSync(join(folder, "d1"));
    return folder;
  }

  it("refuses while Postern is stopped, and while one of an earlier release runs", async () => {
    service.child.kill("SIGTERM");
    await service.ended;
    const stopped = await run(rotateKeys, ["--volume", volume]);
    expect({ code: stopped.code, complained: stopped.complained }).toEqual({
      code: 1,
      complained: expect.stringContaining("Start it, then run this again"),
    });

    const older = container.release();
    rmSync(join(older, "migrations", "0008_former-owners.sql"));
    const other = container.volume();
    service = await container.start(other, {}, older);
    const { code, complained } = await run(rotateKeys, ["--volume", other]);
    expect({ code, complained }).toEqual({
      code: 1,
      complained: expect.stringContaining("lacks the migration 0008_former-owners.sql"),
    });
  });
});
