/** A PostgreSQL server of a test's own, where Debian's package is installed: in a folder, reached by a socket in it alone. */
import { execFileSync } from "node:child_process";
import { chownSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where the package has the server's programs; `undefined` where it is not installed. */
export const POSTGRESQL = globSync("/usr/lib/postgresql/*/bin").at(-1);

export interface PostgreSql {
  /** What `psql` takes for a database. */
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

/** The server refuses to run as root: for root it runs as the user whom the package made for it. */
function ownerOf(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const [uid = 0, gid = 0] = ["-u", "-g"].map((which) => Number(execFileSync("id", [which, "postgres"])));
  chownSync(folder, uid, gid);
  return { uid, gid };
}
