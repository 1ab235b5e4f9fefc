/** What a user's second factors decide about the user's sessions: whether a session opens, and which level it has. */
import { NO_REQUEST } from "../audit/event-types.ts";
import type { Judge, ProvedFactor } from "../factors/factor-proofs.ts";
import { readKnownFactors } from "../factors/imported-factors.ts";
import { LastPasskey } from "../factors/last-passkey.ts";
import { newsOfUse } from "../factors/news-of-use.ts";
import type { SecondFactorFlag } from "../factors/second-factor-flag.ts";
import type { SecondFactors } from "../factors/second-factors.ts";
import type { TrustedDeviceRecords } from "../factors/trusted-device-records.ts";
import { type FactorCaller, UserFactors } from "../factors/user-factors.ts";
import type { OwnerReports } from "../objects/owner-reports.ts";
import { systemClock } from "../platform/clock.ts";
import { type AuthenticationMethod, addMethods, METHODS_OF } from "./authentication.ts";
import type { ClosedAccount } from "./closed-account.ts";
import type { FactorStep, LostFactor, SessionRules, UnprovedFactor } from "./session-messages.ts";
import type { Session } from "./session-records.ts";

/** Parts of the user's object. `armFor` sets its alarm to a time, unless the alarm is already set to an earlier one. */
interface Parts {
  db: D1Database;
  factors: SecondFactors;
  flag: SecondFactorFlag;
  trustedDevices: TrustedDeviceRecords;
  reports: OwnerReports;
  closed: ClosedAccount;
  armFor: (time: number) => Promise<void>;
}

export class SessionFactors {
  readonly #parts: Parts;
  readonly #lastPasskey = new LastPasskey();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Takes over the user's imported factors from D1, unless the object has factors already. */
  async adopt(userId: string): Promise<void> {
    const { closed, db, factors } = this.#parts;
    if (this.#hasState) return;
    const { imported, since } = await readKnownFactors(db, userId);
    const now = systemClock.now();
    // Checked again, because another call may have taken the factors over or removed them meanwhile.
    if (imported === undefined || since === null || this.#hasState || closed.isClosed(now)) return;
    factors.additions.adopt(imported);
    await this.tellDirectory(userId, now);
  }

  /**
   * Judges and spends the proof of a second factor. Without a proof, returns which kinds of factors the user has;
   * `undefined` if there are none.
   */
  judge(judge: Judge | undefined, rules: SessionRules, now: number): ProvedFactor | UnprovedFactor | undefined {
    if (judge !== undefined) return judge(rules.factorCodes, now);
    const kinds = this.#parts.factors.kinds();
    return kinds.length > 0 ? { outcome: "factor_required", kinds } : undefined;
  }

  /** Why a user who has no second factor can't log in; `undefined` if they can. */
  lackOf(step: FactorStep | undefined): LostFactor | UnprovedFactor | undefined {
    // If D1 does not have the newest change yet, it may expect a factor that was removed. Then the factor is not lost.
    if (step?.isExpected && !this.#parts.flag.isLeft) return { outcome: "lost" };
    return step?.isDemanded ? { outcome: "factor_required", kinds: [] } : undefined;
  }

  /** Whether the login comes from a trusted device, so that no proof is needed. Counts as a use of the device. */
  isTrusted(step: FactorStep | undefined, login: { epoch: number; sessionId: string; now: number }): boolean {
    return step?.trustedDevice !== undefined && this.#parts.trustedDevices.use(step.trustedDevice, login);
  }

  /** Trusts the device of a session that was opened with a factor. Does nothing if `expiresAt` is `undefined`. */
  trust({ id, epoch, deviceName, userAgent, createdAt }: Session, expiresAt: number | undefined): void {
    if (expiresAt === undefined) return;
    const times = { createdAt, lastUsedAt: createdAt, expiresAt };
    this.#parts.trustedDevices.add({ id, epoch, deviceName, userAgent, ...times, sessionId: id });
  }

  /** Reports a new factor or the use of a factor to the owner, who may not have done this themselves. */
  reportUse(factor: ProvedFactor, userId: string, rules: SessionRules, now: number): void {
    const { factors, flag, reports } = this.#parts;
    const { origin = NO_REQUEST, traceparent } = rules;
    const reported = newsOfUse(factor, userId);
    if (reported !== undefined) reports.add(reported.event, reported.news, { origin, traceparent }, now);
    if (factor.added !== undefined) flag.note(userId, factors.since);
  }

  /**
   * The methods of a session with those of the proved factor. A code by email does not raise the level, so a recovery
   * code that replaces it must not raise the level either.
   */
  addMethodsOf(factor: ProvedFactor | undefined, methods: readonly AuthenticationMethod[]) {
    if (factor === undefined || (factor.kind === "recovery_code" && !this.#parts.factors.isStrong)) return methods;
    return addMethods(methods, METHODS_OF[factor.kind]);
  }

  /** Notes whether the user has a second factor, and arms the alarm that writes this to D1. */
  async tellDirectory(userId: string, now: number): Promise<void> {
    const { armFor, factors, flag } = this.#parts;
    flag.note(userId, factors.since);
    await armFor(now);
  }

  /** The calls that concern the user's factors. */
  callsOf(caller: FactorCaller): UserFactors {
    const { armFor, closed, db, factors, flag, reports, trustedDevices } = this.#parts;
    return new UserFactors({
      factors,
      lastPasskey: this.#lastPasskey,
      db,
      trustedDevices,
      caller,
      armFor,
      isClosed: (now) => closed.isClosed(now),
      isKnownToDirectory: async (userId) => {
        const { since } = await readKnownFactors(db, userId);
        return since !== null && !flag.isLeft;
      },
      report: async (event, news, now) => {
        // No device stays trusted. The trust may come from a factor that is now gone. Or an attacker has made their
        // device trusted, and the user makes this change to lock the attacker out.
        trustedDevices.removeAll();
        reports.add(event, news, caller, now);
        await this.tellDirectory(news.userId, now);
        // Write the change to D1 at once, so that the next request finds it there. The alarm sends the report, and
        // retries what fails here.
        await flag.deliver({ DB: db });
      },
    });
  }

  /** Whether the object has factors, or a change of them that D1 does not have yet. */
  get #hasState(): boolean {
    return this.#parts.factors.since !== null || this.#parts.flag.isLeft;
  }
}
