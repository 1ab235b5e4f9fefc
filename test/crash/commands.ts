/** The commands with which clients use and change an account. */
import { ROLES } from "../../src/verify/claims.ts";
import type { SeededRandom } from "../measure/seeded-random.ts";
import {
  type Account,
  currentPassword,
  expectedAccess,
  liveSessions,
  newestAccess,
  newestRefresh,
  passwordNumber,
  type Session,
  withoutSessions,
  withSession,
  withTokens,
} from "./account.ts";
import { type Asked, issuedIn } from "./client.ts";

export interface Command {
  name: string;
  asked: Asked;
  /** The answer that acknowledges the command. */
  acknowledged: string;
  /** The account after the command. Without the body of the answer, the account lacks what only the body says. */
  after(body?: unknown): Account;
  /**
   * If the command was sent at least this many milliseconds ago, and its answer was lost, `instead` replaces a
   * repetition.
   */
  expires?: { milliseconds: number; instead: Command };
}

/** For how long the service gives a refresh token the same successor again. The configuration allows no more. */
export const GRACE_SECONDS = 60;
/** How late a refresh may be repeated, in milliseconds: early enough to arrive within the grace period. */
const REPEATED_WITHIN = (GRACE_SECONDS - 20) * 1_000;

/** The maximum of live sessions of an account. It is small, because each session is examined after each crash. */
const MOST_SESSIONS = 5;

/** Chooses the next command for a registered account at random. */
export function chooseCommand(account: Account, random: SeededRandom, operator: string): Command {
  const live = liveSessions(account);
  const session = live[random.below(live.length)];
  if (account.stage !== "verified") return login(account);
  if (account.isSuspended) return random.below(2) === 0 ? suspend(account, false, operator) : login(account);
  if (session === undefined) return login(account);
  // The session's access tokens name a former role, so the service refuses them.
  if (session.accessTokens.at(-1)?.role !== account.role) return refresh(account, session);
  const possible: [number, () => Command][] = [
    [live.length < MOST_SESSIONS ? 20 : 0, () => login(account)],
    [30, () => refresh(account, session)],
    [10, () => readMe(account, random)],
    [10, () => changePassword(account, session)],
    [8, () => logout(account, session)],
    [4, () => logoutEverywhere(account, session)],
    [8, () => endSession(account, session, live[random.below(live.length)] ?? session)],
    [4, () => endOthers(account, session)],
    [10, () => changeRole(account, random, operator)],
    [3, () => revokeSessions(account, operator)],
    [3, () => suspend(account, true, operator)],
    [session.refreshTokens.length > 2 ? 8 : 0, () => replay(account, session)],
  ];
  let ticket = random.below(possible.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, command] of possible) {
    if (ticket < weight) return command();
    ticket -= weight;
  }
  return login(account);
}

export function register(account: Account): Command {
  const { email, username } = account;
  const body = { email, username, password: currentPassword(account) };
  return {
    name: "register",
    asked: { path: "/api/v1/auth/register", body },
    acknowledged: "202",
    after: () => ({ ...account, stage: "registered" }),
  };
}

export function verify(account: Account, token: string): Command {
  return {
    name: "verify the email address",
    asked: { path: "/api/v1/auth/verify-email", body: { token } },
    acknowledged: "200",
    after: () => ({ ...account, stage: "verified" }),
  };
}

export function login(account: Account): Command {
  const body = { email: account.email, password: currentPassword(account) };
  const isOpen = account.stage === "verified" && !account.isSuspended;
  const refused = account.stage === "verified" ? "403 account_disabled" : "403 email_not_verified";
  return {
    name: "log in",
    asked: { path: "/api/v1/auth/login", body },
    acknowledged: isOpen ? "200" : refused,
    after: (answer) => (isOpen && answer !== undefined ? withSession(account, issuedIn(answer)) : account),
  };
}

/** Refreshes a session. If the answer is lost, a repetition within the grace period returns the same successor. */
export function refresh(account: Account, session: Session): Command {
  return {
    name: "refresh",
    asked: { path: "/api/v1/auth/refresh", body: { refresh_token: newestRefresh(session) } },
    acknowledged: "200",
    after: (answer) => (answer === undefined ? account : withTokens(account, issuedIn(answer))),
    expires: { milliseconds: REPEATED_WITHIN, instead: logout(account, session) },
  };
}

function readMe(account: Account, random: SeededRandom): Command {
  const tokens = account.sessions.flatMap(({ accessTokens }) => accessTokens);
  const bearer = tokens[random.below(tokens.length)]?.text ?? "";
  const asked: Asked = { method: "GET", path: "/api/v1/users/me", bearer };
  return { name: "read", asked, acknowledged: expectedAccess(account, bearer), after: () => account };
}

function changePassword(account: Account, session: Session): Command {
  const password = passwordNumber(account.passwords.length + 1);
  const body = { current_password: currentPassword(account), new_password: password };
  return ended("change the password", account, ({ id }) => id !== session.id, {
    asked: { path: "/api/v1/users/change-password", body, bearer: newestAccess(session) },
    change: { passwords: [...account.passwords, password] },
  });
}

export function logout(account: Account, session: Session): Command {
  const asked: Asked = { path: "/api/v1/auth/logout", body: { refresh_token: newestRefresh(session) } };
  return ended("log out", account, ({ id }) => id === session.id, { asked });
}

function logoutEverywhere(account: Account, session: Session): Command {
  const body = { refresh_token: newestRefresh(session), all: true };
  return ended("log out everywhere", account, () => true, { asked: { path: "/api/v1/auth/logout", body } });
}

function endSession(account: Account, session: Session, other: Session): Command {
  const path = `/api/v1/users/me/sessions/${other.id}`;
  const asked: Asked = { method: "DELETE", path, bearer: newestAccess(session) };
  return ended("end a session", account, ({ id }) => id === other.id, { asked });
}

function endOthers(account: Account, session: Session): Command {
  const asked: Asked = { method: "DELETE", path: "/api/v1/users/me/sessions", bearer: newestAccess(session) };
  return ended("end the other sessions", account, ({ id }) => id !== session.id, { asked });
}

function revokeSessions({ id, ...account }: Account, bearer: string): Command {
  const asked: Asked = { path: `/api/v1/users/${id}/revoke-sessions`, bearer };
  return ended("end a user's sessions", { id, ...account }, () => true, { asked });
}

/** Uses a refresh token that already has two successors. The service treats that as theft, and ends the session. */
function replay(account: Account, session: Session): Command {
  const body = { refresh_token: session.refreshTokens.at(-3) };
  return ended("replay a refresh token", account, ({ id }) => id === session.id, {
    asked: { path: "/api/v1/auth/refresh", body },
    acknowledged: "401 refresh_token_reused",
  });
}

function suspend(account: Account, isSuspended: boolean, bearer: string): Command {
  const asked: Asked = {
    method: "PATCH",
    path: `/api/v1/users/${account.id}`,
    body: { is_active: !isSuspended },
    bearer,
  };
  const name = isSuspended ? "suspend" : "reinstate";
  return ended(name, account, () => isSuspended, { asked, acknowledged: "200", change: { isSuspended } });
}

/** Changes the user's role. The service then refuses access tokens with another role. */
function changeRole(account: Account, random: SeededRandom, bearer: string): Command {
  const others = ROLES.filter((role) => role !== account.role);
  const role = others[random.below(others.length)] ?? account.role;
  const asked: Asked = { method: "PATCH", path: `/api/v1/users/${account.id}`, body: { role }, bearer };
  return { name: "change the role", asked, acknowledged: "200", after: () => ({ ...account, role }) };
}

/** A command that ends sessions. */
function ended(
  name: string,
  account: Account,
  isOver: (session: Session) => boolean,
  { asked, acknowledged = "204", change = {} }: { asked: Asked; acknowledged?: string; change?: Partial<Account> },
): Command {
  return { name, asked, acknowledged, after: () => withoutSessions({ ...account, ...change }, isOver) };
}
