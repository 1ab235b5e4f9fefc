/** What an operator can do to a user. Before each act, a dialog says what the act does. */
import { useState } from "preact/hooks";
import { isAllowed, type Permission } from "../../access.ts";
import { api, type Me, type User, type Versioned } from "../../api.ts";
import { Choice, Field } from "../../controls.tsx";
import { fill, type Words, words } from "../../words.ts";
import { FormDialog } from "../dialog.tsx";
import { changeUser } from "./changes.ts";
import { standingOf } from "./standing.tsx";

export type ActName = keyof Words["user"]["acts"];

type Standing = keyof Words["roles"];

const GRANTS: Record<Standing, Permission> = {
  user: "grant_user",
  moderator: "grant_moderator",
  admin: "grant_admin",
  superuser: "grant_superuser",
};

interface Rule {
  permission: Permission;
  isDangerous: boolean;
  /** Whether the act makes sense for this user. For example, a verified user can't be verified again. */
  concerns: (user: User) => boolean;
  run: (seen: Versioned<User>) => Promise<unknown>;
}

const always = () => true;
const pathOf = ({ data: { id } }: Versioned<User>) => ({ params: { path: { id } } });

/** In the order of the buttons. */
const RULES: Record<Exclude<ActName, "changeRole">, Rule> = {
  verify: {
    permission: "edit_users",
    isDangerous: false,
    concerns: ({ is_verified }) => !is_verified,
    run: (seen) => changeUser(seen, { is_verified: true }),
  },
  resendVerification: {
    permission: "edit_users",
    isDangerous: false,
    concerns: ({ is_verified }) => !is_verified,
    run: ({ data: { email } }) => api.POST("/api/v1/auth/resend-verification", { body: { email } }),
  },
  sendReset: {
    permission: "send_password_resets",
    isDangerous: false,
    concerns: always,
    run: (seen) => api.POST("/api/v1/users/{id}/send-password-reset", pathOf(seen)),
  },
  reinstate: {
    permission: "suspend_users",
    isDangerous: false,
    concerns: ({ is_active }) => !is_active,
    run: (seen) => changeUser(seen, { is_active: true }),
  },
  endSessions: {
    permission: "end_sessions",
    isDangerous: false,
    concerns: always,
    run: (seen) => api.POST("/api/v1/users/{id}/revoke-sessions", pathOf(seen)),
  },
  removeFactors: {
    permission: "remove_factors",
    isDangerous: true,
    concerns: ({ second_factor_since }) => second_factor_since !== null,
    run: (seen) => api.DELETE("/api/v1/users/{id}/factors", pathOf(seen)),
  },
  suspend: {
    permission: "suspend_users",
    isDangerous: true,
    concerns: ({ is_active }) => is_active,
    run: (seen) => changeUser(seen, { is_active: false }),
  },
  delete: {
    permission: "delete_users",
    isDangerous: true,
    concerns: always,
    run: (seen) => api.DELETE("/api/v1/users/{id}", pathOf(seen)),
  },
};

/** What the operator can do to the user now. */
export function actsOn(me: Me, user: User): { name: ActName; isDangerous: boolean }[] {
  const names: (keyof typeof RULES)[] = Object.keys(RULES).filter((name): name is keyof typeof RULES => name in RULES);
  const others = names.flatMap((name) => {
    const { permission, isDangerous, concerns } = RULES[name];
    return isAllowed(me, permission, user) && concerns(user) ? [{ name, isDangerous }] : [];
  });
  return rolesFor(me, user).length > 1 ? [{ name: "changeRole", isDangerous: false }, ...others] : others;
}

/** The standings (a role or superuser) that the operator may give the user, and the user's current standing. */
function rolesFor(me: Me, user: User): Standing[] {
  const standings: Standing[] = ["user", "moderator", "admin", "superuser"];
  return standings.filter((standing) => {
    if (standing === standingOf(user)) return true;
    // To give a superuser another standing, the operator must be allowed to take the superuser flag away.
    const takesFlag = user.is_superuser && !isAllowed(me, "grant_superuser", user);
    return !takesFlag && isAllowed(me, GRANTS[standing], user);
  });
}

interface ActProps {
  me: Me;
  name: ActName;
  seen: Versioned<User>;
  onClose: () => void;
  onDone: (text: string) => void;
  /** Shows the current state of the user. */
  reload: () => void;
}

/** The dialog that asks before an act. */
export function Act({ me, name, seen, onClose, onDone, reload }: ActProps) {
  const { data: user } = seen;
  const [role, setRole] = useState<Standing>(standingOf(user));
  const [typed, setTyped] = useState("");
  const [fault, setFault] = useState<string>();
  const texts = words.user.acts[name];
  const { acts } = words.user;
  const named = { name: user.username };

  const run = async () => {
    if (name !== "changeRole") await RULES[name].run(seen);
    else if (role !== standingOf(user)) await changeUser(seen, changeTo(role, user));
    onDone(fill(texts.done, named));
  };
  const isReady = () => {
    const isWrong = name === "delete" && typed.trim() !== user.username;
    setFault(isWrong ? acts.delete.mismatch : undefined);
    return !isWrong;
  };
  const options = rolesFor(me, user).map((standing) => [standing, words.roles[standing]] as const);
  return (
    <FormDialog
      title={fill(texts.heading, named)}
      label={texts.confirm}
      isDangerous={name !== "changeRole" && RULES[name].isDangerous}
      act={run}
      isReady={isReady}
      onOvertaken={reload}
      onClose={onClose}
    >
      <p class="sub">{user.email}</p>
      <ul class="follows">
        {texts.follows.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {name === "changeRole" && (
        <Choice
          label={acts.changeRole.field}
          value={role}
          onChoose={(value) => setRole(options.find(([option]) => option === value)?.[0] ?? role)}
          options={options}
        />
      )}
      {name === "delete" && (
        <Field label={fill(acts.delete.field, named)} value={typed} onInput={setTyped} fault={fault} />
      )}
    </FormDialog>
  );
}

/** A superuser has a role too, besides the superuser flag. The role counts again when the user loses the flag. */
function changeTo(standing: Standing, { is_superuser }: User) {
  if (standing === "superuser") return { is_superuser: true };
  return { role: standing, ...(is_superuser ? { is_superuser: false } : {}) };
}
