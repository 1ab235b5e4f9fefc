import { DAY } from "../platform/clock.ts";
import { revocationLifetime } from "./revocation-record.ts";

/** Times are in milliseconds. */
interface Lifetimes {
  /** How long the newest access tokens must be refused if their session ends. */
  refuseFor: number;
  /** The time by which every token issued before the lifetime last changed has expired. */
  othersUntil: number;
}

const ISSUED = "issued_tokens";

/**
 * For an object that existed before lifetimes were recorded. Its access tokens may have the longest lifetime that can
 * be configured.
 */
const UNKNOWN: Lifetimes = { refuseFor: revocationLifetime(DAY), othersUntil: 0 };

const NONE: Lifetimes = { refuseFor: 0, othersUntil: 0 };

/**
 * How long the access tokens of a user's sessions can live. The configured lifetime may become shorter while tokens
 * with the longer lifetime are valid. If a session ends meanwhile, it must be refused until these tokens have expired.
 */
export class IssuedTokens {
  readonly #storage: SyncKvStorage;

  /** `hasSessions`: whether the user has had sessions. */
  constructor(storage: SyncKvStorage, hasSessions: boolean) {
    this.#storage = storage;
    if (hasSessions && this.#issued === NONE) storage.put(ISSUED, UNKNOWN);
  }

  /** Notes that an access token is issued. Writes only if the configured lifetime has changed. */
  note(refuseFor: number, now: number): void {
    const before = this.#issued;
    if (before.refuseFor === refuseFor) return;
    const othersUntil = Math.max(before.othersUntil, now + before.refuseFor);
    this.#storage.put<Lifetimes>(ISSUED, { refuseFor, othersUntil });
  }

  /**
   * Until when a session that ends now must be refused. `refuseFor` is derived from the configured lifetime.
   */
  refusedUntil(refuseFor: number, now: number): number {
    const issued = this.#issued;
    return Math.max(now + refuseFor, now + issued.refuseFor, issued.othersUntil);
  }

  get #issued(): Lifetimes {
    return this.#storage.get<Lifetimes>(ISSUED) ?? NONE;
  }
}
