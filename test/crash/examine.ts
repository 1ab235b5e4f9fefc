/**
 * Checks that the service still knows what it has acknowledged about an account, and still refuses former passwords and
 * ended sessions. If an answer was lost, all observations must fit the state before that command, or all must fit the
 * state after it: a command is never half done.
 */
import { type Account, expectedAccess, expectedLogin, liveSessions, newestRefresh, type Session } from "./account.ts";
import { type Asked, ask, issuedIn } from "./client.ts";
import { type Command, refresh } from "./commands.ts";

/** A command whose answer was lost. */
export interface Lost {
  command: Command;
  /** Milliseconds since the epoch. */
  sentAt: number;
}

/** What became of a lost command. A login or a refresh looks the same before and after. */
export type Verdict = "had happened" | "had not" | "either";

export interface Examined {
  account: Account;
  faults: string[];
  verdict?: Verdict;
  /** How many answers were judged. */
  judged: number;
}

interface Seen {
  what: string;
  said: string;
  expected(account: Account): string;
}

/** How many former passwords to try. */
const FORMER_PASSWORDS = 2;

/**
 * Examines an account. If a command's answer was lost and nothing shows that the command has happened, sends it again.
 * Does not try the ended sessions for which `isSpared` holds.
 */
export async function examine(
  origin: string,
  before: Account,
  lost: Lost | undefined,
  isSpared: (session: Session) => boolean = () => false,
): Promise<Examined> {
  const after = lost?.command.after() ?? before;
  const seen = await Promise.all([...tryPasswords(origin, after), ...tryAccessTokens(origin, after, isSpared)]);
  const [earlier, later] = [misfits(seen, before), misfits(seen, after)];
  const name = lost === undefined ? before.username : `${before.username}, whose "${lost.command.name}" was lost,`;
  if (earlier.length > 0 && later.length > 0) {
    const faults = (earlier.length < later.length ? earlier : later).map((misfit) => `${name} ${misfit}`);
    return { account: before, faults, judged: seen.length };
  }

  const hasHappened = earlier.length > 0;
  let account = hasHappened ? after : before;
  let judged = seen.length;
  const faults: string[] = [];
  const tell = async ({ name: what, asked, acknowledged, after }: Command) => {
    judged += 1;
    const { said, body } = await ask(origin, asked);
    if (said === acknowledged) account = after(body);
    else faults.push(`${name} ${misfit(what, said, acknowledged)}`);
  };
  if (lost !== undefined && !hasHappened) await tell(repetition(lost));
  for (const session of liveSessions(account)) await tell(refresh(account, session));
  const over = account.sessions.filter((session) => !session.isAlive && !isSpared(session));
  for (const session of over) await tell(refreshInVain(account, session));
  if (lost === undefined) return { account, faults, judged };
  return { account, faults, judged, verdict: hasHappened ? "had happened" : later.length > 0 ? "had not" : "either" };
}

/** Tries the last passwords of an account. Ends the session that a correct password opens. */
function tryPasswords(origin: string, { email, passwords }: Account): Promise<Seen>[] {
  return passwords.slice(-1 - FORMER_PASSWORDS).map(async (password, index) => {
    const { said, body } = await ask(origin, { path: "/api/v1/auth/login", body: { email, password } });
    if (said === "200") {
      const { refreshToken } = issuedIn(body);
      await ask(origin, { path: "/api/v1/auth/logout", body: { refresh_token: refreshToken } });
    }
    return { what: `password ${index + 1}`, said, expected: (state: Account) => expectedLogin(state, password) };
  });
}

function tryAccessTokens(origin: string, account: Account, isSpared: (session: Session) => boolean): Promise<Seen>[] {
  const tokens = account.sessions.filter((session) => !isSpared(session)).flatMap(({ accessTokens }) => accessTokens);
  return tokens.map(async ({ text }, index) => {
    const asked: Asked = { method: "GET", path: "/api/v1/users/me", bearer: text };
    const { said } = await ask(origin, asked);
    return { what: `access token ${index + 1}`, said, expected: (state: Account) => expectedAccess(state, text) };
  });
}

function refreshInVain(account: Account, session: Session): Command {
  const asked: Asked = { path: "/api/v1/auth/refresh", body: { refresh_token: newestRefresh(session) } };
  const name = "the refresh token of a session that is over";
  return { name, asked, acknowledged: "401 invalid_refresh_token", after: () => account };
}

function repetition({ command, sentAt }: Lost): Command {
  const { expires } = command;
  return expires !== undefined && Date.now() - sentAt > expires.milliseconds ? expires.instead : command;
}

function misfits(seen: readonly Seen[], state: Account): string[] {
  return seen.flatMap(({ what, said, expected }) =>
    said === expected(state) ? [] : [misfit(what, said, expected(state))],
  );
}

const misfit = (what: string, said: string, expected: string) => `${what}: ${said} instead of ${expected}`;
