/**
 * A model of one account, as far as the service's answers show it. A command turns one state of the model into the
 * next. States are never modified: if the answer to a command is lost, the state before it and the state after it are
 * both possible.
 */
import type { Role } from "../../src/verify/claims.ts";

export interface Account {
  readonly email: string;
  readonly username: string;
  readonly stage: "unknown" | "registered" | "verified";
  readonly isSuspended: boolean;
  /** Empty until the first login returns it. */
  readonly id: string;
  readonly role: Role;
  /** Oldest first. Only the last password works. */
  readonly passwords: readonly string[];
  readonly sessions: readonly Session[];
}

export interface Session {
  readonly id: string;
  readonly isAlive: boolean;
  /** Oldest first. A token works while its session is alive and the user has the role in the token. */
  readonly accessTokens: readonly { readonly text: string; readonly role: Role }[];
  /** Oldest first. */
  readonly refreshTokens: readonly string[];
}

/** What a login or a refresh returns. */
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

/** The password with this number. It never contains the account's name, because the service would refuse that. */
export const passwordNumber = (number: number) => `correct horse battery ${number}`;

export const currentPassword = ({ passwords }: Account) => passwords.at(-1) ?? "";
export const liveSessions = ({ sessions }: Account) => sessions.filter(({ isAlive }) => isAlive);
export const newestAccess = ({ accessTokens }: Session) => accessTokens.at(-1)?.text ?? "";
export const newestRefresh = ({ refreshTokens }: Session) => refreshTokens.at(-1) ?? "";

/** The account after some of its sessions have ended: those for which `isOver` returns true. */
export function withoutSessions(account: Account, isOver: (session: Session) => boolean): Account {
  const sessions = account.sessions.map((session) => (isOver(session) ? { ...session, isAlive: false } : session));
  return { ...account, sessions };
}

/** The account after a login has opened a session. */
export function withSession(account: Account, { userId, sessionId, accessToken, refreshToken }: Issued): Account {
  const tokens = { accessTokens: [{ text: accessToken, role: account.role }], refreshTokens: [refreshToken] };
  return { ...account, id: userId, sessions: [...account.sessions, { id: sessionId, isAlive: true, ...tokens }] };
}

/** The account after a session was refreshed. */
export function withTokens(account: Account, { sessionId, accessToken, refreshToken }: Issued): Account {
  const sessions = account.sessions.map((session) => {
    if (session.id !== sessionId) return session;
    const accessTokens = [...session.accessTokens, { text: accessToken, role: account.role }];
    // Within the grace period, the service returns the same refresh token again.
    const isNew = newestRefresh(session) !== refreshToken;
    return { ...session, accessTokens, refreshTokens: [...session.refreshTokens, ...(isNew ? [refreshToken] : [])] };
  });
  return { ...account, sessions };
}

/** How the service has to answer a login with this password. */
export function expectedLogin(account: Account, password: string): string {
  if (account.stage === "unknown" || password !== currentPassword(account)) return "401 invalid_credentials";
  if (account.stage === "registered") return "403 email_not_verified";
  return account.isSuspended ? "403 account_disabled" : "200";
}

/** How the service has to answer a request with this access token. */
export function expectedAccess(account: Account, token: string): string {
  const isAlive = liveSessions(account).some(({ accessTokens }) =>
    accessTokens.some(({ text, role }) => text === token && role === account.role),
  );
  return isAlive ? "200" : "401 invalid_access_token";
}
