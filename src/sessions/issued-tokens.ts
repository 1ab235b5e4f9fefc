import { DAY } from "../platform/clock.ts";
import { revocationLifetime } from "./revocation-record.ts";

/** Times are in milliseconds. */
interface Lifetimes {
  /** How long the newest access tokens must be refused if their session ends. */
  refuseFor: number;
  /** By then every access token that was issued with another lifetime has expired. */
  othersUntil: number;
}

const ISSUED = "issued_tokens";

/** What an object of a version that did not record this may have issued: the longest lifetime that can be configured. */
const UNKNOWN: Lifetimes = { refuseFor: revocationLifetime(DAY), othersUntil: 0 };

const NONE: Lifetimes = { refuseFor: 0, othersUntil: 0 };

/**
 * How long the access tokens of a user's sessions can live. The configured lifetime may become shorter while tokens
 * with the longer one are valid. A session that ends then must be refused for as long as those.
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

  /** Until when a session that ends now must be refused. `refuseFor` is what the configuration says now. */
  refusedUntil(refuseFor: number, now: number): number {
    const issued = this.#issued;
    return Math.max(now + refuseFor, now + issued.refuseFor, issued.othersUntil);
  }

  get #issued(): Lifetimes {
    return this.#storage.get<Lifetimes>(ISSUED) ?? NONE;
  }
}
