/** Runs a Worker in a folder of its own, as docs/quick-start-worker.md describes it, beside two running Posterns. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { logIn, register } from "./live-person.ts";
import { makeClone, type Service } from "./live-service.ts";
import { freePort } from "./loopback.ts";
import { readBlocks } from "./markdown.ts";
import { TREE } from "./tree-files.ts";

const PAGE = "docs/quick-start-worker.md";
const lines = readBlocks(PAGE).flatMap(({ notRun, text }) =>
  notRun === "test/node/own-folder.test.ts runs it" ? [text.replaceAll("\\\n", "").trim()] : [],
);
const [ownLine = "", bothLine = ""] = lines;

const clone = makeClone();
/** The Worker's folder is next to the clone, as on the page. */
const notes = mkdtempSync(join(dirname(clone.folder), "postern-notes-"));
let other: Service;
let postern: Service;

beforeAll(async () => {
  await clone.addPackages();
  for (const { file, text } of readBlocks(PAGE)) {
    if (file === undefined) continue;
    const path = join(notes, file.replace(/^notes\//, ""));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  installPackages();
  // The other Postern starts first. In a registry that both share, it would own the name, and the Worker would call it.
  other = await clone.serve();
  postern = await clone.start([], await clone.migratedState(join(clone.folder, ".wrangler/state")));
});

afterAll(async () => {
  await clone.remove();
  rmSync(notes, { recursive: true, force: true });
});

/** Gives the Worker's folder links to the packages here, in place of `npm install`. */
function installPackages(): void {
  const packages = join(notes, "node_modules");
  mkdirSync(join(packages, ".bin"), { recursive: true });
  for (const name of ["hono", "jose", "wrangler", "node"])
    symlinkSync(join(TREE, "node_modules", name), join(packages, name));
  symlinkSync(clone.folder, join(packages, "postern"));
  symlinkSync("../wrangler/bin/wrangler.js", join(packages, ".bin/wrangler"));
  symlinkSync("../node/bin/node", join(packages, ".bin/node"));
  writeFileSync(join(notes, "package.json"), JSON.stringify({ name: basename(notes), private: true, type: "module" }));
}

/** Starts the Worker with a command of the page, on a free port. */
async function startNotes(line: string, ...more: string[]) {
  const port = await freePort();
  const here = line
    .replaceAll("../postern", `../${basename(clone.folder)}`)
    .replace("../notes", `../${basename(notes)}`)
    .replace("--port 8788", `--port ${port} --inspector-port 0`);
  const command = [here, ...more].join(" ");
  const { output, stop } = await clone.startLine(notes, command, "Ready on");
  return { origin: `http://localhost:${port}`, output, stop };
}

const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

describe("a Worker in a folder of its own", () => {
  it("has its lines on the page, and the versions that Postern itself uses", () => {
    const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
    const page = readFileSync(PAGE, "utf8");
    expect(page).toContain(`wrangler@${devDependencies.wrangler} node@${Number.parseInt(devDependencies.node, 10)}\n`);
    expect(page).toContain(/^compatibility_date = .*$/m.exec(readFileSync("wrangler.toml", "utf8"))?.[0]);
    expect(lines).toHaveLength(2);
  });

  it("is bound to the Postern whose registry it names, although another one runs", async () => {
    expect(postern.output()).toContain("Registry .wrangler/state/registry");
    const issuer = postern.origin;
    const worker = await startNotes(ownLine, "--var", `ISSUER:${issuer}`, "--var", `AUDIENCE:${issuer}`);
    const ours = await register(postern.origin);
    const { access_token: token } = await logIn(postern.origin, ours);
    expect((await fetch(`${worker.origin}/me`, bearer(token))).status).toBe(200);
    const payment = await fetch(`${worker.origin}/payments`, { method: "POST", ...bearer(token) });
    expect(await payment.json()).toEqual({ paid_by: ours.email });
    const { access_token: foreign } = await logIn(other.origin, await register(other.origin));
    expect((await fetch(`${worker.origin}/me`, bearer(foreign))).status).toBe(401);
    await worker.stop();
  });

  it("runs in one process with Postern, and passes its API on", async () => {
    const person = await register(postern.origin);
    await postern.stop();
    const source = join(notes, "src/index.ts");
    const [, passing = "?"] = /`(app\.all\([^`]+)`/.exec(readFileSync(PAGE, "utf8")) ?? [];
    writeFileSync(source, readFileSync(source, "utf8").replace("\nexport default", `\n${passing};\n\nexport default`));
    const worker = await startNotes(bothLine);
    const { access_token: token } = await logIn(worker.origin, person);
    expect((await fetch(`${worker.origin}/me`, bearer(token))).status).toBe(200);
    const payment = await fetch(`${worker.origin}/payments`, { method: "POST", ...bearer(token) });
    expect(await payment.json()).toEqual({ paid_by: person.email });
    await worker.stop();
  });
});
