/** What `--remote` asks of Cloudflare, as far as a stand-in for its API can show it. */
import { execFile } from "node:child_process";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const TOKEN = "a-token-for-the-stand-in";
const ACCOUNT = "0123456789abcdef0123456789abcdef";

const asked: { path: string; authorization: string | undefined; body: string }[] = [];
let base = "";

/** Grants a preview session, and refuses the Worker: there is no network to reach it by. */
const api = createServer(async (request, response) => {
  const path = request.url ?? "";
  asked.push({ path, authorization: request.headers.authorization, body: await bodyOf(request) });
  const errors = [{ code: 12_345, message: "the stand-in takes no Worker" }];
  const [status, answer] = path.endsWith("/subdomain/edge-preview")
    ? [200, { success: true, errors: [], messages: [], result: { token: "a-session" } }]
    : path.endsWith("/subdomain")
      ? [200, { success: true, errors: [], messages: [], result: { subdomain: "example" } }]
      : [400, { success: false, errors, messages: [], result: null }];
  response.writeHead(Number(status), { "Content-Type": "application/json" }).end(JSON.stringify(answer));
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("latin1");
}

beforeAll(async () => {
  await new Promise<void>((done) => api.listen(0, "127.0.0.1", done));
  const address = api.address();
  base = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/client/v4`;
});
afterAll(() => {
  api.closeAllConnections();
  api.close();
});

describe("a command with --remote", () => {
  it("asks for a preview Worker of its own, bound to the database alone, and fails where it gets none", async () => {
    const script = join(import.meta.dirname, "../../src/commands/rotate-keys.ts");
    const env = {
      ...process.env,
      CLOUDFLARE_API_BASE_URL: base,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
      CI: "1",
    };
    const child = execFile(process.execPath, [script, "--remote"], { env });
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text: string) => output.push(text));
    const code = await new Promise((done) => child.once("close", done));
    expect(code, output.join("")).toBe(1);
    expect(output.join("")).toContain("Nothing is known to have changed.");
    expect(output.join("")).not.toContain(TOKEN);

    for (const { authorization } of asked) expect(authorization).toBe(`Bearer ${TOKEN}`);
    const upload = asked.find(({ path }) => path.includes("/workers/scripts/"));
    expect(upload?.path).toBe(`/client/v4/accounts/${ACCOUNT}/workers/scripts/postern-commands/edge-preview`);
    const [, metadata = "{}"] = /name="metadata"[^{]*(\{.*?\})\r\n/s.exec(upload?.body ?? "") ?? [];
    expect(JSON.parse(metadata).bindings).toEqual([expect.objectContaining({ name: "DB", type: "d1" })]);
  });
});
