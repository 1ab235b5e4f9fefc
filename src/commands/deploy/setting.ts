/** What every step of a deployment gets. */
import type { Random } from "../../platform/random.ts";
import type { Surroundings } from "../surroundings.ts";
import type { Wrangler } from "../wrangler.ts";
import type { Cloudflare } from "./cloudflare.ts";
import type { Deployment } from "./configuration.ts";
import type { DeploymentFile } from "./deployment-file.ts";
import { StepFailed } from "./step-failed.ts";

const WIDTH = 13;

/** What tests replace: requests to anything but Cloudflare's API, waiting, and randomness. */
export interface Outside {
  fetch(url: string, request?: RequestInit): Promise<Response>;
  pause(milliseconds: number): Promise<void>;
  random: Random;
}

export interface Setting {
  world: Surroundings;
  outside: Outside;
  environment: string;
  isDryRun: boolean;
  file: DeploymentFile;
  wrangler: Wrangler;
  cloudflare: Cloudflare;
  /** The id of the Cloudflare account. */
  account: string;
  /** The name of the Worker. */
  worker: string;
  /** What `wrangler.toml` and the operator's file say. */
  deployment: Deployment;
}

/** Shows what a slow step is doing, until `tell` replaces this line with the result. */
export function begin({ world }: Pick<Setting, "world">, step: string, text: string): void {
  if (world.isTerminal) world.show(`${step.padEnd(WIDTH)}${text}`);
}

/** Says in one line what a step has found or made. */
export function tell({ world }: Pick<Setting, "world">, step: string, text: string): void {
  if (world.stop.aborted) throw new StepFailed("Stopped.");
  if (world.isTerminal) world.show("");
  world.say(`${step.padEnd(WIDTH)}${text}\n`);
}
