/**
 * Finds the accounts that a login name may belong to, in one batch, with statements that are built once per isolate.
 */
import { eq, type SQL, sql } from "drizzle-orm";
import { batchOf, type Database, prepareOnce } from "../db/client.ts";
import { registrations, users } from "../db/schema.ts";
import { selectKeyringVersion, versionIn } from "../keys/signing-key-rows.ts";
import type { LoginName } from "./login-names.ts";
import type { Registration, User } from "./user.ts";
import { hasUsername, selectRegistration, selectUser } from "./user-statements.ts";

/** The user and the waiting registration with the name, if they exist, and the version of the signing keys. */
export interface LoginCandidates {
  user: User | undefined;
  registration: Registration | undefined;
  keyringVersion: string;
}

const NAME = sql.placeholder("name");

/** The statements that find the candidates, for each kind of name that a client can send. */
const SELECT_CANDIDATES = {
  email: selectCandidates((table) => eq(table.email, NAME)),
  username: selectCandidates((table) => hasUsername(table, NAME)),
};

const selectVersion = prepareOnce(selectKeyringVersion);

export async function findCandidates(db: Database, name: LoginName): Promise<LoginCandidates> {
  const [select, value] =
    "email" in name ? [SELECT_CANDIDATES.email, name.email] : [SELECT_CANDIDATES.username, name.username];
  const { user, registration, keyring } = await batchOf(db, {
    user: select.user(db, { name: value }),
    registration: select.registration(db, { name: value }),
    keyring: selectVersion(db),
  });
  return { user: user[0], registration: registration[0], keyringVersion: versionIn(keyring) };
}

function selectCandidates(isNamed: (table: typeof users | typeof registrations) => SQL) {
  return {
    user: prepareOnce((db) => selectUser(db, isNamed(users))),
    registration: prepareOnce((db) => selectRegistration(db, isNamed(registrations))),
  };
}
