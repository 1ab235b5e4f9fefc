/** What each client does to its own accounts until the service goes away. */
import * as z from "zod";
import type { SeededRandom } from "../measure/seeded-random.ts";
import { type Account, newAccount } from "./account.ts";
import { ask, NoAnswer } from "./client.ts";
import { type Command, chooseCommand, register, verify } from "./commands.ts";
import type { Lost } from "./examine.ts";

/** An account, and the command whose answer was lost, if there is one. */
export interface Kept {
  account: Account;
  lost?: Lost | undefined;
}

export interface Traffic {
  origin: string;
  /** An access token of a superuser. */
  operator: string;
  /** Whether the service is being killed. Its answers no longer count then, and clients send nothing more. */
  isKilled(): boolean;
  acknowledged(name: string): void;
  fault(text: string): void;
}

/** On average, one choice of an account in this many creates a new account. */
const REGISTERS_OF = 25;

const outbox = z.object({ items: z.array(z.object({ to: z.string(), text: z.string() })) });

/** A client with its own accounts. It sends one command at a time. */
export class Client {
  accounts: Kept[] = [];
  readonly #random: SeededRandom;
  readonly #name: string;
  #made = 0;

  constructor(name: string, random: SeededRandom) {
    this.#name = name;
    this.#random = random;
  }

  /** Sends commands until the service is gone. */
  async use(traffic: Traffic): Promise<void> {
    while (!traffic.isKilled()) {
      const kept = this.#choose();
      const command = await this.#next(kept.account, traffic).catch(ignoreSilence);
      if (command === undefined) continue;
      const sentAt = Date.now();
      const answer = await ask(traffic.origin, command.asked).catch(ignoreSilence);
      if (answer?.said === command.acknowledged) {
        kept.account = command.after(answer.body);
        traffic.acknowledged(command.name);
      } else if (traffic.isKilled()) {
        kept.lost = { command, sentAt };
      } else {
        // The state of the account is now unknown, so the client no longer uses it.
        this.accounts = this.accounts.filter((other) => other !== kept);
        const said = answer?.said ?? "nothing";
        traffic.fault(`${kept.account.username}: "${command.name}" was answered ${said}, not ${command.acknowledged}.`);
      }
    }
  }

  #choose(): Kept {
    const kept = this.accounts[this.#random.below(this.accounts.length)];
    if (kept !== undefined && this.#random.below(REGISTERS_OF) > 0) return kept;
    this.#made += 1;
    const made: Kept = { account: newAccount(`${this.#name}-${this.#made}`) };
    this.accounts.push(made);
    return made;
  }

  async #next(account: Account, traffic: Traffic): Promise<Command | undefined> {
    if (account.stage === "unknown") return register(account);
    if (account.stage === "verified" || this.#random.below(4) === 0) {
      return chooseCommand(account, this.#random, traffic.operator);
    }
    const token = await readLink(traffic.origin, account);
    if (token !== undefined) return verify(account, token);
    // The email may have been lost with the service: the local queues are in the memory of its process.
    if (this.#random.below(4) === 0) await requestLink(traffic.origin, account);
    return undefined;
  }
}

/** The token of the newest link to verify an address, if one has arrived. */
async function readLink(origin: string, { email }: Account): Promise<string | undefined> {
  const { body } = await ask(origin, { method: "GET", path: "/dev/outbox" });
  const { data } = outbox.safeParse(body);
  const texts = data?.items.filter(({ to }) => to === email).map(({ text }) => text) ?? [];
  return texts.flatMap((text) => /\/verify-email#token=([\w-]+)/.exec(text)?.[1] ?? [])[0];
}

async function requestLink(origin: string, { email }: Account): Promise<void> {
  await ask(origin, { path: "/api/v1/auth/resend-verification", body: { email } });
}

/** Turns a missing answer into `undefined`, and rethrows any other error. */
function ignoreSilence(error: unknown): undefined {
  if (!(error instanceof NoAnswer)) throw error;
}
