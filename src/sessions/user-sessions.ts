/**
 * The UserSessions object: one per user, owning that user's sessions and the word on which of them
 * have ended. One turn at a time, so rotation and revocation never race.
 *
 * It alone writes the user's revocation record in KV, by its alarm, which comes back until the record
 * is there. It knows neither tokens nor configuration: numbers arrive with the calls.
 */
import { DurableObject } from "cloudflare:workers";
import type { LimitRule } from "../config/limit-rules.ts";
import { judgeAttempt, type LimitReading } from "../limits/gcra.ts";
import { systemClock } from "../platform/clock.ts";
import { RevocationCopy } from "./revocation-copy.ts";
import { type Device, type Session, type SessionOrigin, SessionRecords } from "./session-records.ts";

export type Rotation =
  | { outcome: "rotated"; generation: number; epoch: number; expiresAt: number; reading?: LimitReading }
  /** Too often in a short time: nothing has changed. */
  | { outcome: "limited"; reading: LimitReading }
  /** By the name of its device, or what that says of itself. */
  | { outcome: "reused"; device: string | null }
  | { outcome: "ended" };

/** Whose call it is to end sessions: a session by its access token, or by a refresh token's generation. */
export interface SessionProof {
  sessionId: string;
  generation?: number;
}

/** The configured numbers, in milliseconds but for the maximum. */
export interface SessionRules {
  /** The absolute lifetime of a session. */
  lifetime: number;
  /** How long a session lives that is not refreshed. */
  idleLifetime: number;
  /** For how long the previous refresh token gets the same successor again. */
  grace: number;
  /**
   * For how long an access token of an ended session may still be alive; and, since no login is under way for so
   * long, for how long no session is opened for a user who is no more.
   */
  refuseFor: number;
  /** How often a session may be refreshed; absent where nobody counts. */
  refreshes?: LimitRule;
  /** How many sessions a user has at most: beyond it the one that was used the longest ago ends. */
  maximum: number;
}

const USER_ID = "user_id";
/** Until when no session is opened, because the user is no more. */
const CLOSED_UNTIL = "closed_until";
/** Per session, the state of its limit of refreshes. */
const REFRESHES = "refreshes";
/** So many devices of a user are remembered. */
const MOST_DEVICES = 100;

/** A session that was opened, and whether the user's device was never seen before. */
export interface OpenedSession extends Session {
  isNewDevice: boolean;
}

export class UserSessions extends DurableObject<{ REVOCATIONS: KVNamespace }> {
  readonly #records: SessionRecords;
  readonly #copy: RevocationCopy;

  constructor(ctx: DurableObjectState, env: { REVOCATIONS: KVNamespace }) {
    super(ctx, env);
    this.#records = new SessionRecords(ctx.storage.sql);
    this.#copy = new RevocationCopy(ctx.storage.kv);
  }

  /** Opens a session, unless the user is no more. Its first refresh token has generation 1. */
  async create(
    userId: string,
    id: string,
    epoch: number,
    origin: SessionOrigin & { device: string },
    rules: SessionRules,
  ): Promise<OpenedSession | null> {
    const now = systemClock.now();
    if (this.#closedUntil > now) return null;
    this.#keepUserId(userId);
    const endsAt = now + rules.lifetime;
    const expiresAt = Math.min(endsAt, now + rules.idleLifetime);
    const times = { rotatedAt: now, createdAt: now, lastUsedAt: now, expiresAt, endsAt };
    const { device, ...seen } = origin;
    const session = { id, epoch, ...seen, generation: 1, ...times };
    this.#records.add(session);
    const isNewDevice = !this.#records.see(device, now, MOST_DEVICES);
    const surplus = this.#records.list(now).slice(rules.maximum);
    if (surplus.length > 0) await this.#end(surplus, now + rules.refuseFor);
    await this.#armFor(expiresAt);
    return { ...session, isNewDevice };
  }

  /**
   * Spends one generation for the next. Within the grace the previous generation gets the same
   * successor again; anything older means theft, and the session ends (RFC 9700 §4.14.2).
   */
  async rotate(proof: Required<SessionProof>, rules: SessionRules): Promise<Rotation> {
    const now = systemClock.now();
    const session = this.#records.find(proof.sessionId, now);
    if (session === undefined || proof.generation > session.generation) return { outcome: "ended" };
    const isCurrent = proof.generation === session.generation;
    if (!isCurrent && !isInGrace(session, proof.generation, rules.grace, now)) {
      await this.#end([session], now + rules.refuseFor);
      return { outcome: "reused", device: session.deviceName ?? session.userAgent };
    }
    const { epoch, expiresAt } = session;
    // Not counted: told to wait for longer than the grace, whoever repeats would come back as a thief.
    if (!isCurrent) return { outcome: "rotated", generation: session.generation, epoch, expiresAt };
    const reading = rules.refreshes && this.#countRefresh(session.id, rules.refreshes, now);
    if (reading?.allowed === false) return { outcome: "limited", reading };
    const told = reading === undefined ? {} : { reading };
    const generation = session.generation + 1;
    const extended = Math.min(session.endsAt, now + rules.idleLifetime);
    this.#records.advance(session.id, generation, now, extended);
    return { outcome: "rotated", generation, epoch, expiresAt: extended, ...told };
  }

  /** The epoch of a session that exists and has not ended, otherwise `null`. */
  async epochOf(sessionId: string): Promise<number | null> {
    return this.#records.find(sessionId, systemClock.now())?.epoch ?? null;
  }

  /** The live sessions, last used first. */
  async list(): Promise<Session[]> {
    return this.#records.list(systemClock.now());
  }

  /**
   * Ends a session; one that has ended already stays so. From now on it is refused here, and for as long
   * as an access token of it can still be alive the record in KV says so. `false` where there was none.
   */
  async end(sessionId: string, rules: SessionRules): Promise<boolean> {
    const now = systemClock.now();
    const session = this.#records.find(sessionId, now);
    if (session !== undefined) await this.#end([session], now + rules.refuseFor);
    return session !== undefined;
  }

  /** Takes a session along into the user's next epoch, before that begins. */
  async adopt(sessionId: string, epoch: number): Promise<void> {
    this.#records.adopt(sessionId, epoch);
  }

  /** Ends every session but one, where one is kept. */
  async endAllBut(kept: string | null, rules: SessionRules): Promise<void> {
    const now = systemClock.now();
    const others = this.#records.list(now).filter(({ id }) => id !== kept);
    if (others.length > 0) await this.#end(others, now + rules.refuseFor);
  }

  /**
   * Ends every session on the word of one of them. `false`, and nothing changes, where that one has
   * itself ended: a dead token ends nobody's sessions. A superseded refresh token ends its own alone.
   */
  async endAllBy(proof: SessionProof, rules: SessionRules): Promise<boolean> {
    const now = systemClock.now();
    const session = this.#records.find(proof.sessionId, now);
    if (session === undefined) return false;
    const { generation = session.generation } = proof;
    const isCurrent = generation === session.generation || isInGrace(session, generation, rules.grace, now);
    await this.#end(isCurrent ? this.#records.list(now) : [session], now + rules.refuseFor);
    return isCurrent;
  }

  /** The devices that the user logged in from, last used first. */
  async devices(): Promise<Device[]> {
    return this.#records.devices();
  }

  /**
   * From now on other Workers refuse access tokens that say another role, that of a login under way among them.
   * Sessions live on. Of two changes the one of the later `version` counts, whichever comes first.
   */
  async changeRole(userId: string, role: string, version: number, rules: SessionRules): Promise<void> {
    const now = systemClock.now();
    this.#keepUserId(userId);
    this.#copy.noteRole({ role, version, refusedUntil: now + rules.refuseFor });
    await this.#armFor(this.#copy.dueAt(now));
  }

  /** Ends every session and forgets every device. */
  async forgetAll(rules: SessionRules): Promise<void> {
    this.#records.forgetDevices();
    await this.endAllBut(null, rules);
  }

  /** As {@link forgetAll}; and for as long as a login may be under way, none opens a session any more. */
  async close(rules: SessionRules): Promise<void> {
    const closedUntil = systemClock.now() + rules.refuseFor;
    this.ctx.storage.kv.put(CLOSED_UNTIL, closedUntil);
    await this.forgetAll(rules);
    await this.#armFor(closedUntil);
  }

  /** Drops what has lapsed, copies revocations to KV, and comes back when there is more to do. */
  override async alarm(): Promise<void> {
    const now = systemClock.now();
    this.#records.dropLapsed(now);
    this.#copy.dropLapsed(now);
    if (this.#closedUntil <= now) this.ctx.storage.kv.delete(CLOSED_UNTIL);
    if (this.#copy.isBehind) await this.#copy.write(this.env.REVOCATIONS, this.#userId, this.#records.revoked(), now);

    const next = this.#copy.isBehind ? this.#copy.dueAt(now) : this.#nextLapse();
    if (next !== undefined) {
      await this.ctx.storage.setAlarm(next);
    } else {
      this.#records.forgetTables();
      await this.ctx.storage.deleteAll();
    }
  }

  /** Here and not in an object of its own, since a refresh that is refused must not have rotated. */
  #countRefresh(sessionId: string, rule: LimitRule, now: number): LimitReading {
    const kept = this.ctx.storage.kv.get<Record<string, number>>(REFRESHES) ?? {};
    const { reading, arrival } = judgeAttempt(kept[sessionId] ?? 0, rule, now);
    if (reading.allowed) {
      const others = Object.entries(kept).filter(([, until]) => until > now);
      this.ctx.storage.kv.put(REFRESHES, { ...Object.fromEntries(others), [sessionId]: arrival });
    }
    return reading;
  }

  async #end(sessions: Session[], refusedUntil: number): Promise<void> {
    for (const { id } of sessions) this.#records.end(id, refusedUntil);
    this.#copy.noteChange();
    await this.#armFor(this.#copy.dueAt(systemClock.now()));
  }

  #nextLapse(): number | undefined {
    const times = [
      this.#records.nextLapse(),
      this.#copy.roleUntil,
      this.ctx.storage.kv.get<number>(CLOSED_UNTIL),
    ].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** An alarm is not told the name of its object on every platform. */
  #keepUserId(userId: string): void {
    if (this.#userId !== userId) this.ctx.storage.kv.put(USER_ID, userId);
  }

  get #userId(): string {
    return this.ctx.storage.kv.get<string>(USER_ID) ?? "";
  }

  get #closedUntil(): number {
    return this.ctx.storage.kv.get<number>(CLOSED_UNTIL) ?? 0;
  }

  async #armFor(time: number): Promise<void> {
    const armed = await this.ctx.storage.getAlarm();
    if (armed === null || armed > time) await this.ctx.storage.setAlarm(time);
  }
}

function isInGrace(session: Session, generation: number, grace: number, now: number): boolean {
  return generation === session.generation - 1 && now - session.rotatedAt <= grace;
}
