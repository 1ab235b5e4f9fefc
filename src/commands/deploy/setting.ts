/** What the steps of a deployment work with. */
import type { Random } from "../../platform/random.ts";
import type { Surroundings } from "../surroundings.ts";
import type { Wrangler } from "../wrangler.ts";
import type { Cloudflare } from "./cloudflare.ts";
import type { Deployment } from "./configuration.ts";
import type { DeploymentFile } from "./deployment-file.ts";
import { StepFailed } from "./step-failed.ts";

/** The world beyond this machine, except Cloudflare's API. */
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

/** Says in one line what a step has found or made. */
export function tell({ world }: Pick<Setting, "world">, step: string, text: string): void {
  if (world.stop.aborted) throw new StepFailed("Stopped.");
  world.say(`${step.padEnd(13)}${text}\n`);
}
