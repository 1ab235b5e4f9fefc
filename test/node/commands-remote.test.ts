/** The calls that `--remote` makes to Cloudflare, as far as a stand-in for its API can show them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ACCOUNT, TOKEN } from "./cloudflare-stand-in.ts";
import { AS_SCRIPT, runProgram } from "./run-program.ts";

const [OLD, LIVE] = ["1", "2"].map((digit) => `${digit.repeat(8)}-0000-4000-8000-000000000000`);

const asked: { method: string | undefined; path: string; authorization: string | undefined; body: string }[] = [];
let base = "";

const deployed = (day: number, version: string | undefined) => ({
  ...{ id: `deployment-${day}`, source: "wrangler", strategy: "percentage", author_email: "ada@example.com" },
  ...{ created_on: `2026-11-0${day}T10:00:00.123456Z`, versions: [{ version_id: version, percentage: 100 }] },
});

/** Answers that replace those below, by the method and the end of the path. */
let answers: Record<string, [number, object]> = {};
const succeed = (result: object): [number, object] => [200, { success: true, errors: [], messages: [], result }];

/** Grants a preview session, and refuses the upload of the Worker, because no network would reach that Worker. */
const api = createServer(async (request, response) => {
  const { method, url: path = "", headers } = request;
  asked.push({
    ...{ method, path, authorization: headers.authorization },
    body: (await buffer(request)).toString("latin1"),
  });
  const [, prepared] = Object.entries(answers).find(([end]) => `${method} ${path}`.endsWith(end)) ?? [];
  if (prepared !== undefined) {
    response.writeHead(prepared[0], { "Content-Type": "application/json" }).end(JSON.stringify(prepared[1]));
    return;
  }
  const errors = [{ code: 12_345, message: "the stand-in takes no Worker" }];
  const [status, answer] = path.endsWith("/subdomain/edge-preview")
    ? [200, { success: true, errors: [], messages: [], result: { token: "a-session" } }]
    : path.endsWith("/subdomain")
      ? [200, { success: true, errors: [], messages: [], result: { subdomain: "example" } }]
      : [400, { success: false, errors, messages: [], result: null }];
  response.writeHead(Number(status), { "Content-Type": "application/json" }).end(JSON.stringify(answer));
});

beforeAll(async () => {
  await new Promise<void>((done) => api.listen(0, "127.0.0.1", done));
  const address = api.address();
  base = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/client/v4`;
});
afterAll(() => {
  api.closeAllConnections();
  api.close();
});

const commands = join(import.meta.dirname, "../../src/commands");

function run(args: string[]) {
  asked.length = 0;
  const env = {
    ...process.env,
    CLOUDFLARE_API_BASE_URL: base,
    CLOUDFLARE_API_TOKEN: TOKEN,
    CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
    CI: "1",
  };
  return runProgram(process.execPath, [...AS_SCRIPT, ...args], { env });
}

/** The bindings of the uploaded Worker, and the path of the upload. */
function uploaded() {
  const upload = asked.find(({ path }) => path.includes("/workers/scripts/"));
  const [, metadata = "{}"] = /name="metadata"[^{]*(\{.*?\})\r\n/s.exec(upload?.body ?? "") ?? [];
  return { path: upload?.path, bindings: JSON.parse(metadata).bindings };
}

describe("a command with --remote", () => {
  it("asks Cloudflare for nothing where no file has the id of the database, and says what writes it there", async () => {
    const { code, output } = await run([join(commands, "rotate-keys.ts"), "--remote"]);
    expect(code, output).toBe(1);
    expect(output).toContain("Neither deployments/production.toml nor wrangler.toml has the id of the database");
    expect(asked).toEqual([]);
  });

  it("asks for a preview Worker of its own, bound to the deployed database alone, and fails where it gets none", async () => {
    const root = mkdtempSync(join(tmpdir(), "postern-remote-"));
    const [deployed, preview] = ["1", "2"].map((digit) => `${digit.repeat(8)}-0000-4000-8000-000000000000`);
    const worker = readFileSync(join(commands, "../../wrangler.toml"), "utf8");
    const ids = `database_id = "${deployed}"\npreview_database_id = "${preview}"`;
    writeFileSync(join(root, "wrangler.toml"), worker.replace(/^database_id = "[0-]+"/m, ids));
    const call = `await (await import(process.argv[1])).openD1({ remote: true }, process.argv[2])`;
    const words = ["--input-type=module", "--eval", call, pathToFileURL(join(commands, "d1.ts")).href, root];
    const { code, output } = await run(words);
    expect(code, output).not.toBe(0);
    expect(output).not.toContain(TOKEN);
    for (const { authorization } of asked) expect(authorization).toBe(`Bearer ${TOKEN}`);
    const { path, bindings } = uploaded();
    expect(path).toBe(`/client/v4/accounts/${ACCOUNT}/workers/scripts/postern-commands/edge-preview`);
    expect(bindings).toEqual([expect.objectContaining({ name: "DB", type: "d1", id: deployed })]);
    rmSync(root, { recursive: true });
  });

  it("means the environment that is named, and production's own file where none is", async () => {
    const root = mkdtempSync(join(tmpdir(), "postern-remote-"));
    const id = (digit: number) => `${String(digit).repeat(8)}-0000-4000-8000-000000000000`;
    const worker = readFileSync(join(commands, "../../wrangler.toml"), "utf8");
    writeFileSync(join(root, "wrangler.toml"), worker.replace("00000000-0000-0000-0000-000000000000", id(1)));
    mkdirSync(join(root, "deployments"));
    const own = (digit: number) => `[[d1_databases]]\nbinding = "DB"\ndatabase_id = "${id(digit)}"\n`;
    writeFileSync(join(root, "deployments/staging.toml"), own(2));
    const call = `await (await import(process.argv[1])).openD1(JSON.parse(process.argv[3]), process.argv[2])`;
    const open = async (place: object) => {
      const words = [pathToFileURL(join(commands, "d1.ts")).href, root, JSON.stringify({ remote: true, ...place })];
      await run(["--input-type=module", "--eval", call, ...words]);
      return uploaded();
    };
    const staging = await open({ environment: "staging" });
    expect(staging.bindings).toEqual([expect.objectContaining({ name: "DB", id: id(2) })]);
    expect(staging.path).toContain("/postern-staging-commands/");
    expect((await open({})).bindings).toEqual([expect.objectContaining({ id: id(1) })]);
    writeFileSync(join(root, "deployments/production.toml"), own(3));
    expect((await open({})).bindings).toEqual([expect.objectContaining({ id: id(3) })]);
    rmSync(root, { recursive: true });
  });

  it("takes the name of an environment only with --remote, and only one that it can have", async () => {
    const command = join(commands, "rotate-keys.ts");
    expect(await run([command, "--env", "staging"])).toMatchObject({ code: 2 });
    const { code, output } = await run([command, "--remote", "--env", "Staging"]);
    expect(code).toBe(2);
    expect(output).toContain("--env takes up to 20 lower-case letters");
    expect(asked).toEqual([]);
  });
});

describe("npm run rollback", () => {
  const version = {
    ...{ id: OLD, number: 1, annotations: {}, resources: { bindings: [], script: {}, script_runtime: {} } },
    metadata: { created_on: "2026-11-01T10:00:00.123456Z", source: "wrangler", author_email: "ada@example.com" },
  };
  const scripts = `/accounts/${ACCOUNT}/workers/scripts/postern`;
  const rollBack = (post: [number, object]) => {
    answers = {
      [`GET /client/v4${scripts}/deployments`]: succeed({ deployments: [deployed(2, LIVE), deployed(1, OLD)] }),
      [`GET /client/v4${scripts}/versions/${OLD}`]: succeed(version),
      [`GET /client/v4${scripts}/versions/${LIVE}`]: succeed({ ...version, id: LIVE }),
      [`POST /client/v4${scripts}/deployments`]: post,
      [`PATCH /client/v4${scripts}/script-settings`]: succeed({}),
    };
    onTestFinished(() => {
      answers = {};
    });
    return run([join(commands, "rollback.ts"), "--yes"]);
  };
  const posted = () => asked.filter(({ method }) => method === "POST");

  it("has wrangler give all requests to the version before", async () => {
    const { code, output } = await rollBack(succeed({ id: "deployment-3" }));
    expect(code, output).toBe(0);
    expect(output).toContain(`${OLD} is live.`);
    expect(posted().map(({ path }) => path)).toEqual([`/client/v4${scripts}/deployments`]);
    expect(JSON.parse(posted()[0]?.body ?? "")).toMatchObject({
      strategy: "percentage",
      versions: [{ version_id: OLD, percentage: 100 }],
      annotations: { "workers/message": "Rollback" },
    });
  });

  it("does not insist where Cloudflare refuses because a secret has changed", async () => {
    const errors = [{ code: 10_220, message: "The following secrets have changed: AUTH_SECRET" }];
    const { code, output } = await rollBack([400, { success: false, errors, messages: [], result: null }]);
    expect(code, output).toBe(1);
    expect(posted().map(({ path }) => path)).toEqual([`/client/v4${scripts}/deployments`]);
    expect(output).toContain("The following secrets have changed: AUTH_SECRET");
    expect(output).toContain("Cloudflare did not confirm the rollback.");
  });
});
