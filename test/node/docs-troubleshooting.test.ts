/** Checks that the messages in docs/troubleshooting.md are those that Postern and a browser print. */
import { existsSync, globSync } from "node:fs";
import { createServer } from "node:http";
import { afterAll, describe, expect, it } from "vitest";
import { PROBLEMS } from "../../src/http/problems.ts";
import { CHROMIUM, launchBrowser } from "./live-browser.ts";
import { useSharedService } from "./live-service.ts";
import { readPage } from "./markdown.ts";

const page = readPage("docs/troubleshooting.md");

/** Programs whose messages the page quotes. They can't be looked up in the sources. */
const OTHERS = ["Chromium", "Cloudflare", "D1", "Firefox", "curl", "wrangler"];

/** A quoted message, and the name of the program before it. */
interface Quote {
  text: string;
  by: string | undefined;
}

const rows = [...page.matchAll(/^\| (?!You see|-)(.+?) \| .+ \|$/gm)].map(([, cell = ""]) => cell);

function quotesIn(cell: string): Quote[] {
  return [...cell.matchAll(/(?:\*(\w+):\* )?(`+)(.+?)\2(?!`)/g)].map(([, by, , text = ""]) => ({ text, by }));
}

/** The text of the sources as it is printed: without line breaks and escapes, and with concatenated strings joined. */
const sources = globSync("src/**/*.{ts,cjs}")
  .map(readPage)
  .map((text) =>
    text
      .replaceAll(/["`] \+\s+["`]/g, "")
      .replaceAll("\\`", "`")
      .replaceAll(/\\n|\s+/g, " "),
  );

/** Whether one file has all parts of the message, in their order. */
function isPrinted(message: string): boolean {
  const parts = message.split("…").map((part) => part.trim());
  return sources.some((text) => {
    let position = 0;
    return parts.every((part) => {
      const found = text.indexOf(part, position);
      position = found + part.length;
      return found >= 0;
    });
  });
}

describe("the page of troubleshooting", () => {
  it("has at least ten messages for each reader", () => {
    for (const section of page.split(/^## /m).slice(1))
      expect(section.match(/^\| /gm)?.length ?? 0, section.slice(0, 20)).toBeGreaterThan(11);
  });

  it.each(rows)("quotes what is printed: %s", (cell) => {
    const quotes = quotesIn(cell);
    expect(quotes.length).toBeGreaterThan(0);
    const [, status] = /^(\d{3}) `/.exec(cell) ?? [];
    if (status !== undefined) {
      const [code, detail] = quotes;
      const problem = Object.entries(PROBLEMS).find(([name]) => name === code?.text)?.[1];
      expect({ status, detail: detail?.text }).toEqual({ status: String(problem?.status), detail: problem?.detail });
    }
    for (const { text, by } of quotes) {
      if (by !== undefined) expect(OTHERS).toContain(by);
      else {
        const [, event] = /^"event":"(\w+)"$/.exec(text) ?? [];
        expect(isPrinted(event === undefined ? text : `"${event}"`), text).toBe(true);
      }
    }
  });

  it("notices a message that nothing prints", () => {
    expect(isPrinted("Port … is taken: choose another one")).toBe(true);
    expect(isPrinted("Port … is gone: choose another one")).toBe(false);
  });
});

// This needs Debian's package of Chromium. Without it, the test is reported as skipped.
describe.skipIf(!existsSync(CHROMIUM))("a page of an origin that is not listed", () => {
  const service = useSharedService();
  const server = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("A page"));
  afterAll(() => server.close());

  it("is told by Chromium what the page quotes", async () => {
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const address = server.address();
    const browser = await launchBrowser();
    try {
      const visitor = await browser.newPage();
      const said: string[] = [];
      visitor.on("console", (message) => said.push(message.text()));
      await visitor.goto(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`);
      const ask = (path: string, init: string) =>
        visitor.evaluate(`fetch("${service.origin}${path}", ${init}).catch(String)`);
      const login = `{ method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }`;
      said.push(String(await ask("/api/v1/auth/login", login)));
      await ask("/.well-known/jwks.json", `{ credentials: "include" }`);
      const quoted = quotesIn(rows.join("\n")).filter(({ by, text }) => by === "Chromium" && !text.includes("x-foo"));
      expect(quoted).toHaveLength(3);
      for (const { text } of quoted) await expect.poll(() => said.join("\n")).toContain(text);
    } finally {
      await browser.close();
    }
  });
});
