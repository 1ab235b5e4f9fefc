/**
 * Carries out the follow-ups of a change in D1: emails, calls to users' objects, the removal of personal data. The
 * request that made the change carries them out at once. If that fails, or the isolate is lost, the cron job carries
 * them out. It retries emails and calls for about eight days, and the removal of personal data without end. Repeating a
 * follow-up does no harm.
 */
import * as z from "zod";
import type { AuditEventStore } from "../audit/event-store.ts";
import type { AuditDetails, AuditEventType, AuditOrigin } from "../audit/event-types.ts";
import {
  anonymising,
  type Consequences,
  type FollowUp,
  type KnownToD1,
  type SessionNews,
  tellingSessions,
} from "../followups/consequences.ts";
import type { FollowUpRow, FollowUpRows } from "../followups/follow-up-rows.ts";
import { type MailEvent, type MailQueue, mailRequest } from "../mail/requests.ts";
import type { AfterResponse } from "../platform/after-response.ts";
import { type Clock, MINUTE } from "../platform/clock.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { createId, type Random } from "../platform/random.ts";
import { doublingPause, retry } from "../platform/retry.ts";
import type { Sessions } from "../sessions/session-calls.ts";
import type { User } from "../users/user.ts";
import type { UserStore } from "../users/users.ts";

/** What a handler declares about a change before it makes the change. */
interface Plan {
  events: readonly PlannedEvent[];
  mails?: readonly MailEvent[];
  /** The id of a user who is being deleted. Their personal data must be removed from the events. */
  anonymises?: string;
  /** The user whose object must learn of a new session epoch, a new role, or the deletion of the user. */
  sessionsOf?: SessionNews;
}

interface PlannedEvent {
  type: AuditEventType | KnownToD1;
  actorId?: string | KnownToD1;
  userId?: string | KnownToD1;
  details?: AuditDetails;
}

const sessionsContent = z.object({ userId: z.string(), forgetsDevices: z.boolean(), changesRole: z.boolean() });
const anonymiseContent = z.object({ userId: z.string(), after: z.string().default("") });

/** The request gets this much time for its follow-ups. After that, the cron job takes them over. */
const REQUEST_TIME = 1 * MINUTE;
const LONGEST_PAUSE = 60 * MINUTE;
/**
 * After this many tries, in about eight days, the cron job gives up on a follow-up. By then an email is out of date. A
 * session that should have ended is refused anyway, because its epoch differs from the one in D1. Every access token
 * that the user's object could still revoke has expired. Only the removal of personal data is tried without end: it
 * succeeds at the latest when the events have been deleted.
 */
const MOST_TRIES = 200;
/** After a run of the cron job has taken follow-ups, no other run may take them for this long. */
const RUN_TIME = 5 * MINUTE;
/**
 * How many follow-ups a run of the cron job takes at once. One run does this up to `MOST_TIMES` times. A follow-up can
 * cost two statements, or three with `AUDIT_DB`. That makes at most 604 of the 1,000 statements that D1 allows in
 * one run of a Worker. The other tasks of the cron job can need about 300.
 */
const FOLLOW_UPS_AT_ONCE = 50;
const MOST_TIMES = 4;
/**
 * How many events one step anonymizes. If more events are left, the next step runs after the other follow-ups.
 */
const EVENTS_A_STEP = 1_000;

export type FollowUps = ReturnType<typeof createFollowUps>;

interface Parts {
  afterResponse: AfterResponse;
  auditEvents: AuditEventStore;
  clock: Clock;
  followUpRows: FollowUpRows;
  mail: MailQueue;
  random: Random;
  sessions: Sessions;
  users: UserStore;
}

export function createFollowUps(parts: Parts, origin: AuditOrigin) {
  const { afterResponse, auditEvents, clock, followUpRows, mail, random, sessions, users } = parts;

  /** `user` is the user after the change. Without it, a `sessions` follow-up reads the user from D1. */
  async function perform({ id, kind, content }: FollowUp, user?: User): Promise<"done" | "goes on"> {
    switch (kind) {
      case "mail":
        await mail.enqueue(mailRequest.parse(content));
        return "done";
      case "sessions": {
        const { userId, ...change } = sessionsContent.parse(content);
        const owner = user ?? (await users.find(userId));
        await (owner === undefined ? sessions.close(userId) : sessions.align(owner, change));
        return "done";
      }
      case "anonymise": {
        const { userId, after } = anonymiseContent.parse(content);
        const last = await auditEvents.anonymise(userId, after, EVENTS_A_STEP);
        if (last === undefined) return "done";
        await followUpRows.update(id, { content: JSON.stringify({ userId, after: last }), dueAt: clock.now() });
        return "goes on";
      }
      default:
        // A newer release has stored this follow-up before a rollback to this release.
        throw new Error(`Unknown kind of follow-up: ${kind satisfies never}.`);
    }
  }

  /**
   * Carries out follow-ups and returns the ids of those that are done. Logs each failure; the cron job then tries that
   * follow-up again. `trying` decides how often to try each follow-up now.
   */
  async function performAll(all: readonly FollowUp[], user: User | undefined, trying = retry): Promise<string[]> {
    const done = await Promise.all(
      all.map(async (followUp) => {
        try {
          return (await trying(() => perform(followUp, user))) === "done" ? [followUp.id] : [];
        } catch (error) {
          const fields = { follow_up: followUp.kind, follow_up_id: followUp.id, error: describeError(error) };
          writeLog("error", { event: "follow_up_failed", ...fields });
          return [];
        }
      }),
    );
    return done.flat();
  }

  /**
   * Carries out a follow-up that a request has left undone. After a failure, postpones the follow-up or gives it up.
   * Returns whether the follow-up needs more steps.
   */
  async function retryLeft({ id, kind, content, failures }: FollowUpRow): Promise<boolean> {
    try {
      const outcome = await perform({ id, kind, content: JSON.parse(content) });
      if (outcome === "done") await followUpRows.delete([id]);
      return outcome === "goes on";
    } catch (error) {
      const attempts = failures + 1;
      const isGivenUp = attempts >= MOST_TRIES && kind !== "anonymise";
      const dueAt = clock.now() + doublingPause(attempts, MINUTE, LONGEST_PAUSE);
      await (isGivenUp ? followUpRows.delete([id]) : followUpRows.update(id, { failures: attempts, dueAt }));
      const event = isGivenUp ? "follow_up_given_up" : "follow_up_failed";
      writeLog("error", { event, follow_up: kind, follow_up_id: id, attempts, error: describeError(error) });
      return false;
    }
  }

  return {
    /** Makes the consequences of a change, which must be stored in the batch of the change. */
    of({ events, mails = [], anonymises, sessionsOf }: Plan): Consequences {
      const now = clock.now();
      const newId = () => createId(now, random);
      return {
        events: events.map(({ type, actorId = null, userId: concerned = null, details = null }) => ({
          ...{ id: newId(), occurredAt: now, type, actorId, userId: concerned, details },
          ...origin,
        })),
        followUps: [
          ...mails
            .map((event) => mail.requestOf(event))
            .map((content) => ({ id: content.id, kind: "mail", content }) as const),
          ...(anonymises === undefined ? [] : [anonymising(anonymises)]),
          ...(sessionsOf === undefined ? [] : [tellingSessions(newId(), sessionsOf)]),
        ],
        dueAt: now + REQUEST_TIME,
      };
    },

    /**
     * Carries out the follow-ups that were stored with a change. Never throws. Resolves once the user's object has been
     * called; the other follow-ups run after the response. `user` is the user after the change. Without it, the user is
     * read from D1; if the user was deleted, their object ends all sessions.
     */
    async carryOut({ followUps: all }: Consequences, user?: User): Promise<void> {
      const forSessions = all.filter(({ kind }) => kind === "sessions");
      const told = await performAll(forSessions, user, (attempt) => attempt());
      const left = all.filter(({ id }) => !told.includes(id));
      if (all.length > 0)
        afterResponse.add(async () => followUpRows.delete([...told, ...(await performAll(left, user))]));
    },

    /** Carries out the follow-ups that requests have left undone. */
    async carryOutLeft(): Promise<void> {
      for (let times = 0; times < MOST_TIMES; times++) {
        const now = clock.now();
        const taken = await followUpRows.take(now, now + RUN_TIME, FOLLOW_UPS_AT_ONCE);
        const goOn = await Promise.all(taken.map(retryLeft));
        if (taken.length < FOLLOW_UPS_AT_ONCE && !goOn.includes(true)) return;
      }
    },
  };
}
