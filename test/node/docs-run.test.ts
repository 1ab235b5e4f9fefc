/**
 * What the documentation has its readers do, done: every page's files are written, and its commands run, one after the
 * other, in one clone beside one service. What may be left out, docs-pages.test.ts says.
 */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeClone, plainEnvironment, type Service } from "./live-service.ts";
import { PAGES, readBlocks } from "./markdown.ts";

const clone = makeClone();
let service: Service;

/** The answers that each page's commands print, in this order. A page with commands that is missing here fails. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  "README.md": [
    '{"status":"verification_required"}',
    '{"status":"verified"}',
    '"token_type":"Bearer"',
    '"email":"ada@example.com"',
    '"code":"invalid_access_token"',
  ],
  "docs/import.md": ["2 lines: 1 user imported, 1 line refused.", '"code":"unusable_hash"', '"username":"carol"'],
  // The last one: at its end Ada leaves.
  "docs/accounts.md": [
    '"first_name":"Ada"',
    '"current":true',
    '{"status":"confirmation_required"}',
    '{"status":"confirmed"}',
    '"type":"login_succeeded"',
    '"exported_at"',
    '{"status":"accepted"}',
    "204",
    '"username":"bob"',
    '"role":"moderator"',
    '"is_active":false',
    '"expires_at"',
    '{"status":"verified"}',
    '"old":"user","new":"moderator"',
  ],
};

beforeAll(async () => {
  for (const { file, text } of PAGES.flatMap(readBlocks)) {
    if (file === undefined) continue;
    mkdirSync(dirname(join(clone.folder, file)), { recursive: true });
    writeFileSync(join(clone.folder, file), text);
  }
  service = await clone.start();
});

afterAll(() => clone.remove());

/** What a page's commands print, pasted into one shell. Addresses are exchanged for those that the tests have. */
async function paste(page: string, addresses: Readonly<Record<string, string>> = {}): Promise<string> {
  let script = commandsOf(page).replaceAll(
    /npm run (admin:create|users:import) --/g,
    `npm run $1 -- --persist-to ${service.state}`,
  );
  for (const [written, real] of Object.entries({ "http://localhost:8787": service.origin, ...addresses })) {
    script = script.replaceAll(written, real);
  }
  const running = promisify(execFile)("bash", ["-e", "-c", script], {
    cwd: clone.folder,
    env: plainEnvironment(),
    timeout: 120_000,
  });
  return (await running).stdout;
}

function commandsOf(page: string): string {
  const blocks = readBlocks(page).filter(({ language, notRun }) => language === "sh" && notRun === undefined);
  return blocks.map(({ text }) => text).join("\n");
}

/** Fails where an answer is not in the output, behind the one before it. */
function expectPrinted(page: string, output: string): void {
  let position = 0;
  for (const answer of PRINTED[page] ?? []) {
    position = output.indexOf(answer, position);
    expect(position, `${answer} in\n${output}`).toBeGreaterThanOrEqual(0);
  }
}

describe("the documentation's commands", () => {
  it("are run by these tests, whatever page they are on", () => {
    expect(PAGES.filter((page) => commandsOf(page) !== "")).toEqual(Object.keys(PRINTED).sort());
  });

  it("do the main job when pasted", async () => {
    expectPrinted("README.md", await paste("README.md"));
  });

  it("bring users along", async () => {
    expectPrinted("docs/import.md", await paste("docs/import.md"));
  });

  it("look after accounts", async () => {
    expectPrinted("docs/accounts.md", await paste("docs/accounts.md"));
  });
});
