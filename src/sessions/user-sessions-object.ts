/**
 * The UserSessions object: one per user. It owns the user's sessions and second factors, and is the authority on which
 * sessions have ended and which factors there are. It handles one call at a time, so rotation, revocation and the use
 * of a code never race.
 *
 * Only this object writes the user's revocation record in KV. Only this object reports reused refresh tokens, and uses
 * and changes of the factors. Its alarm does both, and retries until it succeeds. The object knows neither tokens nor
 * configuration: the numbers are passed with each call.
 */
import { DurableObject } from "cloudflare:workers";
import { type AuditOrigin, NO_REQUEST } from "../audit/event-types.ts";
import type { FactorProof, Judge, ProvedFactor } from "../factors/factor-proofs.ts";
import { readKnownFactors } from "../factors/imported-factors.ts";
import { LastPasskey } from "../factors/last-passkey.ts";
import { newsOfUse } from "../factors/news-of-use.ts";
import { SecondFactorFlag } from "../factors/second-factor-flag.ts";
import { SecondFactors } from "../factors/second-factors.ts";
import { TrustedDeviceRecords } from "../factors/trusted-device-records.ts";
import { type FactorCaller, UserFactors } from "../factors/user-factors.ts";
import { type CountingBindings, countInObject } from "../metrics/count-in-object.ts";
import { earliest } from "../objects/lapsing.ts";
import { LazyTables } from "../objects/lazy-tables.ts";
import { ObjectAlarm } from "../objects/object-alarm.ts";
import { OwnerReports, type ReportQueues } from "../objects/owner-reports.ts";
import { systemClock } from "../platform/clock.ts";
import { systemRandom } from "../platform/random.ts";
import { type AuthenticationMethod, addMethods, METHODS_OF, PASSWORD_ALONE, rises } from "./authentication.ts";
import { AuthenticationRecords } from "./authentication-records.ts";
import { ClosedAccount } from "./closed-account.ts";
import { IssuedTokens } from "./issued-tokens.ts";
import { type Device, KnownDevices } from "./known-devices.ts";
import { RefreshLimit } from "./refresh-limit.ts";
import { isInGrace, judgeRefresh } from "./refresh-rotation-and-reuse.ts";
import { type RevocationBindings, RevocationRecord } from "./revocation-record.ts";
import type {
  FactorStep,
  LoginOrigin,
  LostFactor,
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
 * The storage key of the newest session epoch that this object knows. It is stored only for users with a second factor.
 */
const NEWEST_EPOCH = "newest_epoch";

type ObjectBindings = CountingBindings & ReportQueues & RevocationBindings & { DB: D1Database };

export class UserSessions extends DurableObject<ObjectBindings> {
  readonly #tables: LazyTables;
  readonly #records: SessionRecords;
  readonly #authentications: AuthenticationRecords;
  readonly #factors: SecondFactors;
  readonly #factorFlag: SecondFactorFlag;
  readonly #lastPasskey = new LastPasskey();
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
    if (step?.isExpected) await this.#adoptFactors(userId);
    const judge = step?.proof && (await this.#factors.prepare(step.proof, step.login));
    const now = systemClock.now();
    if (this.#closed.isClosed(now)) return null;
    // A login that began before a change of the password spends nothing.
    if (judge !== undefined && epoch < this.#newestEpoch) return null;
    const link = step?.link;
    if (link !== undefined && !this.#factors.spend(link)) return { outcome: "spent" };
    const asked = this.#judgeFactor(judge, rules, now);
    const isTrusted = asked?.outcome === "factor_required" && this.#isTrusted(step, { epoch, sessionId: id, now });
    const factor = isTrusted ? undefined : asked;
    const armForLink = async () => link && this.#alarm.armFor(link.expiresAt);
    if (factor !== undefined && factor.outcome !== "proved") {
      await armForLink();
      if (step?.isExpected === false) await this.#tellDirectory(userId, now);
      // A Worker of an earlier release, which knows nothing of factors, would take this for a session.
      return step === undefined ? null : factor;
    }
    const lacking = asked === undefined ? this.#lackOfFactor(step) : undefined;
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
    const authentication = { at: now, methods: this.#addFactor(methods, factor) };
    this.#records.add(session);
    this.#authentications.add(id, authentication);
    if (factor !== undefined) {
      this.#reportUse(factor, userId, rules, now);
      this.#trust(session, step?.trustUntil);
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
   * Makes the device of a session known. Does nothing if the session has ended: what ended it, such as a reset of the
   * password, may also have forgotten the devices.
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
   * Records that the user of a session has proved again who they are, and moves the session to the generation whose
   * tokens say so. Returns `null` if the session has ended. If the session's level rises, the session skips a
   * generation. Otherwise, within the grace period, the refresh token of the lower level would get the tokens of the
   * higher one.
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
    // Codes by email are for a login.
    const isEnough = judge === undefined && !this.#factors.isStrong;
    const factor = isEnough ? undefined : this.#judgeFactor(judge, rules, now);
    if (factor !== undefined && factor.outcome !== "proved") return factor;
    this.#tokens.note(rules.refuseFor, now);
    const before = this.#authentications.find(session);
    const authentication = { at: now, methods: addMethods(before.methods, this.#addFactor(proved, factor)) };
    const isRaised = rises(before, authentication);
    const next = this.#advance(session, isRaised ? 2 : 1, rules, now);
    this.#authentications.put(session.id, {
      ...authentication,
      raisedTo: isRaised ? next.generation : before.raisedTo,
    });
    if (factor !== undefined) {
      this.#reportUse(factor, this.#revocations.userId, rules, now);
      await this.#armForReports(now);
    }
    return { ...next, epoch: session.epoch, authentication, factor };
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
   * tokens can still be valid. `false` if there was no such session. `isTakenBack`: whether the login failed after the
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
    return new UserFactors({
      factors: this.#factors,
      lastPasskey: this.#lastPasskey,
      db: this.env.DB,
      trustedDevices: this.#trustedDevices,
      caller,
      isClosed: (now) => this.#closed.isClosed(now),
      isKnownToDirectory: async (userId) => {
        const { since } = await readKnownFactors(this.env.DB, userId);
        return since !== null && !this.#factorFlag.isLeft;
      },
      armFor: (time) => this.#alarm.armFor(time),
      report: async (event, news, now) => {
        // The user may have trusted a device with a factor that is now gone. Or an attacker may have trusted a device,
        // and this change is meant to lock the attacker out.
        this.#trustedDevices.removeAll();
        this.#reports.add(event, news, caller, now);
        await this.#tellDirectory(news.userId, now);
        // Write the change to D1 at once, so that the next request finds it there. The alarm sends the report, and
        // retries what fails here.
        await this.#factorFlag.deliver(this.env);
      },
    });
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

  /** Deletes expired records, delivers what is left, and sets the next alarm if there is more to do. */
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

  /** Takes over the user's imported factors from D1, unless this object has factors already. */
  async #adoptFactors(userId: string): Promise<void> {
    if (this.#hasFactorState) return;
    const { imported, since } = await readKnownFactors(this.env.DB, userId);
    const now = systemClock.now();
    // Checked again, because another call may have taken the factors over or removed them meanwhile.
    if (imported === undefined || since === null || this.#hasFactorState || this.#closed.isClosed(now)) return;
    this.#factors.additions.adopt(imported);
    await this.#tellDirectory(userId, now);
  }

  /** Whether this object has factors, or a change of them that D1 does not have yet. */
  get #hasFactorState(): boolean {
    return this.#factors.since !== null || this.#factorFlag.isLeft;
  }

  /**
   * Judges and spends the proof of a second factor. Without a proof, returns which kinds of factors the user has;
   * `undefined` if there are none.
   */
  #judgeFactor(judge: Judge | undefined, rules: SessionRules, now: number): ProvedFactor | UnprovedFactor | undefined {
    if (judge !== undefined) return judge(rules.factorCodes, now);
    const kinds = this.#factors.kinds();
    return kinds.length > 0 ? { outcome: "factor_required", kinds } : undefined;
  }

  /** Why a user without a second factor can't log in without one; `undefined` if they can. */
  #lackOfFactor(step: FactorStep | undefined): LostFactor | UnprovedFactor | undefined {
    // If D1 does not have the newest change yet, it may expect a factor that was removed. Then the factor is not lost.
    if (step?.isExpected && !this.#factorFlag.isLeft) return { outcome: "lost" };
    return step?.isDemanded ? { outcome: "factor_required", kinds: [] } : undefined;
  }

  #isTrusted(step: FactorStep | undefined, login: { epoch: number; sessionId: string; now: number }): boolean {
    return step?.trustedDevice !== undefined && this.#trustedDevices.use(step.trustedDevice, login);
  }

  /** Trusts the device of a session that was opened with a factor. */
  #trust({ id, epoch, deviceName, userAgent, createdAt }: Session, expiresAt: number | undefined): void {
    if (expiresAt === undefined) return;
    const times = { createdAt, lastUsedAt: createdAt, expiresAt };
    this.#trustedDevices.add({ id, epoch, deviceName, userAgent, ...times, sessionId: id });
  }

  /** Reports a new factor or the use of a factor to the owner, who may not have done this themselves. */
  #reportUse(factor: ProvedFactor, userId: string, rules: SessionRules, now: number): void {
    const { origin = NO_REQUEST, traceparent } = rules;
    const reported = newsOfUse(factor, userId);
    if (reported !== undefined) this.#reports.add(reported.event, reported.news, { origin, traceparent }, now);
    if (factor.added !== undefined) this.#factorFlag.note(userId, this.#factors.since);
  }

  /** A recovery code that stands in for a code by email raises the level as little as that code does. */
  #addFactor(methods: readonly AuthenticationMethod[], factor: ProvedFactor | undefined) {
    if (factor === undefined || (factor.kind === "recovery_code" && !this.#factors.isStrong)) return methods;
    return addMethods(methods, METHODS_OF[factor.kind]);
  }

  async #armForReports(now: number): Promise<void> {
    if (this.#reports.isLeft) await this.#alarm.armFor(this.#reports.dueAt(now));
  }

  /** Notes whether the user has a second factor, and arms the alarm that writes this to D1. */
  async #tellDirectory(userId: string, now: number): Promise<void> {
    this.#factorFlag.note(userId, this.#factors.since);
    await this.#alarm.armFor(now);
  }

  get #newestEpoch(): number {
    return this.ctx.storage.kv.get(NEWEST_EPOCH) ?? 0;
  }
}
