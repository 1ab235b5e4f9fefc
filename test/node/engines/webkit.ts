/**
 * Debian's webkit2gtk-driver, by plain WebDriver calls (W3C). It has the engine of Safari, but is not Safari itself.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import * as z from "zod";
import { freePort } from "../loopback.ts";
import { type Tab, untilThere } from "./tab.ts";

const DRIVER = "/usr/bin/WebKitWebDriver";
/** A virtual screen, from the package xvfb. The engine has no headless mode. */
const SCREEN = "/usr/bin/Xvfb";

export const HAS_WEBKIT = existsSync(DRIVER) && existsSync(SCREEN);

const START_MILLISECONDS = 60_000;
const answerSchema = z.object({ value: z.unknown() });
const sessionSchema = z.object({ sessionId: z.string() });
/** The key of an element in WebDriver's JSON is a constant of the standard. */
const elementSchema = z.record(z.string(), z.string());

/** Starts the engine with a profile of its own. */
export async function openWebKit(): Promise<Tab> {
  const ended: ChildProcess[] = [];
  const kill = () => {
    for (const child of ended) child.kill();
  };
  // If a run is interrupted, nothing else ends these processes.
  process.once("exit", kill);
  try {
    const screen = spawn(SCREEN, ["-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    ended.unshift(screen);
    const [display] = await once(screen.stdout, "data", { signal: AbortSignal.timeout(START_MILLISECONDS) });
    const port = await freePort();
    const env = { ...process.env, DISPLAY: `:${String(display).trim()}` };
    ended.unshift(spawn(DRIVER, [`--port=${port}`], { stdio: "ignore", env }));
    return await makeTab(`http://127.0.0.1:${port}`, () => {
      process.off("exit", kill);
      kill();
    });
  } catch (error) {
    kill();
    throw error;
  }
}

async function makeTab(driver: string, end: () => void): Promise<Tab> {
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`${driver}${path}`, { ...init, signal: AbortSignal.timeout(60_000) });
    const { value } = answerSchema.parse(await response.json());
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(value)}`);
    return value;
  };
  for (const late = Date.now() + START_MILLISECONDS; !(await ask("GET", "/status").catch(() => undefined)); ) {
    if (Date.now() > late) throw new Error("WebKitWebDriver does not answer.");
    await pause(50);
  }
  const capabilities = { alwaysMatch: { acceptInsecureCerts: true } };
  const { sessionId } = sessionSchema.parse(await ask("POST", "/session", { capabilities }));
  const at = (method: string, path: string, body?: object) => ask(method, `/session/${sessionId}${path}`, body);
  const find = async (selector: string) => {
    await untilThere(tab, selector);
    const found = elementSchema.parse(await at("POST", "/element", { using: "css selector", value: selector }));
    return `/element/${Object.values(found)[0]}`;
  };
  const tab: Tab = {
    complaints: [],
    open: async (url) => void (await at("POST", "/url", { url })),
    type: async (selector, text) => void (await at("POST", `${await find(selector)}/value`, { text })),
    click: async (selector) => void (await at("POST", `${await find(selector)}/click`, {})),
    async evaluate(expression) {
      const script = `const done = arguments[0];
        Promise.resolve(${expression}).then((value) => done(JSON.stringify(value ?? null)), (error) => done("!" + error));`;
      const text = String(await at("POST", "/execute/async", { script, args: [] }));
      if (text.startsWith("!")) throw new Error(text);
      return JSON.parse(text);
    },
    async close() {
      // Ends the browser, which would outlive the driver.
      await at("DELETE", "").finally(end);
    },
  };
  return tab;
}
