/**
 * What the test files of a run share: a bundle with its assets, a migrated database, the built packages, and one
 * service. Each is made when the first file asks for it over HTTP (live-service.ts), so files that need nothing of this
 * don't wait. With `--shard`, each part makes its own.
 */
import { createServer } from "node:http";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type Clone, makeClone, type Prepared, type Service, SHARED_METRICS_TOKEN } from "./live-service.ts";
import { freePort } from "./loopback.ts";

interface Shared {
  clone: Clone;
  prepared: Promise<Prepared>;
  packages?: Promise<string>;
  service?: Promise<Service>;
}

/** Serves what test files share, and ends everything after the tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let shared: Shared | undefined;
  const make = () => {
    const clone = makeClone();
    const prepared = clone.prepare();
    // A failure is shown by each request that needs the result. Maybe none does.
    prepared.catch(() => {});
    return { clone, prepared };
  };
  const start = async ({ clone, prepared }: Shared) =>
    clone.serve(
      [
        ...["--var", "RATE_LIMITING:off", "--var", "EMAIL_LOGIN:on", "--var", "EMAIL_CODES:on"],
        ...["--var", `METRICS_TOKEN:${SHARED_METRICS_TOKEN}`],
      ],
      undefined,
      await prepared,
    );
  const build = async (clone: Clone) => {
    const { code, output } = await clone.run("build:packages");
    if (code !== 0) throw new Error(output);
    return join(clone.folder, "dist");
  };
  const find = async (url: string | undefined, all: Shared) => {
    if (url === "/prepared") return all.prepared;
    if (url === "/packages") {
      all.packages ??= build(all.clone);
      return all.packages;
    }
    all.service ??= start(all);
    const { origin, state } = await all.service;
    return { origin, state };
  };
  const end = async () => {
    await Promise.allSettled([shared?.prepared, shared?.packages]);
    await shared?.clone.remove();
    shared = undefined;
  };

  const server = createServer(async ({ url }, response) => {
    try {
      shared ??= make();
      response.end(JSON.stringify(await find(url, shared)));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  const port = await freePort();
  await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
  project.provide("shared", `http://127.0.0.1:${port}`);
  // Before a rerun, the sources have changed, so the bundle is out of date.
  project.onTestsRerun(end);
  return async () => {
    server.close();
    await end();
  };
}
