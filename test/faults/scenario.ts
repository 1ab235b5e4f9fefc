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
  /** The code of the usual answer, if that is a refusal. */
  refusal?: ErrorCode;
  /** Whether the service still reads storage while it sends the answer, so that a fault can break the answer off. */
  isStreamed?: boolean;
  /** Whether the service sets a time limit for each of the calls. It always sets one for outgoing fetches. */
  hasTimeLimits?: boolean;
  /** Whether a 503 has the route's own body, which says what does not answer, instead of a problem document. */
  hasOwnFailure?: boolean;
  /**
   * The refusal that the same request gets once its change is made. Absent if it gets the usual answer again. After the
   * refusal, the client's next request succeeds, which `whenDone` checks.
   */
  again?: ErrorCode;
  /** Whether the change is made. Absent if the request only reads, or can be repeated any number of times. */
  isDone?: () => Promise<boolean>;
  /** The user whose row and sessions must be exactly as before if the change is not made. */
  userId?: string;
  /** Checks what must hold once the change is made and its follow-ups are carried out. */
  whenDone?: (fault: Fault) => Promise<unknown>;
  /** The event that must be recorded exactly once, together with the change in D1. */
  event?: { type: AuditEventType; userId: string | (() => Promise<string>) };
  /** Whether a retry makes the change again. */
  repeats?: boolean;
  /** Whether the next such request does the work after the answer, if that work was lost with the isolate. */
  isMadeUpFor?: boolean;
  /** The kinds of emails that are queued once the change is made. */
  mails?: readonly string[];
  /** What the user's record in KV holds once the change is made. */
  revoked?: { userId: string; sessionId?: string; role?: string };
  /** What the user's object itself reports: an event, and an email with this subject to the owner. */
  reported?: { type: AuditEventType; subject: RegExp; userId: string; email: string };
}

/** Makes a scenario with new people. */
export type Prepare = () => Promise<Scenario>;

type Tokens = Pick<LoggedIn, "accessToken" | "refreshToken">;

/** Expects that the service accepts both tokens of a session. Uses up the refresh token. */
export async function expectAlive({ accessToken, refreshToken }: Tokens): Promise<void> {
  expect((await readMe(accessToken)).status).toBe(200);
  expect((await refresh(refreshToken)).status).toBe(200);
}

export async function expectDead({ accessToken, refreshToken }: Tokens): Promise<void> {
  expectProblem(await readMe(accessToken), 401, "invalid_access_token");
  expectProblem(await refresh(refreshToken), 401, "invalid_refresh_token");
}

/** Without limits, which would take most of the time. Another scenario checks that faults don't lock users out. */
const send = appWith({ RATE_LIMITING: "off" });

export const expectLogin = async (person: Pick<Person, "email" | "password">) =>
  expect((await tryLogin(person, {}, send)).status).toBe(200);

export const expectNoLogin = async (
  person: Pick<Person, "email" | "password">,
  code: ErrorCode = "invalid_credentials",
) => expect((await tryLogin(person, {}, send)).json.code).toBe(code);
