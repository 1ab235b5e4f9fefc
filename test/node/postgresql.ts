/**
 * Starts a separate PostgreSQL server for a test, if Debian's package is installed. Its data and its only socket are in
 * a temporary folder.
 */
import { execFileSync } from "node:child_process";
import { chownSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The folder of the server's programs, or `undefined` if the package is not installed. */
export const POSTGRESQL = globSync("/usr/lib/postgresql/*/bin").at(-1);

interface PostgreSql {
  /** The database's URL for `psql`. */
  url: string;
  stop(): void;
}

export function startPostgreSql(programs: string): PostgreSql {
  const folder = mkdtempSync(join(tmpdir(), "postern-postgresql-"));
  const owner = ownerOf(folder);
  const run = (program: string, ...args: string[]) =>
    execFileSync(join(programs, program), ["-D", join(folder, "data"), ...args], {
      ...owner,
      cwd: folder,
      stdio: "ignore",
    });
  run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync");
  run("pg_ctl", "start", "--wait", "--log", join(folder, "log"), "--options", `-k ${folder} -c listen_addresses=`);
  return {
    url: `postgresql:///postgres?host=${encodeURIComponent(folder)}&user=postgres`,
    stop() {
      run("pg_ctl", "stop", "--mode=immediate");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The user `postgres` of the package if this process is root, because PostgreSQL refuses to run as root. */
function ownerOf(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const [uid = 0, gid = 0] = ["-u", "-g"].map((which) => Number(execFileSync("id", [which, "postgres"])));
  chownSync(folder, uid, gid);
  return { uid, gid };
}
