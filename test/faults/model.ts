/**
 * What the service promises about one user, as a pure function: from a state (a `World`) and a request to the next
 * state and the outcome. This file knows nothing of how the service works.
 */

export interface World {
  account: "none" | "waiting" | "verified";
  isActive: boolean;
  role: "user" | "moderator";
  /** The numbers of the current address and password. Each address or password that is chosen gets the next number. */
  email: number;
  password: number;
  /** The live sessions. `isFresh`: the grace period of the previous refresh token has not ended. */
  sessions: Readonly<Record<string, { generation: number; isFresh: boolean }>>;
}

/** What a client knows about a session. */
export interface Held {
  session: string;
  generation: number;
  role: World["role"];
}

export type Request =
  | { kind: "register" | "verify" | "suspend" | "reinstate" | "promote" | "demote" | "remove" | "wait" }
  | { kind: "reset"; to: number }
  /** `session` is the id of the new session, if the client learned it. */
  | { kind: "login"; email: number; password: number; session?: string | undefined }
  | { kind: "refresh" | "logout" | "logoutEverywhere"; held: Held }
  | { kind: "move" | "changePassword" | "leave"; held: Held; password: number; to: number };

/** `ok`, or the code of the refusal. */
export type Step = { world: World; outcome: string };

export const NO_ACCOUNT: World = {
  ...{ account: "none", isActive: true, role: "user", email: 0, password: 0 },
  sessions: {},
};

/** The requests of operators about an existing user. */
const OPERATIONS: readonly Request["kind"][] = ["suspend", "reinstate", "promote", "demote", "remove"];

/** Whether an access token is accepted. */
export function accepts(world: World, { session, role }: Held): boolean {
  return world.account === "verified" && world.isActive && session in world.sessions && world.role === role;
}

export function step(world: World, request: Request): Step {
  const ok = (change: Partial<World> = {}): Step => ({ world: { ...world, ...change }, outcome: "ok" });
  const refused = (outcome: string, change: Partial<World> = {}): Step => ({ world: { ...world, ...change }, outcome });
  const without = (id: string) => Object.fromEntries(Object.entries(world.sessions).filter(([other]) => other !== id));
  const only = (id: string) => Object.fromEntries(Object.entries(world.sessions).filter(([other]) => other === id));

  if (world.account === "none" && OPERATIONS.includes(request.kind)) return refused("not_found");
  switch (request.kind) {
    case "register":
      return ok({ account: "waiting" });
    case "verify":
      return world.account === "none" ? refused("invalid_token") : ok({ account: "verified" });
    case "reset":
      return world.account === "none" ? refused("invalid_token") : ok({ password: request.to, sessions: {} });
    case "suspend":
      return ok({ isActive: false, sessions: world.isActive ? {} : world.sessions });
    case "reinstate":
      return ok({ isActive: true });
    case "promote":
      return ok({ role: "moderator" });
    case "demote":
      return ok({ role: "user" });
    case "remove":
      return ok(NO_ACCOUNT);
    case "wait": {
      const aged = Object.entries(world.sessions).map(([id, session]) => [id, { ...session, isFresh: false }]);
      return ok({ sessions: Object.fromEntries(aged) });
    }
    case "login": {
      const isRight = request.email === world.email && request.password === world.password;
      if (world.account === "none" || !isRight) return refused("invalid_credentials");
      if (world.account === "waiting") return refused("email_not_verified");
      if (!world.isActive) return refused("account_disabled");
      if (request.session === undefined) return ok();
      return ok({ sessions: { ...world.sessions, [request.session]: { generation: 1, isFresh: false } } });
    }
    case "refresh": {
      const { session, generation } = request.held;
      const live = world.sessions[session];
      if (live === undefined || generation > live.generation) return refused("invalid_refresh_token");
      if (generation === live.generation) {
        return ok({ sessions: { ...world.sessions, [session]: { generation: generation + 1, isFresh: true } } });
      }
      // The previous token: a response was lost, or two tabs refreshed. An older token means theft: the session ends.
      if (generation === live.generation - 1 && live.isFresh) return ok();
      return refused("refresh_token_reused", { sessions: without(session) });
    }
    case "logout":
      return ok({ sessions: without(request.held.session) });
    case "logoutEverywhere":
      return request.held.session in world.sessions ? ok({ sessions: {} }) : refused("invalid_access_token");
    default: {
      if (!accepts(world, request.held)) return refused("invalid_access_token");
      if (request.password !== world.password) return refused("wrong_password");
      if (request.kind === "leave") return ok(NO_ACCOUNT);
      if (request.kind === "move") return ok({ email: request.to });
      return ok({ password: request.to, sessions: only(request.held.session) });
    }
  }
}
