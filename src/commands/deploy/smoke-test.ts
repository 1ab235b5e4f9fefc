/**
 * Does what users do at a deployed service: log in, refresh, log out. The account for this is written into the
 * database, as `admin:create` does, because no mailbox could receive a verification email. The last step deletes the
 * account over HTTP. If a step failed, the account is deleted from the database.
 */

import * as z from "zod";
import { NO_REQUEST } from "../../audit/event-types.ts";
import { anonymising, tellingSessions } from "../../followups/consequences.ts";
import { hashPassword, nativeEngine } from "../../passwords/scrypt.ts";
import { parseJson } from "../../platform/encoding.ts";
import { createId } from "../../platform/random.ts";
import { createDeletionStore } from "../../users/deletions.ts";
import { createProvisioningStore } from "../../users/provisioning.ts";
import { createRegistrationStore } from "../../users/registrations.ts";
import { NEW_USER } from "../../users/user.ts";
import type { Directory } from "../database.ts";
import { freshSecret } from "../dev-vars.ts";
import type { Outside } from "./setting.ts";
import { StepFailed } from "./step-failed.ts";

/**
 * An address that can't receive emails (RFC 6761, section 6.4), and Postern sends none to it. Every run uses the same
 * address, so that it can delete an account that an earlier run left behind.
 */
const ADDRESS = "deployment-check@postern.invalid";

/** The password is random, so its hash may be cheap. The first login replaces the hash, as it does after an import. */
const CHEAP = { ln: 4, r: 8, p: 1 };

const tokensSchema = z.object({ access_token: z.string(), refresh_token: z.string() });

interface Tested {
  /** The public address of the service. */
  origin: string;
  directory: Directory;
  outside: Outside;
}

/** Throws {@link StepFailed} with the step that failed. Leaves no account behind, whether it fails or not. */
export async function smokeTest(tested: Tested): Promise<void> {
  await deleteAccount(tested);
  const password = await addAccount(tested);
  try {
    await doMainJob(tested.origin, password, tested.outside);
  } finally {
    await deleteAccount(tested);
  }
}

async function addAccount({ directory: { db, now }, outside: { random } }: Tested): Promise<string> {
  const password = freshSecret(random);
  const identity = {
    id: createId(now, random),
    email: ADDRESS,
    // A new name each time, because the name of a deleted account stays reserved.
    username: `check-${createId(now, random).slice(-12)}`,
    passwordHash: hashPassword(password, CHEAP, random, nativeEngine),
  };
  const user = { ...NEW_USER, ...identity, isVerified: true, createdAt: now, updatedAt: now };
  const details = { source: "deployment check" };
  const event = { id: createId(now, random), type: "account_imported", occurredAt: now, details } as const;
  const [conflict] = await createProvisioningStore(db).add([{ user, event }], now, { replacesUnproved: true });
  if (conflict !== null) throw new StepFailed("Another deployment checks the service at this moment.");
  return password;
}

async function deleteAccount({ directory: { db, now }, outside: { random } }: Tested): Promise<void> {
  const { user } = await createRegistrationStore(db).findCandidates({ email: ADDRESS });
  if (user === undefined) return;
  const id = () => createId(now, random);
  const about = { ...NO_REQUEST, details: null };
  const consequences = {
    events: [{ id: id(), type: "account_deleted", occurredAt: now, actorId: user.id, userId: user.id, ...about }],
    // The cron trigger ends the account's sessions.
    followUps: [anonymising(user.id), tellingSessions(id(), { userId: user.id })],
    dueAt: now,
  } as const;
  await createDeletionStore(db).delete(user, user, { consequences, retiredUntil: now });
}

async function doMainJob(origin: string, password: string, outside: Pick<Outside, "fetch">): Promise<void> {
  const send = async (step: string, method: string, path: string, expected: number, body?: object, token?: string) => {
    const response = await outside.fetch(`${origin}/api/v1${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status !== expected) throw new StepFailed(describeFailure(step, method, path, response, text));
    return parseJson(text);
  };
  const credentials = { email: ADDRESS, password };

  const first = tokensSchema.parse(await send("log in", "POST", "/auth/login", 200, credentials));
  await send("read its own account", "GET", "/users/me", 200, undefined, first.access_token);
  const { refresh_token } = first;
  const next = tokensSchema.parse(await send("refresh", "POST", "/auth/refresh", 200, { refresh_token }));
  await send("log out", "POST", "/auth/logout", 204, {}, next.access_token);
  await send("be refused after logging out", "GET", "/users/me", 401, undefined, next.access_token);
  const last = tokensSchema.parse(await send("log in again", "POST", "/auth/login", 200, credentials));
  await send("delete the account", "DELETE", "/users/me", 204, { password }, last.access_token);
}

function describeFailure(step: string, method: string, path: string, response: Response, text: string): string {
  const id = response.headers.get("X-Request-Id");
  const found = id === null ? "" : `\nIts line in the logs has the request id ${id}.`;
  return `The deployed service failed to ${step}: ${method} /api/v1${path} answered ${response.status}: ${text.slice(0, 500)}${found}`;
}
