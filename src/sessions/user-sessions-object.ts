/**
 * The UserSessions object: one per user. It owns the user's sessions and is the authority on which of them have ended.
 * It handles one call at a time, so rotation and revocation never race.
 *
 * Only this object writes the user's revocation record in KV, and only it reports a reused refresh token. Its alarm does
 * both, and retries until they succeed. The object knows neither tokens nor configuration: the numbers are passed with
 * each call.
 */
import { DurableObject } from "cloudflare:workers";
import type { AuditOrigin } from "../audit/event-types.ts";
import { type CountingBindings, countInObject } from "../metrics/count-in-object.ts";
import { systemClock } from "../platform/clock.ts";
import type { Meter } from "../platform/meter.ts";
import { systemRandom } from "../platform/random.ts";
import { type AuthenticationMethod, addMethods, PASSWORD_ALONE, rises } from "./authentication.ts";
import { AuthenticationRecords } from "./authentication-records.ts";
import type { Delivery } from "./deliveries.ts";
import { isInGrace, wasSkipped } from "./generations.ts";
import { IssuedTokens } from "./issued-tokens.ts";
import { type Device, KnownDevices } from "./known-devices.ts";
import { earliest, type Lapsing } from "./lapsing.ts";
import { LazyTables } from "./lazy-tables.ts";
import { RefreshLimit } from "./refresh-limit.ts";
import { type ReportQueues, ReuseReports } from "./reuse-reports.ts";
import { type RevocationBindings, RevocationRecord } from "./revocation-record.ts";
import type {
  LoginOrigin,
  OpenedSession,
  Rotation,
  SessionProof,
  SessionRules,
  SessionTokens,
  UserState,
} from "./session-messages.ts";
import { type Session, SessionRecords } from "./session-records.ts";

/** Until when no session can be opened, because the user has been deleted. */
const CLOSED_UNTIL = "closed_until";

type ObjectBindings = CountingBindings & ReportQueues & RevocationBindings;

export class UserSessions extends DurableObject<ObjectBindings> {
  readonly #tables: LazyTables;
  readonly #records: SessionRecords;
  readonly #authentications: AuthenticationRecords;
  readonly #devices: KnownDevices;
  readonly #revocations: RevocationRecord;
  readonly #reports: ReuseReports;
  readonly #refreshes: RefreshLimit;
  readonly #tokens: IssuedTokens;
  /** What the alarm deletes, and what it delivers. */
  readonly #lapsing: readonly Lapsing[];
  readonly #deliveries: readonly Delivery<ObjectBindings>[];

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env);
    const { kv, sql } = ctx.storage;
    this.#tables = new LazyTables(sql);
    this.#records = new SessionRecords(this.#tables);
    this.#authentications = new AuthenticationRecords(this.#tables);
    this.#devices = new KnownDevices(this.#tables);
    this.#revocations = new RevocationRecord(this.#tables, kv);
    this.#reports = new ReuseReports(kv, systemRandom);
    this.#refreshes = new RefreshLimit(kv);
    this.#tokens = new IssuedTokens(kv, this.#records.exist);
    this.#lapsing = [this.#records, this.#authentications, this.#devices, this.#revocations];
    this.#deliveries = [this.#revocations, this.#reports];
  }

  /**
   * Opens a session with a new id; `null` if the user has been deleted. Its first refresh token has generation 1. A
   * Worker of an earlier release passes no `methods`.
   */
  async create(
    userId: string,
    id: string,
    epoch: number,
    origin: LoginOrigin,
    rules: SessionRules,
    methods: readonly AuthenticationMethod[] = PASSWORD_ALONE,
  ): Promise<OpenedSession | null> {
    const now = systemClock.now();
    if ((this.#closedUntil ?? 0) > now) return null;
    this.#revocations.expectSession(userId);
    this.#tokens.note(rules.refuseFor, now);
    const endsAt = now + rules.lifetime;
    const expiresAt = Math.min(endsAt, now + rules.idleLifetime);
    const times = { rotatedAt: now, createdAt: now, lastUsedAt: now, expiresAt, endsAt };
    const { device, isAnnounced = false, ...seen } = origin;
    const session = { id, epoch, ...seen, generation: 1, ...times };
    const authentication = { at: now, methods };
    this.#records.add(session);
    this.#authentications.add(id, authentication);
    const isNewDevice = !this.#devices.see(device, now);
    if (isNewDevice && !isAnnounced) this.#devices.remember(device, now);
    const surplus = this.#records.surplus(rules.maximum, now);
    if (surplus.length > 0) await this.#end(surplus, rules, now);
    await this.#armFor(expiresAt);
    return { ...session, authentication, isNewDevice };
  }

  /**
   * Makes the device of a session known. Not if the session has ended: what ended it may have forgotten the devices, as a
   * reset of the password does.
   */
  async rememberDevice(sessionId: string, device: string): Promise<void> {
    const now = systemClock.now();
    if (this.#records.find(sessionId, now) !== undefined) this.#devices.remember(device, now);
  }

  /**
   * Exchanges one generation for the next. During the grace period, the previous generation gets the same successor
   * again. Anything older means theft, and the session ends (RFC 9700 §4.14.2). `origin` is that of the request.
   */
  async rotate(proof: Required<SessionProof>, rules: SessionRules, origin: AuditOrigin): Promise<Rotation> {
    const now = systemClock.now();
    const session = this.#records.find(proof.sessionId, now);
    if (session === undefined || proof.generation > session.generation) return { outcome: "ended" };
    const isCurrent = proof.generation === session.generation;
    const { raisedTo, ...authentication } = this.#authentications.find(session);
    if (wasSkipped(session, proof.generation, raisedTo, { grace: rules.grace, now })) return { outcome: "superseded" };
    if (!isCurrent && !isInGrace(session, proof.generation, rules.grace, now)) {
      const { deviceName, id, userAgent } = session;
      const { userId } = this.#revocations;
      const reuse = { userId, sessionId: id, device: deviceName ?? userAgent, origin, traceparent: rules.traceparent };
      this.#reports.add(reuse, now);
      await this.#end([session], rules, now);
      await this.#armFor(this.#reports.dueAt(now));
      return { outcome: "reused" };
    }
    this.#tokens.note(rules.refuseFor, now);
    const { epoch, expiresAt } = session;
    // Repeats are not counted. A limited client would wait longer than the grace period, and its next try would look
    // like theft.
    if (!isCurrent) return { outcome: "rotated", generation: session.generation, epoch, expiresAt, authentication };
    const reading = rules.refreshes && this.#refreshes.take(session.id, rules.refreshes, now);
    if (reading?.allowed === false) return { outcome: "limited", reading };
    const next = this.#advance(session, 1, rules, now);
    return { outcome: "rotated", ...next, epoch, authentication, reading };
  }

  /**
   * Records that the user of a session has proved again who they are, and moves the session to the generation whose
   * tokens say so; `null` if it has ended. If its level rises, it skips a generation: within the grace period, the
   * refresh token of the lower level would otherwise get the tokens of the higher one.
   */
  async reauthenticate(
    sessionId: string,
    proved: readonly AuthenticationMethod[],
    rules: SessionRules,
  ): Promise<SessionTokens | null> {
    const now = systemClock.now();
    const session = this.#records.find(sessionId, now);
    if (session === undefined) return null;
    this.#tokens.note(rules.refuseFor, now);
    const before = this.#authentications.find(session);
    const authentication = { at: now, methods: addMethods(before.methods, proved) };
    const isRaised = rises(before, authentication);
    const next = this.#advance(session, isRaised ? 2 : 1, rules, now);
    this.#authentications.put(session.id, {
      ...authentication,
      raisedTo: isRaised ? next.generation : before.raisedTo,
    });
    return { ...next, epoch: session.epoch, authentication };
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
    if (forgetsDevices) this.#devices.forget();
    if (keptSessionId !== null) this.#records.adopt(keptSessionId, epoch);
    const earlier = this.#records.list(now).filter((session) => session.epoch < epoch);
    if (earlier.length > 0) await this.#end(earlier, rules, now);
    if (role === undefined) return;
    this.#revocations.keepUserId(userId);
    const refusedUntil = this.#tokens.refusedUntil(rules.refuseFor, now);
    this.#revocations.noteRole({ ...role, refusedUntil }, rules.traceparent);
    await this.#armFor(this.#revocations.dueAt(now));
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
    return this.#devices.list();
  }

  /**
   * Ends every session and forgets every device of a deleted user. Opens no session for as long as a login may still be
   * in progress.
   */
  async close(rules: SessionRules): Promise<void> {
    const closedUntil = systemClock.now() + rules.refuseFor;
    this.ctx.storage.kv.put(CLOSED_UNTIL, closedUntil);
    this.#devices.forget();
    await this.endAllBut(null, rules);
    await this.#armFor(closedUntil);
  }

  /** Deletes expired records, copies revocations to KV, reports reuse, and sets the next alarm if there is more to do. */
  override async alarm(): Promise<void> {
    const now = systemClock.now();
    for (const part of this.#lapsing) part.dropLapsed(now);
    if ((this.#closedUntil ?? now) <= now) this.ctx.storage.kv.delete(CLOSED_UNTIL);
    const left = this.#deliveries.filter(({ isLeft }) => isLeft);
    const counts = await Promise.all(left.map((delivery) => delivery.deliver(this.env, now)));
    const countAll = (meter: Meter) => {
      for (const count of counts) count(meter);
    };
    if (counts.length > 0) this.ctx.waitUntil(countInObject(this.env, countAll));

    const lapses = () => [...this.#lapsing.map((part) => part.nextLapse()), this.#closedUntil];
    const next = this.#nextTry(now) ?? earliest(lapses());
    if (next !== undefined) {
      await this.ctx.storage.setAlarm(next);
    } else {
      this.#tables.forget();
      await this.ctx.storage.deleteAll();
    }
  }

  /** When to deliver what is left; `undefined` if nothing is. */
  #nextTry(now: number): number | undefined {
    return earliest(this.#deliveries.map((delivery) => (delivery.isLeft ? delivery.dueAt(now) : undefined)));
  }

  /** Moves a session by so many generations, and extends it. */
  #advance(session: Session, generations: number, rules: SessionRules, now: number) {
    const generation = session.generation + generations;
    const expiresAt = Math.min(session.endsAt, now + rules.idleLifetime);
    this.#records.advance(session.id, generation, now, expiresAt);
    return { generation, expiresAt };
  }

  async #end(sessions: readonly Session[], rules: SessionRules, now: number): Promise<void> {
    const ids = sessions.map(({ id }) => id);
    for (const id of ids) {
      this.#records.delete(id);
      this.#authentications.delete(id);
    }
    this.#revocations.addSessions(ids, this.#tokens.refusedUntil(rules.refuseFor, now), rules.traceparent);
    await this.#armFor(this.#revocations.dueAt(now));
  }

  get #closedUntil(): number | undefined {
    return this.ctx.storage.kv.get(CLOSED_UNTIL);
  }

  async #armFor(time: number): Promise<void> {
    const armed = await this.ctx.storage.getAlarm();
    if (armed === null || armed > time) await this.ctx.storage.setAlarm(time);
  }
}
