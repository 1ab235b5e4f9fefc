/**
 * What the answers of the service say about one account: a model of it, in which a command turns one state into the
 * next. Nothing here changes a state: where an answer was lost, the one before the command and the one after it are both
 * possible.
 */
import type { Role } from "../../src/verify/claims.ts";

export interface Account {
  readonly email: string;
  readonly username: string;
  readonly stage: "unknown" | "registered" | "verified";
  readonly isSuspended: boolean;
  /** Known from the first login on. */
  readonly id: string;
  readonly role: Role;
  /** Oldest first. Only the last one works. */
  readonly passwords: readonly string[];
  readonly sessions: readonly Session[];
}

export interface Session {
  readonly id: string;
  readonly isAlive: boolean;
  /** Oldest first. Each works while its session lives and the user has the role that it names. */
  readonly accessTokens: readonly { readonly text: string; readonly role: Role }[];
  /** Oldest first. */
  readonly refreshTokens: readonly string[];
}

/** What a login or a refresh answers. */
export interface Issued {
  userId: string;
  sessionId: string;
  accessToken: string;
  refreshToken: string;
}

export function newAccount(name: string): Account {
  const names = { email: `${name}@example.com`, username: name };
  return {
    ...names,
    passwords: [passwordNumber(1)],
    stage: "unknown",
    isSuspended: false,
    id: "",
    role: "user",
    sessions: [],
  };
}

/** Never holds the name of the account, which would be refused. */
export const passwordNumber = (number: number) => `correct horse battery ${number}`;

export const currentPassword = ({ passwords }: Account) => passwords.at(-1) ?? "";
export const liveSessions = ({ sessions }: Account) => sessions.filter(({ isAlive }) => isAlive);
export const newestAccess = ({ accessTokens }: Session) => accessTokens.at(-1)?.text ?? "";
export const newestRefresh = ({ refreshTokens }: Session) => refreshTokens.at(-1) ?? "";

/** The sessions for which this holds are over. */
export function withoutSessions(account: Account, isOver: (session: Session) => boolean): Account {
  const sessions = account.sessions.map((session) => (isOver(session) ? { ...session, isAlive: false } : session));
  return { ...account, sessions };
}

/** A session was opened. */
export function withSession(account: Account, { userId, sessionId, accessToken, refreshToken }: Issued): Account {
  const tokens = { accessTokens: [{ text: accessToken, role: account.role }], refreshTokens: [refreshToken] };
  return { ...account, id: userId, sessions: [...account.sessions, { id: sessionId, isAlive: true, ...tokens }] };
}

/** A session was refreshed. */
export function withTokens(account: Account, { sessionId, accessToken, refreshToken }: Issued): Account {
  const sessions = account.sessions.map((session) => {
    if (session.id !== sessionId) return session;
    const accessTokens = [...session.accessTokens, { text: accessToken, role: account.role }];
    // Within the grace period the same token comes again.
    const isNew = newestRefresh(session) !== refreshToken;
    return { ...session, accessTokens, refreshTokens: [...session.refreshTokens, ...(isNew ? [refreshToken] : [])] };
  });
  return { ...account, sessions };
}

/** How a login with this password has to be answered. */
export function expectedLogin(account: Account, password: string): string {
  if (account.stage === "unknown" || password !== currentPassword(account)) return "401 invalid_credentials";
  if (account.stage === "registered") return "403 email_not_verified";
  return account.isSuspended ? "403 account_disabled" : "200";
}

/** How a request with this access token has to be answered. */
export function expectedAccess(account: Account, token: string): string {
  const isAlive = liveSessions(account).some(({ accessTokens }) =>
    accessTokens.some(({ text, role }) => text === token && role === account.role),
  );
  return isAlive ? "200" : "401 invalid_access_token";
}
