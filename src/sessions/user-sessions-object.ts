/**
 * The UserSessions object: one per user. It owns the user's sessions and second factors: only its data decides which
 * sessions have ended and which factors exist. It handles one call at a time, so rotation, revocation and the use of a
 * code never race.
 *
 * Only this object writes the user's revocation record to KV. Only this object reports a reused refresh token, and each
 * use or change of a factor. Its alarm does both, and retries until it succeeds. The object knows neither tokens nor
 * configuration: each call passes the generation of a token, and the configured lifetimes and limits.
 */
import { DurableObject } from "cloudflare:workers";
import type { AuditOrigin } from "../audit/event-types.ts";
import type { FactorProof } from "../factors/factor-proofs.ts";
import { SecondFactorFlag } from "../factors/second-factor-flag.ts";
import { SecondFactors } from "../factors/second-factors.ts";
import { TrustedDeviceRecords } from "../factors/trusted-device-records.ts";
import type { FactorCaller, UserFactors } from "../factors/user-factors.ts";
import { type CountingBindings, countInObject } from "../metrics/count-in-object.ts";
import { earliest } from "../objects/lapsing.ts";
import { LazyTables } from "../objects/lazy-tables.ts";
import { ObjectAlarm } from "../objects/object-alarm.ts";
import { OwnerReports, type ReportQueues } from "../objects/owner-reports.ts";
import { systemClock } from "../platform/clock.ts";
import { systemRandom } from "../platform/random.ts";
import { type AuthenticationMethod, addMethods, PASSWORD_ALONE, rises } from "./authentication.ts";
import { AuthenticationRecords } from "./authentication-records.ts";
import { ClosedAccount } from "./closed-account.ts";
import { IssuedTokens } from "./issued-tokens.ts";
import { type Device, KnownDevices } from "./known-devices.ts";
import { RefreshLimit } from "./refresh-limit.ts";
import { isInGrace, judgeRefresh } from "./refresh-rotation-and-reuse.ts";
import { type RevocationBindings, RevocationRecord } from "./revocation-record.ts";
import { SessionFactors } from "./session-factors.ts";
import type {
  FactorStep,
  LoginOrigin,
  Opening,
  Rotation,
  SessionProof,
  SessionRules,
  SessionTokens,
  UnprovedFactor,
  UserState,
} from "./session-messages.ts";
import { type Session, SessionRecords } from "./session-records.ts";

/**
 * The storage key of the newest session epoch that this object knows. Stored only for users with a second factor.
 */
const NEWEST_EPOCH = "newest_epoch";

type ObjectBindings = CountingBindings & ReportQueues & RevocationBindings & { DB: D1Database };

export class UserSessions extends DurableObject<ObjectBindings> {
  readonly #tables: LazyTables;
  readonly #records: SessionRecords;
  readonly #authentications: AuthenticationRecords;
  readonly #factors: SecondFactors;
  readonly #factorFlag: SecondFactorFlag;
  readonly #sessionFactors: SessionFactors;
  readonly #trustedDevices: TrustedDeviceRecords;
  readonly #devices: KnownDevices;
  readonly #revocations: RevocationRecord;
  readonly #reports: OwnerReports;
  readonly #refreshes: RefreshLimit;
  readonly #tokens: IssuedTokens;
  readonly #closed: ClosedAccount;
  readonly #alarm: ObjectAlarm<ObjectBindings>;

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env);
    const { kv, sql } = ctx.storage;
    this.#tables = new LazyTables(sql);
    this.#records = new SessionRecords(this.#tables);
    this.#authentications = new AuthenticationRecords(this.#tables);
    this.#factors = new SecondFactors(this.#tables, kv);
    this.#factorFlag = new SecondFactorFlag(kv);
    this.#trustedDevices = new TrustedDeviceRecords(this.#tables);
    this.#devices = new KnownDevices(this.#tables);
    this.#revocations = new RevocationRecord(this.#tables, kv);
    this.#reports = new OwnerReports(kv, systemRandom);
    this.#refreshes = new RefreshLimit(kv);
    this.#tokens = new IssuedTokens(kv, this.#records.exist);
    this.#closed = new ClosedAccount(kv);
    this.#alarm = new ObjectAlarm<ObjectBindings>(ctx.storage, {
      lapsing: [
        ...[this.#records, this.#authentications, this.#factors, this.#trustedDevices],
        ...[this.#devices, this.#revocations, this.#closed],
      ],
      deliveries: [this.#revocations, this.#reports, this.#factorFlag],
    });
    this.#sessionFactors = new SessionFactors({
      db: env.DB,
      factors: this.#factors,
      flag: this.#factorFlag,
      trustedDevices: this.#trustedDevices,
      reports: this.#reports,
      closed: this.#closed,
      armFor: (time) => this.#alarm.armFor(time),
    });
  }

  /**
   * Opens a session with a new id. Returns `null` if the user has been deleted, or if a password was changed while the
   * user entered the second factor. The session's first refresh token has generation 1. If the user has a second
   * factor, a session opens only from a trusted device or with a proof of the factor. This call spends the proof and
   * the emailed link, so each opens one session at most. A Worker of an earlier release passes no `methods`.
   */
  async create(
    userId: string,
    id: string,
    epoch: number,
    origin: LoginOrigin,
    rules: SessionRules,
    methods: readonly AuthenticationMethod[] = PASSWORD_ALONE,
    step?: FactorStep,
  ): Promise<Opening> {
    if (step?.isExpected) await this.#sessionFactors.adopt(userId);
    const judge = step?.proof && (await this.#factors.prepare(step.proof, step.login));
    const now = systemClock.now();
    if (this.#closed.isClosed(now)) return null;
    // Earlier sessions were ended after this login began, for example by a new password. So the login spends nothing.
    if (judge !== undefined && epoch < this.#newestEpoch) return null;
    const link = step?.link;
    if (link !== undefined && !this.#factors.spend(link)) return { outcome: "spent" };
    const asked = this.#sessionFactors.judge(judge, rules, now);
    const isTrusted =
      asked?.outcome === "factor_required" && this.#sessionFactors.isTrusted(step, { epoch, sessionId: id, now });
    const factor = isTrusted ? undefined : asked;
    const armForLink = async () => link && this.#alarm.armFor(link.expiresAt);
    if (factor !== undefined && factor.outcome !== "proved") {
      await armForLink();
      if (step?.isExpected === false) await this.#sessionFactors.tellDirectory(userId, now);
      // A Worker of an earlier release passes no `step`, and would treat this result as a session.
      return step === undefined ? null : factor;
    }
    const lacking = asked === undefined ? this.#sessionFactors.lackOf(step) : undefined;
    if (lacking !== undefined) {
      await armForLink();
      return lacking;
    }
    this.#revocations.expectSession(userId);
    this.#tokens.note(rules.refuseFor, now);
    const endsAt = now + rules.lifetime;
    const expiresAt = Math.min(endsAt, now + rules.idleLifetime);
    const times = { rotatedAt: now, createdAt: now, lastUsedAt: now, expiresAt, endsAt };
    const { device, isAnnounced = false, ...seen } = origin;
    const session = { id, epoch, ...seen, generation: 1, ...times };
    const authentication = { at: now, methods: this.#sessionFactors.addMethodsOf(factor, methods) };
    this.#records.add(session);
    this.#authentications.add(id, authentication);
    if (factor !== undefined) {
      this.#sessionFactors.reportUse(factor, userId, rules, now);
      this.#sessionFactors.trust(session, step?.trustUntil);
    }
    const isNewDevice = !this.#devices.see(device, now);
    if (isNewDevice && !isAnnounced) this.#devices.remember(device, now);
    const surplus = this.#records.surplus(rules.maximum, now);
    if (surplus.length > 0) await this.#end(surplus, rules, now);
    const lapses = [(factor ?? link) && this.#factors.nextLapse(), step?.trustUntil];
    await this.#alarm.armFor(Math.min(expiresAt, earliest(lapses) ?? expiresAt));
    if (factor !== undefined) await this.#armForReports(now);
    // Write the change to D1 at once, as after any change of the factors.
    if (factor?.added !== undefined) await this.#factorFlag.deliver(this.env);
    return { ...session, authentication, factor: factor ?? null, hasSpentLink: link !== undefined, isNewDevice };
  }

  /**
   * Makes the device of a session known. Does nothing if the session has ended, because the change that ended it, such
   * as a password reset, may also have made all devices unknown.
   */
  async rememberDevice(sessionId: string, device: string): Promise<void> {
    const now = systemClock.now();
    if (this.#records.find(sessionId, now) !== undefined) this.#devices.remember(device, now);
  }

  /**
   * Exchanges a refresh token for the next generation. During the grace period, the previous token gets the same
   * generation again. Use of an older token means theft, and the session ends (RFC 9700 §4.14.2). `origin`: where the
   * request comes from.
   */
  async rotate(proof: Required<SessionProof>, rules: SessionRules, origin: AuditOrigin): Promise<Rotation> {
    const now = systemClock.now();
    const session = this.#records.find(proof.sessionId, now);
    if (session === undefined || proof.generation > session.generation) return { outcome: "ended" };
    const { raisedTo, ...authentication } = this.#authentications.find(session);
    const verdict = judgeRefresh(session, proof.generation, raisedTo, { grace: rules.grace, now });
    if (verdict === "superseded") return { outcome: "superseded" };
    if (verdict === "reused") return this.#endReused(session, rules, origin, now);
    this.#tokens.note(rules.refuseFor, now);
    const { epoch, expiresAt } = session;
    // Repeats are not counted. A limited client would wait longer than the grace period, and its next try would look
    // like theft.
    if (verdict === "repeated")
      return { outcome: "rotated", generation: session.generation, epoch, expiresAt, authentication };
    const reading = rules.refreshes && this.#refreshes.take(session.id, rules.refreshes, now);
    if (reading?.allowed === false) return { outcome: "limited", reading };
    const next = this.#advance(session, 1, rules, now);
    return { outcome: "rotated", ...next, epoch, authentication, reading };
  }

  /**
   * Records that the user of a session has authenticated again, and moves the session to a new generation of tokens.
   * Returns `null` if the session has ended. If the session's level rises, the session skips a generation. Without the
   * gap, an old refresh token could get tokens of the higher level within the grace period.
   */
  async reauthenticate(
    sessionId: string,
    proved: readonly AuthenticationMethod[],
    rules: SessionRules,
    proof?: FactorProof,
  ): Promise<SessionTokens | UnprovedFactor | null> {
    const judge = proof && (await this.#factors.prepare(proof));
    const now = systemClock.now();
    const session = this.#records.find(sessionId, now);
    if (session === undefined) return null;
    // Codes by email are only for logins, so a user without another factor needs no proof of a factor here.
    const isEnough = judge === undefined && !this.#factors.isStrong;
    const factor = isEnough ? undefined : this.#sessionFactors.judge(judge, rules, now);
    if (factor !== undefined && factor.outcome !== "proved") return factor;
    this.#tokens.note(rules.refuseFor, now);
    const before = this.#authentications.find(session);
    const authentication = {
      at: now,
      methods: addMethods(before.methods, this.#sessionFactors.addMethodsOf(factor, proved)),
    };
    const isRaised = rises(before, authentication);
    const next = this.#advance(session, isRaised ? 2 : 1, rules, now);
    this.#authentications.put(session.id, {
      ...authentication,
      raisedTo: isRaised ? next.generation : before.raisedTo,
    });
    if (factor !== undefined) {
      this.#sessionFactors.reportUse(factor, this.#revocations.userId, rules, now);
      await this.#armForReports(now);
    }
    return { ...next, epoch: session.epoch, authentication, factor };
  }

  /** The epoch of a session; `null` if the session has ended or expired. */
  async epochOf(sessionId: string): Promise<number | null> {
    return this.#records.find(sessionId, systemClock.now())?.epoch ?? null;
  }

  /** The live sessions, most recently used first. */
  async list(): Promise<Session[]> {
    return this.#records.list(systemClock.now());
  }

  /**
   * Ends a session, which Postern refuses from now on. The record in KV lists the session until its last access token
   * has expired. Returns `false` if there was no such session. `isTakenBack`: whether the login failed after the
   * session was opened. Then the trust in its device ends too.
   */
  async end(sessionId: string, rules: SessionRules, isTakenBack = false): Promise<boolean> {
    const now = systemClock.now();
    if (isTakenBack) this.#trustedDevices.remove(sessionId);
    const session = this.#records.find(sessionId, now);
    if (session !== undefined) await this.#end([session], rules, now);
    return session !== undefined;
  }

  /**
   * Applies a change of the user that was made in D1: ends the sessions of earlier epochs, except the kept one, and
   * makes other Workers refuse access tokens with another role. Calls can be repeated, and can arrive in the wrong
   * order.
   */
  async align(userId: string, user: UserState, rules: SessionRules): Promise<void> {
    const now = systemClock.now();
    const { epoch, forgetsDevices, keptSessionId, role } = user;
    if (this.#factors.since !== null && epoch > this.#newestEpoch) this.ctx.storage.kv.put(NEWEST_EPOCH, epoch);
    if (forgetsDevices) this.#devices.forget();
    this.#trustedDevices.removeBefore(epoch);
    if (keptSessionId !== null) this.#records.adopt(keptSessionId, epoch);
    const earlier = this.#records.list(now).filter((session) => session.epoch < epoch);
    if (earlier.length > 0) await this.#end(earlier, rules, now);
    if (role === undefined) return;
    this.#revocations.keepUserId(userId);
    const refusedUntil = this.#tokens.refusedUntil(rules.refuseFor, now);
    this.#revocations.noteRole({ ...role, refusedUntil }, rules.traceparent);
    await this.#alarm.armFor(this.#revocations.dueAt(now));
  }

  /**
   * Ends every session except `kept`, and returns how many. If `kept` is `null`, also ends the trust in all devices.
   */
  async endAllBut(kept: string | null, rules: SessionRules): Promise<number> {
    const now = systemClock.now();
    if (kept === null) this.#trustedDevices.removeAll();
    const others = this.#records.list(now).filter(({ id }) => id !== kept);
    if (others.length > 0) await this.#end(others, rules, now);
    return others.length;
  }

  /**
   * Ends every session at the request of one of them, and returns `true`. If that session has already ended, changes
   * nothing and returns `false`. If its refresh token is no longer current, ends only that session and returns `false`.
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

  /** The calls that concern the user's factors. */
  async factors(caller: FactorCaller): Promise<UserFactors> {
    return this.#sessionFactors.callsOf(caller);
  }

  /** The devices that the user logged in from, most recently used first. */
  async devices(): Promise<Device[]> {
    return this.#devices.list();
  }

  /**
   * Ends every session, and forgets every device and factor of a deleted user. Then refuses to open a session for as
   * long as a login may still be in progress.
   */
  async close(rules: SessionRules): Promise<void> {
    const closedUntil = systemClock.now() + rules.refuseFor;
    this.#closed.closeUntil(closedUntil);
    this.#devices.forget();
    this.#factors.removeAll();
    await this.endAllBut(null, rules);
    await this.#alarm.armFor(closedUntil);
  }

  /** Deletes expired records, delivers pending changes and reports, and sets the next alarm if there is more to do. */
  override async alarm(): Promise<void> {
    const now = systemClock.now();
    const countAll = await this.#alarm.run(this.env, now);
    if (countAll !== undefined) this.ctx.waitUntil(countInObject(this.env, countAll));
    if ((await this.#alarm.setNext(now)) || this.#factors.since !== null) return;
    this.#tables.forget();
    await this.ctx.storage.deleteAll();
  }

  /** Ends a session whose refresh token was reused. The alarm then reports this to the owner and to the audit log. */
  async #endReused(session: Session, rules: SessionRules, origin: AuditOrigin, now: number): Promise<Rotation> {
    const { deviceName, id, userAgent } = session;
    const { userId } = this.#revocations;
    const event = { type: "refresh_token_reused", actorId: null, details: { session_id: id } } as const;
    const news = { kind: "refresh_reused", userId, device: deviceName ?? userAgent } as const;
    this.#reports.add(event, news, { origin, traceparent: rules.traceparent }, now);
    await this.#end([session], rules, now);
    await this.#alarm.armFor(this.#reports.dueAt(now));
    return { outcome: "reused" };
  }

  /** Moves a session forward by `generations`, and extends it. */
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
    await this.#alarm.armFor(this.#revocations.dueAt(now));
  }

  async #armForReports(now: number): Promise<void> {
    if (this.#reports.isLeft) await this.#alarm.armFor(this.#reports.dueAt(now));
  }

  get #newestEpoch(): number {
    return this.ctx.storage.kv.get(NEWEST_EPOCH) ?? 0;
  }
}
