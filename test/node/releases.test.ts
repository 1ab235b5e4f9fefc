/**
 * Tests an upgrade and a rollback: runs the Workers of the stored release and of this tree in turn on the same storage.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createTestHarness } from "wrangler";
import { migrationsIn, storedRelease, unpackRelease } from "../releases/stored-release.ts";
import { eventually } from "../support/eventually.ts";
import { logIn, mailedToken, newPerson, type Person, post, readMe, refresh, register } from "./live-person.ts";
import { askShared, type Prepared } from "./live-service.ts";
import { TREE } from "./tree-files.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-releases-"));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));

/** The stored release and this tree, each with its Worker, its configuration and the migrations that it knows. */
const [previous, next] = [join(folder, "previous"), join(folder, "next")];
const known = Object.keys(storedRelease.migrations);
const pending = Object.keys(migrationsIn(TREE)).filter((name) => !known.includes(name));

beforeAll(async () => {
  unpackRelease(previous);
  const { bundle } = await askShared<Prepared>("prepared");
  cpSync(bundle, join(next, "worker"), { recursive: true });
  cpSync(join(TREE, "wrangler.toml"), join(next, "wrangler.toml"));
  cpSync(join(TREE, "migrations"), join(next, "migrations"), { recursive: true });
  for (const name of known) cpSync(join(TREE, "migrations", name), join(previous, "migrations", name));
  for (const tree of [previous, next]) cpSync(join(TREE, "public"), join(tree, "public"), { recursive: true });
});

/** A service on empty storage with the schema and the Worker of the stored release. */
async function startPrevious() {
  const optionsFor = (root: string, vars: Record<string, string> = {}) => ({
    root,
    workers: [
      {
        configPath: "wrangler.toml",
        prebuiltWorkerDir: "worker",
        vars: { ENVIRONMENT: "development", SCRYPT_LN: "4", SCRYPT_P: "1", ...vars },
        secrets: { AUTH_SECRET: "a-secret-for-tests-that-is-long-enough-to-pass" },
      },
    ],
  });
  const server = createTestHarness(optionsFor(previous));
  onTestFinished(() => server.close());
  const { origin } = (await server.listen()).url;
  let running = "";
  const service = {
    origin,
    /** Replaces the running Worker by that of a tree. The storage stays. */
    async deploy(tree: string) {
      if (tree !== running) await server.update(optionsFor(tree, { PUBLIC_URL: origin }));
      running = tree;
    },
    /** Applies the migrations that a tree knows. Afterwards the same Worker runs as before. */
    async migrate(tree: string) {
      const before = running;
      await service.deploy(tree);
      await server.getWorker().applyD1Migrations("DB");
      await service.deploy(before);
    },
    async makeAdmin({ email }: Person) {
      const { DB } = await server.getWorker<{ DB: D1Database }>().getEnv();
      await DB.prepare("UPDATE users SET role = 'admin' WHERE email = ?").bind(email).run();
    },
    runCron: () => server.getWorker().scheduled({ cron: "*/1 * * * *" }),
    /** The failures that were logged since the last call. */
    failures() {
      const lines = server.getLogs().map(({ message }) => message);
      server.clearLogs();
      return lines.filter((line) => /"event":"(failure|\w+_failed)"/.test(line));
    },
  };
  await service.deploy(previous);
  await service.migrate(previous);
  return service;
}

type Service = Awaited<ReturnType<typeof startPrevious>>;

const bearing = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

/** Registers, logs in, reads, refreshes, changes the address, lists the users and logs out; then the cron job runs. */
async function doMainJob({ origin, makeAdmin, runCron, failures }: Service): Promise<void> {
  const person = await register(origin);
  const { access_token, refresh_token } = await refresh(origin, (await logIn(origin, person)).refresh_token);
  expect((await readMe(origin, access_token)).status).toBe(200);

  const moved = { ...person, email: `new-${person.email}` };
  const wish = { email: moved.email, password: person.password };
  expect((await post(origin, "/api/v1/users/me/email", wish, access_token)).status).toBe(202);
  const token = await mailedToken(origin, moved.email, "confirm-email");
  expect((await post(origin, "/api/v1/auth/confirm-email", { token })).status).toBe(200);

  await makeAdmin(moved);
  const admin = await logIn(origin, moved);
  const list = await fetch(`${origin}/api/v1/users/`, bearing(admin.access_token));
  expect(list.status).toBe(200);
  expect(await list.text()).toContain(moved.email);

  expect((await post(origin, "/api/v1/auth/logout", { refresh_token })).status).toBe(204);
  expect((await readMe(origin, access_token)).status).toBe(401);
  expect(await runCron()).toMatchObject({ outcome: "ok" });
  expect(failures()).toEqual([]);
}

describe("the stored release", () => {
  it("does its main job on the schema of this tree, hands its users, sessions and links over to the next release, and takes those of the next one over in a rollback", async () => {
    const service = await startPrevious();
    const { origin } = service;
    const ada = await register(origin);
    const tokens = await logIn(origin, ada);
    const waiting = newPerson();
    expect((await post(origin, "/api/v1/auth/register", waiting)).status).toBe(202);
    const link = await mailedToken(origin, waiting.email);

    await service.migrate(next);
    await doMainJob(service);
    await service.deploy(next);
    expect((await readMe(origin, tokens.access_token)).status).toBe(200);
    const refreshed = await refresh(origin, tokens.refresh_token);
    expect((await post(origin, "/api/v1/auth/verify-email", { token: link })).status).toBe(200);
    const young = await logIn(origin, waiting);
    const bob = newPerson();
    expect((await post(origin, "/api/v1/auth/register", bob)).status).toBe(202);
    const younger = await mailedToken(origin, bob.email);
    await doMainJob(service);

    await service.deploy(previous);
    expect((await readMe(origin, refreshed.access_token)).status).toBe(200);
    await refresh(origin, refreshed.refresh_token);
    await refresh(origin, young.refresh_token);
    await logIn(origin, ada);
    expect((await post(origin, "/api/v1/auth/verify-email", { token: younger })).status).toBe(200);
    await logIn(origin, bob);
    await doMainJob(service);
  });
});

describe("this tree's Worker on the schema of the stored release", () => {
  it("answers as it should or with 503, and loses nothing until the migrations are applied soon after", async () => {
    const service = await startPrevious();
    const { origin } = service;
    const ada = await register(origin);
    const { access_token, refresh_token } = await logIn(origin, ada);
    await service.deploy(next);

    const bob = newPerson();
    const { email, password } = ada;
    const auth = (path: string, body: object) => post(origin, `/api/v1/auth/${path}`, body);
    const answers: [number, Response][] = [
      [202, await auth("register", bob)],
      [200, await auth("login", { email, password })],
      [200, await readMe(origin, access_token)],
      [200, await auth("refresh", { refresh_token })],
      [202, await auth("forgot-password", { email })],
      [202, await post(origin, "/api/v1/users/me/email", { email: `new-${email}`, password }, access_token)],
      [200, await fetch(`${origin}/.well-known/jwks.json`)],
    ];
    const refused = answers.filter(([expected, { status }]) => status !== expected);
    for (const [, answer] of refused) {
      expect([answer.status, answer.headers.has("Retry-After")]).toEqual([503, true]);
      expect(await answer.json()).toMatchObject({ code: "unavailable" });
    }
    expect(refused.length > 0, "a request needs a migration").toBe(pending.length > 0);
    const readiness = async () => (await fetch(`${origin}/health/ready`)).json();
    expect(await readiness()).toMatchObject({ pending_migrations: pending });
    await service.runCron();
    service.failures();

    await service.migrate(next);
    // The service repeats its previous answer for two seconds.
    await eventually(async () => expect(await readiness()).toMatchObject({ status: "ok" }));
    // Uses the same token again within its grace period, as after a lost response. The session must continue.
    await refresh(origin, refresh_token);
    await logIn(origin, ada);
    await register(origin, bob);
    await doMainJob(service);
  });
});
