import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rollBack } from "../../src/commands/rollback.ts";
import { makeTree } from "./stand-in.ts";

const [OLDEST, OLD, LIVE, CANARY] = ["0", "1", "2", "3"].map(
  (digit) => `${digit.repeat(8)}-0000-4000-8000-000000000000`,
);

/** A deployment, as `wrangler deployments list --json` shows it. */
const deployed = (day: number, versions: Record<string, number>, message?: string) => ({
  id: `deployment-${day}`,
  created_on: `2026-11-0${day}T10:00:00.123456Z`,
  annotations: { "workers/triggered_by": "upload", ...(message === undefined ? {} : { "workers/message": message }) },
  versions: Object.entries(versions).map(([version_id, percentage]) => ({ version_id, percentage })),
});

/** Oldest first, as wrangler lists them. The third is split between two versions. */
const HISTORY = [
  deployed(1, { [`${OLDEST}`]: 100 }),
  deployed(2, { [`${OLD}`]: 100 }, "release 0.2.0"),
  deployed(3, { [`${OLD}`]: 90, [`${LIVE}`]: 10 }),
  deployed(4, { [`${LIVE}`]: 100 }, "release 0.3.0"),
];

interface Cloudflare {
  history?: unknown;
  answers?: string[];
  /** The answers of the service's /health in order. The last one repeats. */
  health?: (number | Error | ReadableStream)[];
  /** The code that the stand-in for wrangler runs to deploy a version. */
  deploys?: string;
  migration?: string;
  publicUrl?: string;
  /** The message of the earlier version's upload. */
  uploadedAs?: string;
}

async function run(argv: string[], cloudflare: Cloudflare = {}) {
  const {
    history = HISTORY,
    answers = ["y"],
    health = [200],
    deploys = "",
    migration,
    uploadedAs,
    publicUrl = "https://auth.example.com",
  } = cloudflare;
  const version = JSON.stringify({ id: OLD, annotations: { "workers/message": uploadedAs } });
  const world = makeTree(
    `if (args[0] === "deployments") console.log(${JSON.stringify(JSON.stringify(history))});
     if (args[1] === "view") console.log(${JSON.stringify(version)});
     if (args[1] === "deploy") { ${deploys} }`,
    answers,
  );
  const toml = readFileSync("wrangler.toml", "utf8").replace('PUBLIC_URL = ""', `PUBLIC_URL = "${publicUrl}"`);
  writeFileSync(join(world.root, "wrangler.toml"), toml);
  mkdirSync(join(world.root, "deployments"));
  const staging = '[vars]\nPUBLIC_URL = "https://staging.example.com"\n';
  writeFileSync(join(world.root, "deployments", "staging.toml"), staging);
  mkdirSync(join(world.root, "migrations"));
  writeFileSync(join(world.root, "migrations", "0000_first.sql"), "CREATE TABLE users (id text);");
  if (migration !== undefined) writeFileSync(join(world.root, "migrations", "0001_less.sql"), migration);
  const asked: string[] = [];
  const fetchHealth = async (url: string) => {
    const answer = health[Math.min(asked.push(url), health.length) - 1];
    if (answer instanceof Error) throw answer;
    if (answer instanceof ReadableStream) return new Response(answer);
    return new Response('{"status":"ok","version":"0.2.0"}', { status: answer ?? 200 });
  };
  const code = await rollBack(argv, world, { fetch: fetchHealth, pause: async () => {} });
  const deployments = world.calls().filter(([, verb]) => verb === "deploy");
  return {
    code,
    said: world.said(),
    complained: world.complained(),
    deployments,
    asked,
    questions: world.asked,
    world,
  };
}

describe("npm run rollback", () => {
  it("shows both versions, asks, makes the one live that was live alone before, and checks the health of the service", async () => {
    const { code, said, deployments, asked, questions } = await run([]);
    expect(code).toBe(0);
    expect(said).toContain(`Live now      ${LIVE}  deployed 2026-11-04T10:00:00.123456Z  release 0.3.0\n`);
    expect(said).toContain(`Becomes live  ${OLD}  deployed 2026-11-02T10:00:00.123456Z  release 0.2.0\n`);
    expect(said).toContain("Every migration only adds, so every earlier version runs on it.");
    expect(questions).toEqual(["Roll back? [y/N] "]);
    expect(deployments).toEqual([
      expect.arrayContaining(["versions", "deploy", `${OLD}@100%`, "--yes", "--message", "Rollback"]),
    ]);
    expect(asked).toEqual(["https://auth.example.com/health"]);
    expect(said).toContain('https://auth.example.com/health answers 200 {"status":"ok","version":"0.2.0"}');
  });

  it("returns to the version that was live alone where the newest one takes a part of the requests", async () => {
    const history = [...HISTORY, deployed(5, { [`${LIVE}`]: 90, [`${CANARY}`]: 10 })];
    const { said, deployments } = await run(["--yes"], { history, answers: [] });
    expect(said).toContain(`Live now      ${CANARY}`);
    expect(deployments.flat()).toContain(`${LIVE}@100%`);
  });

  it("makes a named version live, even one that the newest deployments no longer hold", async () => {
    for (const id of [`${OLDEST}`, `${CANARY}`]) {
      const { code, deployments, questions } = await run(["--to", id, "--yes"]);
      expect([code, questions]).toEqual([0, []]);
      expect(deployments.flat()).toContain(`${id}@100%`);
    }
  });

  it("rolls another environment back, by the configuration that npm run deploy wrote for it", async () => {
    const { code, asked, complained, deployments } = await run(["--env", "staging", "--yes"], { health: [503] });
    expect([code, asked[0]]).toEqual([1, "https://staging.example.com/health"]);
    expect(deployments[0]?.at(-1)).toMatch(/\.wrangler\/deployments\/staging\.json$/);
    expect(complained).toContain(`npm run rollback -- --env staging --to ${LIVE}\n`);
  });

  it("asks again where the service begins to answer and breaks off, and says how to return", async () => {
    const cut = () => new ReadableStream({ pull: (controller) => controller.error(new Error("cut off")) });
    const { code, asked, complained } = await run(["--yes"], { health: Array.from({ length: 10 }, cut) });
    expect([code, asked.length]).toEqual([1, 10]);
    expect(complained).toMatch(/answers cut off\nTo return to the version before: npm run rollback/);
  });

  it("asks no health where the configuration has no address", async () => {
    const { code, said, asked } = await run(["--yes"], { publicUrl: "" });
    expect([code, asked]).toEqual([0, []]);
    expect(said).toContain("PUBLIC_URL is not in the configuration");
  });

  it.each([["n"], [""], [undefined]])("changes nothing where the answer is %j", async (answer) => {
    const { code, complained, deployments } = await run([], { answers: answer === undefined ? [] : [answer] });
    expect([code, complained, deployments]).toEqual([1, "Not rolled back. Nothing changed.\n", []]);
  });

  it.each([
    ["there is no version before", [], { history: [deployed(1, { [`${LIVE}`]: 100 })] }, "hold no other version"],
    ["nothing is deployed", [], { history: [] }, "This Worker has no deployment yet."],
    ["the version is live already", ["--to", `${LIVE}`], {}, `${LIVE} is live already.`],
    ["the environment was never deployed", ["--env", "elsewhere"], {}, "`npm run deploy -- --env elsewhere` makes it."],
    ["Cloudflare lists nothing", [], { history: "an error" }, "Cloudflare did not list the deployments."],
  ])("changes nothing and says why where %s", async (_, argv, cloudflare, words) => {
    const { code, complained, deployments } = await run(argv, cloudflare);
    expect([code, deployments]).toEqual([1, []]);
    expect(complained).toContain(words);
    expect(complained).toContain("Nothing changed.");
  });

  it("fails where Cloudflare refuses, shows its reason, and says what else there is", async () => {
    const deploys = 'console.error("The following secrets have changed: AUTH_SECRET [code: 10220]"); process.exit(1);';
    const { code, complained, asked } = await run([], { deploys });
    expect([code, asked]).toEqual([1, []]);
    expect(complained).toContain("AUTH_SECRET [code: 10220]");
    expect(complained).toContain("check out the\nearlier release and run `npm run deploy`");
  });

  it("waits until the service answers, and fails with the way back where it does not", async () => {
    const late = await run([], { health: [new Error("no answer"), 503, 200] });
    expect([late.code, late.asked.length]).toEqual([0, 3]);
    const never = await run([], { health: [503] });
    expect([never.code, never.asked.length]).toEqual([1, 10]);
    expect(never.complained).toContain(`npm run rollback -- --to ${LIVE}\n`);
  });

  describe("where a migration has removed something", () => {
    const migration = "-- Unused since 0.3.0: nothing reads it.\nALTER TABLE users DROP COLUMN phone;";

    it("refuses a version that still uses it", async () => {
      const { code, complained, deployments } = await run([], { migration, uploadedAs: "Postern 0.2.9" });
      expect([code, deployments]).toEqual([1, []]);
      expect(complained).toBe(
        "That version is release 0.2.9. 0001_less.sql removed what releases before 0.3.0 use. Nothing changed.\n",
      );
    });

    it("allows one that doesn't, and says from which release on where the version does not say", async () => {
      expect(await run([], { migration, uploadedAs: "Postern 0.3.0" })).toMatchObject({ code: 0 });
      const { code, said } = await run([], { migration });
      expect(code).toBe(0);
      expect(said).toContain("It suits releases from 0.3.0 on: make sure that it is release 0.3.0 or newer.");
    });
  });

  it.each([
    [["--to", "latest"], "--to takes the id of a version"],
    [["--force"], "--force"],
    [["--env", "My staging"], "--env takes"],
  ])("refuses the flags %j", async (argv, words) => {
    const { code, complained, world } = await run(argv);
    expect([code, world.calls()]).toEqual([2, []]);
    expect(complained).toContain(words);
    expect(complained).toContain("Usage: npm run rollback");
  });

  it("shows its usage", async () => {
    expect(await run(["--help"])).toMatchObject({ code: 0, said: expect.stringContaining("--to <version-id>") });
  });

  it("says what to do where the packages are not installed", async () => {
    const world = makeTree();
    expect(await rollBack([], world)).toBe(1);
    expect(world.complained()).toContain("npm ci");
  });
});
