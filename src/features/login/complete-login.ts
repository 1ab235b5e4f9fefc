/** The end of every login whose last request contains no password. */
import type { Services } from "../../endpoint/services.ts";
import type { Exchange } from "../../http/exchange.ts";
import { isRefusal } from "../../platform/refusal.ts";
import type { OpenedSession } from "../../sessions/session-messages.ts";
import { presentUser } from "../../users/user.ts";
import { finishLogin, type LoginToRecord, recordLogin } from "./finish-login.ts";
import { handOut } from "./refresh-cookie.ts";
import type { StartedSession } from "./start-session.ts";

/** Records a login whose session is open, and returns the session's first tokens and the user. */
export async function completeLogin(
  services: Services,
  login: LoginToRecord,
  { started, opened }: { started: StartedSession; opened: OpenedSession },
  { exchange, cookie, details, trusts = false }: CompletedLogin,
) {
  const recorded = await recordLogin(services, login, started, details, trusts);
  const finished = await finishLogin(services, login, started, opened, recorded);
  if (isRefusal(finished)) return finished;
  exchange.identify(login.user.id);
  return { ...handOut(services, exchange, finished.tokens, cookie), user: presentUser(finished.user) };
}

interface CompletedLogin {
  exchange: Exchange;
  /** Whether the refresh token goes into a cookie. */
  cookie: boolean;
  /** The details of the audit event. */
  details: Parameters<typeof recordLogin>[3];
  /** Whether the user trusts the device from now on. */
  trusts?: boolean;
}
