/** The database on a container's volume, behind a socket that misbehaves. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { openVolume } from "../../src/commands/volume.ts";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "postern-volume-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(folder: string) {
  const { DB, dispose } = openVolume(folder);
  onTestFinished(dispose);
  return DB.prepare("SELECT 1 AS one");
}

/** Opens the database on a volume. `answer` answers on the volume's socket. */
async function openAnswered(answer: RequestListener) {
  const folder = makeFolder();
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(join(folder, "commands"), done));
  onTestFinished(() => void server.close());
  return open(folder);
}

describe.skipIf(process.platform !== "linux")("--volume", () => {
  it("names the folder that is not a volume, from where the operator stands", async () => {
    vi.stubEnv("INIT_CWD", undefined);
    onTestFinished(() => void vi.unstubAllEnvs());
    const folder = makeFolder();
    const path = relative(process.cwd(), folder);
    await expect(open(path).all()).rejects.toThrow(`There is no database of Postern in ${folder}. --volume takes`);
    expect(() => openVolume(join(path, "absent"))).toThrow(`There is no database of Postern in ${folder}/absent.`);
  });

  it("asks to start Postern where only its data is there", async () => {
    const folder = makeFolder();
    mkdirSync(join(folder, "d1"));
    await expect(open(folder).all()).rejects.toThrow(`Postern does not run on ${folder}. Start it, then`);
  });

  it("tells what SQLite says of a statement", async () => {
    const statement = await openAnswered((_, response) => {
      response.end(JSON.stringify({ success: false, error: "no such table: users: SQLITE_ERROR" }));
    });
    await expect(statement.all()).rejects.toThrow("D1_ERROR: no such table: users: SQLITE_ERROR");
  });

  it("reads no rows from an answer without any, and leaves other failures as they are", async () => {
    const statement = await openAnswered((_, response) => void response.end("[]"));
    expect(await statement.all()).toMatchObject({ success: true, results: [] });
    const cutOff = await openAnswered(({ socket }) => void socket.destroy());
    await expect(cutOff.all()).rejects.toThrow("socket hang up");
  });
});
