/**
 * The UserSessions object: one per user. It owns the user's sessions and is the authority on which of them have ended.
 * It handles one call at a time, so rotation and revocation never race.
 *
 * Only this object writes the user's revocation record in KV. Its alarm does so and retries until the write succeeds.
 * The object knows neither tokens nor configuration: the numbers are passed with each call.
 */
import { DurableObject } from "cloudflare:workers";
import { type CountingBindings, countInObject } from "../metrics/count-in-object.ts";
import { systemClock } from "../platform/clock.ts";
import { inLogContext } from "../platform/log-context.ts";
import { systemRandom } from "../platform/random.ts";
import { continueTrace } from "../platform/trace.ts";
import { RefreshLimit } from "./refresh-limit.ts";
import { RevocationCopy } from "./revocations.ts";
import type { OpenedSession, Rotation, SessionProof, SessionRules, UserState } from "./session-messages.ts";
import { type Device, type Session, type SessionOrigin, SessionRecords } from "./session-records.ts";
import { TokenLifetimes } from "./token-lifetimes.ts";

const USER_ID = "user_id";
/** Until when no session can be opened, because the user has been deleted. */
const CLOSED_UNTIL = "closed_until";
/** How many devices of a user are remembered. */
const MOST_DEVICES = 100;

interface ObjectBindings extends CountingBindings {
  REVOCATIONS: KVNamespace;
}

export class UserSessions extends DurableObject<ObjectBindings> {
  readonly #records: SessionRecords;
  readonly #refreshes: RefreshLimit;
  readonly #tokens: TokenLifetimes;
  readonly #copy: RevocationCopy;
  /**
   * The trace of the newest change that KV may not have yet. In memory alone: losing it costs a log line its trace id,
   * and storing it would cost every logout a row.
   */
  #cause: string | undefined;

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env);
    this.#records = new SessionRecords(ctx.storage.sql);
    this.#refreshes = new RefreshLimit(ctx.storage.kv);
    this.#tokens = new TokenLifetimes(ctx.storage.kv, this.#records.exist);
    this.#copy = new RevocationCopy(ctx.storage.kv);
  }

  /**
   * Opens a session with a new id; `null` if the user has been deleted. Its first refresh token has generation 1.
   * `device` is a digest of what the client says about itself.
   */
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
    this.#tokens.note(rules.refuseFor, now);
    const endsAt = now + rules.lifetime;
    const expiresAt = Math.min(endsAt, now + rules.idleLifetime);
    const times = { rotatedAt: now, createdAt: now, lastUsedAt: now, expiresAt, endsAt };
    const { device, ...seen } = origin;
    const session = { id, epoch, ...seen, generation: 1, ...times };
    this.#records.add(session);
    const isNewDevice = !this.#records.see(device, now, MOST_DEVICES);
    const surplus = this.#records.list(now).slice(rules.maximum);
    if (surplus.length > 0) await this.#end(surplus, rules, now);
    await this.#armFor(expiresAt);
    return { ...session, isNewDevice };
  }

  /**
   * Exchanges one generation for the next. During the grace period, the previous generation gets the same successor
   * again. Anything older means theft, and the session ends (RFC 9700 §4.14.2).
   */
  async rotate(proof: Required<SessionProof>, rules: SessionRules): Promise<Rotation> {
    const now = systemClock.now();
    const session = this.#records.find(proof.sessionId, now);
    if (session === undefined || proof.generation > session.generation) return { outcome: "ended" };
    const isCurrent = proof.generation === session.generation;
    if (!isCurrent && !isInGrace(session, proof.generation, rules.grace, now)) {
      await this.#end([session], rules, now);
      return { outcome: "reused", device: session.deviceName ?? session.userAgent };
    }
    this.#tokens.note(rules.refuseFor, now);
    const { epoch, expiresAt } = session;
    // Repeats are not counted. A limited client would wait longer than the grace period, and its next try would look
    // like theft.
    if (!isCurrent) return { outcome: "rotated", generation: session.generation, epoch, expiresAt };
    const reading = rules.refreshes && this.#refreshes.take(session.id, rules.refreshes, now);
    if (reading?.allowed === false) return { outcome: "limited", reading };
    const told = reading === undefined ? {} : { reading };
    const generation = session.generation + 1;
    const extended = Math.min(session.endsAt, now + rules.idleLifetime);
    this.#records.advance(session.id, generation, now, extended);
    return { outcome: "rotated", generation, epoch, expiresAt: extended, ...told };
  }

  /** The epoch of a live session, otherwise `null`. */
  async epochOf(sessionId: string): Promise<number | null> {
    return this.#records.find(sessionId, systemClock.now())?.epoch ?? null;
  }

  /** The live sessions, most recently used first. */
  async list(): Promise<Session[]> {
    return this.#records.list(systemClock.now());
  }

  /**
   * Ends a session. It is refused here from now on, and the record in KV lists it for as long as one of its access
   * tokens can still be valid. `false` if there was no such session.
   */
  async end(sessionId: string, rules: SessionRules): Promise<boolean> {
    const now = systemClock.now();
    const session = this.#records.find(sessionId, now);
    if (session !== undefined) await this.#end([session], rules, now);
    return session !== undefined;
  }

  /**
   * Follows a change of the user that D1 has made: ends the sessions of earlier epochs, except the kept one, and makes
   * other Workers refuse access tokens with another role. Calls can be repeated, and can arrive in the wrong order.
   */
  async align(userId: string, user: UserState, rules: SessionRules): Promise<void> {
    const now = systemClock.now();
    const { epoch, forgetsDevices, keptSessionId, role } = user;
    if (forgetsDevices) this.#records.forgetDevices();
    if (keptSessionId !== null) this.#records.adopt(keptSessionId, epoch);
    const earlier = this.#records.list(now).filter((session) => session.epoch < epoch);
    if (earlier.length > 0) await this.#end(earlier, rules, now);
    if (role === undefined) return;
    this.#keepUserId(userId);
    this.#cause = rules.traceparent;
    this.#copy.noteRole({ ...role, refusedUntil: this.#tokens.refusedUntil(rules.refuseFor, now) });
    await this.#armFor(this.#copy.dueAt(now));
  }

  /** Ends every session except `kept`, if that is given. Returns how many. */
  async endAllBut(kept: string | null, rules: SessionRules): Promise<number> {
    const now = systemClock.now();
    const others = this.#records.list(now).filter(({ id }) => id !== kept);
    if (others.length > 0) await this.#end(others, rules, now);
    return others.length;
  }

  /**
   * Ends every session at the request of one of them. `false`, and nothing changes, if that session has itself ended. A
   * superseded refresh token only ends its own session.
   */
  async endAllBy(proof: SessionProof, rules: SessionRules): Promise<boolean> {
    const now = systemClock.now();
    const session = this.#records.find(proof.sessionId, now);
    if (session === undefined) return false;
    const { generation = session.generation } = proof;
    const isCurrent = generation === session.generation || isInGrace(session, generation, rules.grace, now);
    await this.#end(isCurrent ? this.#records.list(now) : [session], rules, now);
    return isCurrent;
  }

  /** The devices that the user logged in from, most recently used first. */
  async devices(): Promise<Device[]> {
    return this.#records.devices();
  }

  /**
   * Ends every session and forgets every device of a deleted user. Opens no session for as long as a login may still be
   * in progress.
   */
  async close(rules: SessionRules): Promise<void> {
    const closedUntil = systemClock.now() + rules.refuseFor;
    this.ctx.storage.kv.put(CLOSED_UNTIL, closedUntil);
    this.#records.forgetDevices();
    await this.endAllBut(null, rules);
    await this.#armFor(closedUntil);
  }

  /** Deletes expired records, copies revocations to KV, and sets the next alarm if there is more to do. */
  override async alarm(): Promise<void> {
    const now = systemClock.now();
    this.#records.dropLapsed(now);
    this.#copy.dropLapsed(now);
    if (this.#closedUntil <= now) this.ctx.storage.kv.delete(CLOSED_UNTIL);
    if (this.#copy.isBehind) {
      await inLogContext({ trace: continueTrace(this.#cause, systemRandom) }, () => this.#copyRevocations(now));
    }

    const next = this.#copy.isBehind ? this.#copy.dueAt(now) : this.#nextLapse();
    if (next !== undefined) {
      await this.ctx.storage.setAlarm(next);
    } else {
      this.#records.forgetTables();
      await this.ctx.storage.deleteAll();
    }
  }

  async #copyRevocations(now: number): Promise<void> {
    const isCopied = await this.#copy.write(this.env.REVOCATIONS, this.#userId, this.#records.revoked(), now);
    const result = isCopied ? "ok" : "failed";
    this.ctx.waitUntil(countInObject(this.env, (meter) => meter.count("revocation_copies", { result })));
  }

  async #end(sessions: Session[], rules: SessionRules, now: number): Promise<void> {
    const refusedUntil = this.#tokens.refusedUntil(rules.refuseFor, now);
    for (const { id } of sessions) this.#records.end(id, refusedUntil);
    this.#cause = rules.traceparent;
    this.#copy.noteChange();
    await this.#armFor(this.#copy.dueAt(now));
  }

  #nextLapse(): number | undefined {
    const times = [
      this.#records.nextLapse(),
      this.#copy.roleUntil,
      this.ctx.storage.kv.get<number>(CLOSED_UNTIL),
    ].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Not every platform gives an alarm the name of its object, so the user id is stored. */
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
