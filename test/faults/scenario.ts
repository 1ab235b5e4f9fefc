/** One request that a fault can hit, and what must hold afterwards. */
import { expect } from "vitest";
import type { AuditEventType } from "../../src/audit/event-types.ts";
import type { ErrorCode } from "../../src/http/problems.ts";
import { readMe, refresh, tryLogin } from "../support/account.ts";
import { appWith, expectProblem } from "../support/client.ts";
import type { Fault } from "../support/faults.ts";
import type { LoggedIn, Person } from "../support/people.ts";
import type { FaultyRequest } from "./send.ts";

export interface Scenario extends FaultyRequest {
  /** The usual answer, if it is no success. */
  refusal?: ErrorCode;
  /** Whether the answer begins before all of it is read, so that a fault can break it off. */
  isStreamed?: boolean;
  /** Whether each of its calls has a time limit of the service. Every outgoing fetch has one in any case. */
  hasTimeLimits?: boolean;
  /** Whether 503 is no problem document, but says by itself what does not answer. */
  hasOwnFailure?: boolean;
  /**
   * What the same request gets once its change is made, if not the normal answer again: what the client asks next then
   * succeeds, which `whenDone` does.
   */
  again?: ErrorCode;
  /** Whether the change is made. Absent if the request only reads, or can be repeated without end. */
  isDone?: () => Promise<boolean>;
  /** Whose row and sessions are exactly as before while the change is not made. */
  userId?: string;
  /** Holds once the change is made and its follow-ups are carried out. */
  whenDone?: (fault: Fault) => Promise<unknown>;
  /** Recorded exactly once with the change, which is one of D1. */
  event?: { type: AuditEventType; userId: string | (() => Promise<string>) };
  /** Whether a retry makes the change again. */
  repeats?: boolean;
  /** Whether the next such request makes up for what is lost with the isolate after the answer. */
  isMadeUpFor?: boolean;
  /** The kinds of emails that are queued then. */
  mails?: readonly string[];
  /** What the user's record in KV holds then. */
  revoked?: { userId: string; sessionId?: string; role?: string };
  /** What the user's object itself reports: the event, and the email with this subject to the owner. */
  reported?: { type: AuditEventType; subject: RegExp; userId: string; email: string };
}

/** Makes a scenario with people of its own. */
export type Prepare = () => Promise<Scenario>;

type Tokens = Pick<LoggedIn, "accessToken" | "refreshToken">;

/** Both tokens of a session are accepted. The refresh token is spent by that. */
export async function expectAlive({ accessToken, refreshToken }: Tokens): Promise<void> {
  expect((await readMe(accessToken)).status).toBe(200);
  expect((await refresh(refreshToken)).status).toBe(200);
}

export async function expectDead({ accessToken, refreshToken }: Tokens): Promise<void> {
  expectProblem(await readMe(accessToken), 401, "invalid_access_token");
  expectProblem(await refresh(refreshToken), 401, "invalid_refresh_token");
}

/** Without limits, which would cost most of the time. A scenario of its own asks whether faults lock anybody out. */
const send = appWith({ RATE_LIMITING: "off" });

export const expectLogin = async (person: Pick<Person, "email" | "password">) =>
  expect((await tryLogin(person, {}, send)).status).toBe(200);

export const expectNoLogin = async (
  person: Pick<Person, "email" | "password">,
  code: ErrorCode = "invalid_credentials",
) => expect((await tryLogin(person, {}, send)).json.code).toBe(code);
