import { execFileSync } from "node:child_process";
import { existsSync, globSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join, relative as relativePath } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AUTH_SECRET, emailedToken, hasPrograms, makeContainer, type Running, send } from "./container-service.ts";

const ADA = { email: "ada@example.com", username: "ada-lovelace", password: "correct horse battery staple" };

describe.skipIf(!hasPrograms)("the container, outside of Docker", () => {
  let container: Awaited<ReturnType<typeof makeContainer>>;
  let volume: string;
  let service: Running;
  beforeAll(async () => {
    container = await makeContainer();
    volume = container.volume();
    service = await container.start(volume);
  });
  afterAll(() => container?.remove());

  const logIn = async (at = service, headers = {}) =>
    send(at, "/api/v1/auth/login", { headers, body: { email: ADA.email, password: ADA.password } });

  it("registers a user, sends the link over SMTP to a private address, and logs the user in", async () => {
    expect(await send(service, "/api/v1/auth/register", { body: ADA })).toMatchObject({ status: 202 });
    const token = await emailedToken(ADA.email);
    expect(await send(service, "/api/v1/auth/verify-email", { body: { token } })).toMatchObject({ status: 200 });
    const { status, json } = await logIn();
    expect(status).toBe(200);
    expect(await send(service, "/api/v1/users/me", { bearer: String(json.access_token) })).toMatchObject({
      json: { email: ADA.email },
    });
  });

  it("takes the client's address and TLS only from the trusted proxy", async () => {
    const forged = { "CF-Connecting-IP": "6.6.6.6", "X-Forwarded-For": "6.6.6.6, 203.0.113.9, 127.0.0.1" };
    const { json } = await logIn(service, forged);
    const sessions = await send(service, "/api/v1/users/me/sessions", { bearer: String(json.access_token) });
    expect(sessions.json.items).toContainEqual(expect.objectContaining({ current: true, ip_address: "203.0.113.9" }));
    // This request comes from an address that is not the proxy. The service ignores its `X-Forwarded-Proto: https`.
    const stranger = await send(service, "/api/v1/users/me", { from: "127.0.0.2" });
    expect(stranger).toMatchObject({ status: 403, json: { code: "https_required" } });
  });

  it("serves static files as Cloudflare does, with their headers, types and ETag, without running the service", async () => {
    const file = await send(service, "/static/login.js");
    expect(file).toMatchObject({ status: 200 });
    expect(file.headers).toMatchObject({
      "content-type": expect.stringContaining("javascript"),
      "cache-control": "public, max-age=0, must-revalidate",
      "x-content-type-options": "nosniff",
    });
    const again = await send(service, "/static/login.js", { headers: { "If-None-Match": String(file.headers.etag) } });
    expect(again.status).toBe(304);
    expect((await send(service, "/login")).headers["x-request-id"]).toBeDefined();
    expect((await send(service, "/_headers")).status).toBe(404);
    expect(service.output()).not.toContain("/static/login.js");
  });

  it("refuses a second start on the same volume", async () => {
    const second = await container.refuse(volume);
    expect(second).toEqual({ code: 1, output: expect.stringContaining("Another Postern uses") });
  });

  it("finishes a request under way when it is stopped, and then ends with 0", async () => {
    const body = JSON.stringify({ email: ADA.email, password: ADA.password });
    const socket = connect(service.port, "127.0.0.1");
    const head = ["POST /api/v1/auth/login HTTP/1.1", "Host: auth.example.com", "X-Forwarded-Proto: https"];
    socket.write([...head, "Content-Type: application/json", `Content-Length: ${body.length}`, "", ""].join("\r\n"));
    socket.write(body.slice(0, 10));
    // Once this request is answered, the request on the socket is under way.
    await send(service, "/health");
    service.child.kill("SIGTERM");
    await pause(200);
    expect(service.child.exitCode).toBeNull();
    socket.write(body.slice(10));
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(await service.ended).toBe(0);
  });

  it("keeps users and sessions when it is killed and started again", async () => {
    service = await container.start(volume);
    const { json } = await logIn();
    service.child.kill("SIGKILL");
    await service.ended;
    service = await container.start(volume);
    const refreshed = await send(service, "/api/v1/auth/refresh", { body: { refresh_token: json.refresh_token } });
    expect(refreshed.status).toBe(200);
    expect(await send(service, "/api/v1/users/me", { bearer: String(json.access_token) })).toMatchObject({
      status: 200,
    });
  });

  it("backs up while it runs; the backup restores into an empty volume, where users log in again", async () => {
    const { json } = await logIn();
    const backup = join(container.volume(), "backup.sql");
    container.run("backup", volume, backup);
    const sql = readFileSync(backup, "utf8");
    expect(container.run("backup", volume)).toContain(ADA.email);
    expect(sql.startsWith("PRAGMA defer_foreign_keys=TRUE;\n")).toBe(true);
    expect(sql).not.toMatch(/^(BEGIN|COMMIT)|_cf_/m);

    const restored = container.volume();
    writeFileSync(`${backup}.cut`, sql.slice(0, sql.length / 2));
    expect(() => container.run("restore", restored, `${backup}.cut`)).toThrow("Nothing was restored");
    container.run("restore", restored, backup);
    expect(() => container.run("restore", restored, backup)).toThrow("has data already");
    const other = await container.start(restored);
    expect((await logIn(other)).status).toBe(200);
    const refreshed = await send(other, "/api/v1/auth/refresh", { body: { refresh_token: json.refresh_token } });
    expect(refreshed.status).toBe(401);
    other.child.kill("SIGTERM");
    await other.ended;
  });

  it("applies pending migrations before it serves, once, and none of a migration that fails", async () => {
    service.child.kill("SIGTERM");
    await service.ended;
    const next = container.release();
    const good = "CREATE TABLE additions (id text);";
    writeFileSync(join(next, "migrations", "9998_additions.sql"), good);
    writeFileSync(
      join(next, "migrations", "9999_broken.sql"),
      "CREATE TABLE half (id text);\nCREATE TABLE half (id text);",
    );
    const broken = await container.refuse(volume, {}, next);
    expect(broken.code).toBe(1);
    expect(broken.output).toContain("Applied the migration 9998_additions.sql.");
    expect(broken.output).toContain("table half already exists");

    rmSync(join(next, "migrations", "9999_broken.sql"));
    service = await container.start(volume, {}, next);
    expect(service.output()).not.toContain("Applied");
    expect((await logIn()).status).toBe(200);
    const [file = ""] = globSync(join(volume, "d1/*/*.sqlite")).filter((path) => !path.includes("metadata"));
    const database = new DatabaseSync(file, { readOnly: true });
    const names = database.prepare("SELECT name FROM sqlite_schema WHERE name IN ('additions', 'half')").all();
    database.close();
    expect(names).toEqual([{ name: "additions" }]);
  });

  it("deletes the files that objects without data leave, when it starts", async () => {
    service.child.kill("SIGTERM");
    await service.ended;
    const empty = join(volume, "objects", "RateLimiter", `${"0".repeat(64)}.sqlite`);
    const database = new DatabaseSync(empty);
    database.exec("PRAGMA page_size = 4096; CREATE TABLE passed (id); DROP TABLE passed; VACUUM");
    database.close();
    service = await container.start(volume);
    expect(existsSync(empty)).toBe(false);
    expect((await logIn()).status).toBe(200);
  });

  it("refuses to start with a wrong value, with the service's own message", async () => {
    const { code, output } = await container.refuse(container.volume(), { SESSION_MAX_DAYS: "never" });
    expect(code).not.toBe(0);
    expect(output).toContain("SESSION_MAX_DAYS takes a whole number from 1 to 365.");
  });

  it("refuses to start without the secret, and in production without a trusted proxy", async () => {
    for (const name of ["AUTH_SECRET", "TRUSTED_PROXY"]) {
      const { code, output } = await container.refuse(container.volume(), { [name]: "" });
      expect(code).not.toBe(0);
      expect(output).toContain(`${name} is missing.`);
    }
  });

  it("reads any variable from the file that NAME_FILE names, and refuses both at once", async () => {
    const folder = container.volume();
    const file = join(folder, "secret");
    // The file ends with a line ending of Windows.
    writeFileSync(file, `${AUTH_SECRET}\r\n`);
    const given = { AUTH_SECRET: "", AUTH_SECRET_FILE: file };
    const started = await container.start(join(folder, "data"), given);
    expect(started.output()).not.toContain(AUTH_SECRET);
    const passedOn = readFileSync(`/proc/${started.child.pid}/environ`, "utf8").split("\0");
    expect(passedOn).toContain(`AUTH_SECRET=${AUTH_SECRET}`);
    started.child.kill("SIGTERM");
    await started.ended;

    const refused = async (more: Record<string, string>) => (await container.refuse(container.volume(), more)).output;
    expect(await refused({ AUTH_SECRET_FILE: file })).toContain("Both AUTH_SECRET and AUTH_SECRET_FILE are set.");
    expect(await refused({ AUTH_SECRET: "", AUTH_SECRET_FILE: join(folder, "none") })).toContain("can't read");
    expect(await refused({ AUTH_SECRET: "", AUTH_SECRET_FILE: folder })).toContain("can't read");
    writeFileSync(file, "\r\n");
    expect(await refused(given)).toContain("which is empty");
    writeFileSync(file, Buffer.from(AUTH_SECRET, "utf16le"));
    expect(await refused(given)).toContain("which is not plain text");
    writeFileSync(file, "a".repeat(65_537));
    expect(await refused(given)).toContain("which is longer than 65536 bytes");
  });

  it("takes a relative DATA_DIRECTORY from the folder where it is started", async () => {
    const folder = container.volume();
    const relative = relativePath(process.cwd(), join(folder, "data"));
    const started = await container.start(relative);
    expect(await send(started, "/api/v1/auth/register", { body: ADA })).toMatchObject({ status: 202 });
    started.child.kill("SIGTERM");
    await started.ended;
    expect(container.run("backup", relative)).toContain(ADA.email);
  });

  it("says what to do if the volume can't be written", async () => {
    const folder = container.volume();
    writeFileSync(join(folder, "file"), "");
    const { code, output } = await container.refuse(join(folder, "file", "data"));
    expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining("Mount a volume there") });
  });

  describe.skipIf(!canMount())("on a full disk", () => {
    it("says that a backup could not be written, and leaves nothing that looks like one", () => {
      const disk = container.volume();
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=8k", "tmpfs", disk]);
      try {
        expect(() => container.run("backup", volume, join(disk, "backup.sql"))).toThrow("could not be written");
        expect(readdirSync(disk)).toEqual([]);
      } finally {
        execFileSync("umount", ["-l", disk]);
      }
    });

    it("refuses what it can't store, says why in the log, and goes on undamaged once there is space", async () => {
      const disk = container.volume();
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", disk]);
      try {
        const full = await container.start(disk);
        const filler = join(disk, "filler");
        execFileSync("sh", ["-c", 'dd if=/dev/zero of="$1" bs=4k 2>/dev/null || true', "sh", filler]);
        expect(await send(full, "/api/v1/auth/register", { body: ADA })).toMatchObject({ status: 503 });
        expect(full.output()).toContain("database or disk is full");
        rmSync(filler);
        expect(await send(full, "/api/v1/auth/register", { body: ADA })).toMatchObject({ status: 202 });
        full.child.kill("SIGTERM");
        await full.ended;
        for (const file of globSync(join(disk, "**/*.sqlite"))) {
          const database = new DatabaseSync(file);
          expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
          database.close();
        }
        execFileSync("sh", ["-c", 'dd if=/dev/zero of="$1" bs=4k 2>/dev/null || true', "sh", filler]);
        const refused = await container.refuse(disk);
        expect(refused).toEqual({ code: 1, output: expect.stringMatching(/is full or fails: .*Free space/) });
      } finally {
        execFileSync("umount", ["-l", disk]);
      }
    });
  });
});

function canMount(): boolean {
  try {
    const here = execFileSync("mktemp", ["-d"], { encoding: "utf8" }).trim();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", here], { stdio: "ignore" });
    execFileSync("umount", [here]);
    rmSync(here, { recursive: true });
    return true;
  } catch {
    return false;
  }
}
