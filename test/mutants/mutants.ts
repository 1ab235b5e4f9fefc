/**
 * Mutants: small mistakes in security-critical code, each with the tests that must notice it. They show that the suite
 * catches such mistakes, and that it still does after tests were merged, moved or made faster.
 * `npm run test:mutants` makes one mistake after the other in a copy of the tree and runs the tests named here.
 *
 * Only list mutants whose effect a client or an attacker could see. No test can notice the others.
 */

export interface Mutant {
  /** What is wrong with a service that has this mistake, as a whole sentence. */
  name: string;
  file: string;
  /** A text that occurs exactly once in the file. Short, so that it survives a reformatting. */
  from: string;
  to: string;
  /** The test files that must notice the mistake. */
  tests: readonly string[];
}

/** Replaces the text of a mutant in the content of its file. Throws unless the text occurs exactly once. */
export function mutate(content: string, { name, file, from, to }: Omit<Mutant, "tests">): string {
  const [before, after, ...more] = content.split(from);
  if (before === undefined || after === undefined || more.length > 0) {
    const count = content.split(from).length - 1;
    throw new Error(`"${name}" no longer applies: ${file} holds ${JSON.stringify(from)} ${count} times.`);
  }
  return before + to + after;
}

/** Mutants that the same tests must notice. */
function noticedBy(tests: readonly string[], mutants: readonly Omit<Mutant, "tests">[]): Mutant[] {
  return mutants.map((mutant) => ({ ...mutant, tests }));
}

export const MUTANTS: readonly Mutant[] = [
  // Refresh tokens and sessions
  ...noticedBy(
    ["test/auth/refresh.test.ts"],
    [
      {
        name: "A refresh token is accepted whatever its tag is.",
        file: "src/sessions/refresh-token.ts",
        from: "!secrets.verify(PURPOSE, content, bytes.subarray(CONTENT_BYTES))",
        to: "false",
      },
      {
        name: "The grace in which the previous refresh token is accepted never ends.",
        file: "src/sessions/refresh-rotation-and-reuse.ts",
        from: "generation === session.generation - 1 && isRecent(session, grace, now)",
        to: "generation === session.generation - 1",
      },
      {
        name: "Within the grace period, every older refresh token is accepted.",
        file: "src/sessions/refresh-rotation-and-reuse.ts",
        from: "generation === session.generation - 1",
        to: "generation < session.generation",
      },
      {
        name: "The reuse of a refresh token does not end its session.",
        file: "src/sessions/user-sessions-object.ts",
        from: "await this.#end([session], rules, now);\n    await",
        to: "await",
      },
      {
        name: "What was made with the previous secret is refused during a rotation.",
        file: "src/platform/crypto.ts",
        from: "[newest, deriver(previous)]",
        to: "[newest]",
      },
    ],
  ),
  ...noticedBy(
    ["test/auth/reauthenticate.test.ts"],
    [
      {
        name: "The refresh token of the lower level gets tokens of the higher one.",
        file: "src/sessions/user-sessions-object.ts",
        from: "isRaised ? 2 : 1",
        to: "1",
      },
      {
        name: "A refresh token that a higher level superseded ends its session at once.",
        file: "src/sessions/refresh-rotation-and-reuse.ts",
        from: "generation === raisedTo - 2 && isRecent(session, grace, now)",
        to: "false",
      },
      {
        name: "A refresh token that a higher level superseded never counts as reused.",
        file: "src/sessions/refresh-rotation-and-reuse.ts",
        from: "generation === raisedTo - 2 && isRecent(session, grace, now)",
        to: "generation === raisedTo - 2",
      },
      {
        name: "A superseded refresh token takes the newer cookie away.",
        file: "src/features/login/refresh.ts",
        from: '"rate_limited", "refresh_token_superseded"',
        to: '"rate_limited"',
      },
      {
        name: "A session whose user changed while the password was checked is renewed.",
        file: "src/features/login/reauthenticate.ts",
        from: "!isOfCurrentEpoch(owner, sessionId, renewed.epoch)",
        to: "false",
      },
    ],
  ),
  ...noticedBy(
    ["test/access/step-up.test.ts"],
    [
      {
        name: "The password is enough although the user has a second factor.",
        file: "src/endpoint/callers.ts",
        from: "caller.secondFactorSince !== null || !hasPassword(caller)",
        to: "!hasPassword(caller)",
      },
      {
        name: "A login without the second factor is enough while it is recent.",
        file: "src/endpoint/callers.ts",
        from: 'mustProve ? { acr: "aal2" as const, maxAge } : { maxAge }',
        to: "{ maxAge }",
      },
    ],
  ),
  ...noticedBy(
    ["test/users/no-password.test.ts"],
    [
      {
        name: "A user without a password needs no recent login for what others need the password for.",
        file: "src/endpoint/callers.ts",
        from: "caller.secondFactorSince !== null || !hasPassword(caller)",
        to: "caller.secondFactorSince !== null",
      },
      {
        name: "A user with a password may leave it out.",
        file: "src/accounts/check-password.ts",
        from: "password !== undefined || !hasPassword(user)",
        to: "true",
      },
    ],
  ),
  ...noticedBy(
    ["test/access/recent-user.test.ts"],
    [
      {
        name: "However old a login is, it counts as recent.",
        file: "src/endpoint/callers.ts",
        from: "missing === undefined ? principal",
        to: "missing !== null ? principal",
      },
    ],
  ),
  ...noticedBy(
    ["test/sessions/lifetimes.test.ts"],
    [
      {
        name: "A session that expired is still alive.",
        file: "src/sessions/session-records.ts",
        from: "WHERE id = ? AND expires_at > ?",
        to: "WHERE id = ? AND ? > 0",
      },
      {
        name: "Refreshes keep a session alive forever.",
        file: "src/sessions/user-sessions-object.ts",
        from: "Math.min(session.endsAt, now + rules.idleLifetime)",
        to: "now + rules.idleLifetime",
      },
    ],
  ),
  ...noticedBy(
    ["test/auth/logout.test.ts"],
    [
      {
        name: "The access token of an ended session is accepted.",
        file: "src/access/identify-user.ts",
        from: " || epoch === null) return undefined;\n  if (!isOfCurrentEpoch(user, claims.sid, epoch)) return undefined;",
        to: ") return undefined;",
      },
      {
        name: "A dead session's word ends every session, for want of an await.",
        file: "src/features/login/logout.ts",
        from: "(await services.sessions.endAllBy(userId, session))",
        to: "services.sessions.endAllBy(userId, session)",
      },
    ],
  ),
  ...noticedBy(
    ["test/sessions/revocations.test.ts"],
    [
      {
        name: "A report that one queue has accepted goes there again as long as the other queue fails.",
        file: "src/objects/owner-reports.ts",
        from: "...(isRefused(audit) && { event })",
        to: "...((isRefused(audit) || isRefused(mail)) && { event })",
      },
      {
        name: "A session that ends while KV takes the record before is never copied to KV.",
        file: "src/sessions/revocation-record.ts",
        from: "if (this.#changes === changes) ",
        to: "",
      },
      {
        name: "KV forgets an ended session while its access token may still be alive.",
        file: "src/sessions/revocation-record.ts",
        from: "return tokenLifetime + MINUTE",
        to: "return MINUTE",
      },
    ],
  ),

  ...noticedBy(
    ["test/sessions/issued-tokens.test.ts"],
    [
      {
        name: "A shorter lifetime of access tokens makes older tokens of ended sessions valid again.",
        file: "src/sessions/issued-tokens.ts",
        from: ", now + issued.refuseFor",
        to: "",
      },
      {
        name: "The first token with a shorter lifetime hides the longer ones of before.",
        file: "src/sessions/issued-tokens.ts",
        from: ", issued.othersUntil)",
        to: ")",
      },
      {
        name: "What a former version issued is not known to live longer.",
        file: "src/sessions/issued-tokens.ts",
        from: "storage.put(ISSUED, UNKNOWN)",
        to: "storage.put(ISSUED, NONE)",
      },
    ],
  ),

  // Changing and resetting a password
  ...noticedBy(
    ["test/users/change-password.test.ts"],
    [
      {
        name: "A session of an earlier epoch is accepted.",
        file: "src/access/identify-user.ts",
        from: "if (!isOfCurrentEpoch(user, claims.sid, epoch)) return undefined;",
        to: "",
      },
      {
        name: "A session of an earlier epoch can be refreshed.",
        file: "src/features/login/refresh.ts",
        from: "!isOfCurrentEpoch(user, sessionId, rotation.epoch)",
        to: "false",
      },
      {
        name: "A change of the password needs no current password.",
        file: "src/accounts/check-password.ts",
        from: "check.matches ?",
        to: "true ?",
      },
      {
        name: "Both of two changes of the password at once succeed.",
        file: "src/users/users.ts",
        from: "eq(users.sessionEpoch, sessionEpoch),\n              version",
        to: "version",
      },
      {
        name: "A session in an epoch that D1 has not reached is accepted.",
        file: "src/users/user.ts",
        from: "epoch === user.sessionEpoch ||",
        to: "epoch >= user.sessionEpoch ||",
      },
      {
        name: "Every session outlives a change of the password.",
        file: "src/users/user.ts",
        from: "(epoch < user.sessionEpoch && sessionId === user.keptSessionId)",
        to: "epoch < user.sessionEpoch",
      },
    ],
  ),
  ...noticedBy(
    ["test/auth/recovery.test.ts"],
    [
      {
        name: "An emailed link is good for every purpose.",
        file: "src/links/link-tokens.ts",
        from: "link/$",
        to: "link/",
      },
      {
        name: "A reset link outlives a reset and a change of the password.",
        file: "src/links/link-states.ts",
        from: "return [email, sessionEpoch]",
        to: "return [email]",
      },
      {
        name: "Each of many uses of a reset link at once succeeds.",
        file: "src/users/users.ts",
        from: "eq(users.email, email), eq(users.sessionEpoch, sessionEpoch)",
        to: "eq(users.email, email)",
      },
      {
        name: "A reset succeeds though the address changed while the password was hashed.",
        file: "src/users/users.ts",
        from: "eq(users.email, email), eq(users.sessionEpoch, sessionEpoch)",
        to: "eq(users.sessionEpoch, sessionEpoch)",
      },
    ],
  ),

  // Links that log in
  ...noticedBy(
    ["test/auth/email-login.test.ts"],
    [
      {
        name: "A login link logs in any browser.",
        file: "src/features/login/confirm-email-login.ts",
        from: "if (isSameBrowser(services, exchange, mailId)) return undefined;",
        to: "return undefined;",
      },
      {
        name: "A login link takes any code.",
        file: "src/features/login/confirm-email-login.ts",
        from: "isLoginCode(code, mailId, secrets)",
        to: "true",
      },
      {
        name: "The code of a login link can be guessed without a limit.",
        file: "src/features/login/confirm-email-login.ts",
        from: "if (refusal !== undefined) return refusal;",
        to: "",
      },
      {
        name: "The page of another site can use the cookie of a login link.",
        file: "src/features/login/email-login-cookie.ts",
        from: " && exchange.hasAllowedOrigin()",
        to: "",
      },
      {
        name: "A login link works any number of times.",
        file: "src/sessions/user-sessions-object.ts",
        from: "link !== undefined && !this.#factors.spend(link)",
        to: "false",
      },
      {
        name: "A login link works after the account has changed.",
        file: "src/features/login/confirm-email-login.ts",
        from: "!isOfState(link, recoveryState(user))",
        to: "false",
      },
      {
        name: "A login link goes to an address that is not verified.",
        file: "src/mail/compose.ts",
        from: "!user?.isVerified",
        to: "user === undefined",
      },
    ],
  ),

  // Registering and proving an address
  ...noticedBy(
    ["test/auth/verify-email.test.ts"],
    [
      {
        name: "An emailed link never expires.",
        file: "src/links/link-tokens.ts",
        from: "clock.now() >= expiresAt",
        to: "false",
      },
      {
        name: "An emailed link is accepted whatever its tag is.",
        file: "src/links/link-tokens.ts",
        from: "!secrets.verify(keyPurpose(purpose), content, tag)",
        to: "false",
      },
      {
        name: "The link of a second registration takes over an address that is proved.",
        file: "src/users/registrations.ts",
        from: "eq(users.email, registrations.email), isBareRegistration",
        to: "eq(users.email, registrations.email)",
      },
    ],
  ),
  ...noticedBy(
    ["test/auth/register.test.ts"],
    [
      {
        name: "A link carries its token in the query, where servers log it.",
        file: "src/links/link-url.ts",
        from: "#token=",
        to: "?token=",
      },
      {
        name: "The cron deletes users who proved their address long ago.",
        file: "src/users/registrations.ts",
        from: "= 0`, isBareRegistration)",
        to: "IN (0, 1)`)",
      },
    ],
  ),
  ...noticedBy(
    ["test/cron-tasks.test.ts"],
    [
      {
        name: "Two runs of the cron job at the same time send the same email.",
        file: "src/followups/follow-up-rows.ts",
        from: ".set({ dueAt: until })",
        to: ".set({ dueAt: now })",
      },
    ],
  ),
  ...noticedBy(
    ["test/users/email-addresses.test.ts"],
    [
      {
        name: "Two spellings of an email address are two accounts, with a budget each.",
        file: "src/platform/email-address.ts",
        from: "return local.toLowerCase() + canonicalDomain(domain);",
        to: "return local.toLowerCase() + domain;",
      },
      {
        name: "The domain of an email address can be an IP address, or anything else that begins like a domain.",
        file: "src/platform/email-address.ts",
        from: 'domain.includes(".") && isDomain(domain)',
        to: 'domain.includes(".")',
      },
    ],
  ),
  ...noticedBy(
    ["test/invitations/invitations.test.ts"],
    [
      {
        name: "An invitation can be accepted with another address than the invited one.",
        file: "src/features/invitations/accept-invitation.ts",
        from: "!isOfState(link, invitationState(body.email))",
        to: "false",
      },
      {
        name: "An invitation takes over an account that was proved a moment before.",
        file: "src/users/invitations.ts",
        from: "notExists(ownerOf(db, email)),",
        to: "",
      },
    ],
  ),

  ...noticedBy(
    ["test/invitations/accept-without-password.test.ts"],
    [
      {
        name: "Two equal requests without a password that meet both accept one invitation.",
        file: "src/users/invitations.ts",
        from: "idsOf(db, users, eq(users.id, id))",
        to: "madeBy(link)",
      },
      {
        name: "A new account needs no password, although its user can't log in by email.",
        file: "src/users/registration-policy.ts",
        from: "config.emailLogin ? password.optional() : password",
        to: "password.optional()",
      },
    ],
  ),

  ...noticedBy(
    ["test/invitations/records.test.ts"],
    [
      {
        name: "An invitation that was revoked a moment before makes a user.",
        file: "src/users/invitations.ts",
        from: "exists(retired), exists(spent(invitationId)), ",
        to: "exists(retired), ",
      },
    ],
  ),

  ...noticedBy(
    ["test/audit/export.test.ts"],
    [
      {
        name: "A cell of the CSV file is a formula that a client has chosen.",
        file: "src/audit/event-csv.ts",
        from: "quoted(harmless(",
        to: "quoted((",
      },
    ],
  ),

  ...noticedBy(
    ["test/invitations/first-superuser.test.ts"],
    [
      {
        name: "The link for the first superuser makes another one beside one that was made a moment before.",
        file: "src/users/invitations.ts",
        from: ", otherSuperuser && exists(otherSuperuser)",
        to: "",
      },
      {
        name: "The link for the first superuser works for another address than the variable names.",
        file: "src/features/invitations/accept-invitation.ts",
        from: "makesFirstSuperuser && body.email !== config.firstSuperuserEmail",
        to: "false",
      },
      {
        name: "Every run of the cron job logs a link for the first superuser.",
        file: "src/users/first-superuser.ts",
        from: "{notExists(recent)}",
        to: "{1}",
      },
      {
        name: "A link for the first superuser is logged where there is a superuser.",
        file: "src/users/first-superuser.ts",
        from: "{isOpen}",
        to: "{1}",
      },
    ],
  ),

  ...noticedBy(
    ["test/users/usernames.test.ts"],
    [
      {
        name: "A stranger takes a username that waits, with any password.",
        file: "src/features/register/register.ts",
        from: "!isAllowed || !check.matches",
        to: "!isAllowed",
      },
      {
        name: "Registering gives guesses at the password of a registration without end.",
        file: "src/features/register/register.ts",
        from: "attempt.refusal === undefined && !attempt.isBlocked",
        to: "true",
      },
      {
        name: "A username is taken from a user who was proved.",
        file: "src/users/profiles.ts",
        from: "and(isExpected, notExists(owner), notExists(retired))",
        to: "and(isExpected, notExists(retired))",
      },
      {
        name: "The former username of a user who renamed and then deletes the account is free at once.",
        file: "src/users/profiles.ts",
        from: "        retire: retireUsername(db, before, retiredUntil, isChanged),\n",
        to: "",
      },
    ],
  ),

  // Changing the address, and leaving
  ...noticedBy(
    ["test/users/change-email.test.ts"],
    [
      {
        name: "A change of the address is kept though the password changed while the old one was checked.",
        file: "src/users/email-changes.ts",
        from: "eq(users.id, userId), eq(users.email, oldEmail), eq(users.sessionEpoch, sessionEpoch)",
        to: "eq(users.id, userId), eq(users.email, oldEmail)",
      },
      {
        name: "A change of the address can be confirmed after a change of the password.",
        file: "src/users/email-changes.ts",
        from: "isConfirmable, eq(users.email, oldEmail), eq(users.sessionEpoch, sessionEpoch)",
        to: "isConfirmable, eq(users.email, oldEmail)",
      },
      {
        name: "An older change of the address can be confirmed beside a newer one.",
        file: "src/users/email-changes.ts",
        from: "        notExists(newerThan(id)),\n",
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/users/leaving.test.ts"],
    [
      {
        name: "An account is deleted though its password changed at that moment.",
        file: "src/users/deletions.ts",
        from: "eq(users.sessionEpoch, user.sessionEpoch),",
        to: "",
      },
      {
        name: "A login that was under way opens a session of a deleted account.",
        file: "src/sessions/user-sessions-object.ts",
        from: "if (this.#closed.isClosed(now)) return null;",
        to: "",
      },
      {
        name: "The username of a deleted account can be registered at once.",
        file: "src/users/registrations.ts",
        from: "exists(retiredUsername(db, username, now))",
        to: "undefined",
      },
    ],
  ),

  // Operators
  ...noticedBy(
    ["test/admin/verify-by-hand.test.ts"],
    [
      {
        name: "A verification by hand keeps the password of the person who registered the address.",
        file: "src/features/administration/update-user.ts",
        from: "isVerified === true && wasNeverProved(target) ? UNENDORSED : {}",
        to: "{}",
      },
      {
        name: "A suspension makes an account that no owner has used one that can get a role.",
        file: "src/users/user.ts",
        from: "{ ...user, isVerified: false, sessionEpoch: 0 }",
        to: "{ ...user, isVerified: false }",
      },
    ],
  ),
  ...noticedBy(
    ["test/access/permissions.test.ts"],
    [
      {
        name: "The routes of operators do not ask on whom a permission counts.",
        file: "src/endpoint/callers.ts",
        from: "may(principal.user, permission, target) ?",
        to: "true ?",
      },
      {
        name: "Whoever may edit a user can grant the superuser flag.",
        file: "src/features/administration/update-user.ts",
        from: 'return "grant_superuser"',
        to: 'return "edit_users"',
      },
    ],
  ),
  ...noticedBy(
    ["test/admin/lookup.test.ts"],
    [
      {
        name: "Moderators list everybody.",
        file: "src/features/administration/list-users.ts",
        from: 'operator("list_users")',
        to: 'operator("read_users")',
      },
      {
        name: "A moderator can look up any number of users.",
        file: "src/features/administration/look-up-user.ts",
        from: 'limits: [perUser("userLookupPerUser")],',
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/admin/search.test.ts"],
    [
      {
        name: "A user whose email and username are both found is listed twice.",
        file: "src/users/search.ts",
        from: "OR NOT (",
        to: "OR TRUE OR (",
      },
      {
        name: "A search ends with a page that is not full.",
        file: "src/users/search.ts",
        from: "page.at(-1) : reached[0]",
        to: "page.at(-1) : undefined",
      },
    ],
  ),
  ...noticedBy(
    ["test/growth.test.ts"],
    [
      {
        name: "The events of a user are looked up among those of everyone that have the type.",
        file: "src/audit/event-rows.ts",
        from: "isOfUser || isOfActor ? sql",
        to: "isOfUser && isOfActor ? sql",
      },
      {
        name: "A list of events before a time reads all that are between it and the page.",
        file: "src/audit/event-rows.ts",
        from: "lt(table.id, end),",
        to: "lt(table.id, before), until === undefined ? undefined : lt(table.id, earliestId(until)),",
      },
      {
        name: "Whether there is another superuser is looked up among all users.",
        file: "src/users/user-statements.ts",
        from: "and(isSuperuser, eq(users.isActive",
        to: "and(eq(users.isSuperuser, true), eq(users.isActive",
      },
    ],
  ),
  ...noticedBy(
    ["test/admin/users.test.ts"],
    [
      {
        name: "An access token is accepted that names a role of before.",
        file: "src/access/identify-user.ts",
        from: "claims.role !== user.role || ",
        to: "",
      },
      {
        name: "The last two superusers can demote themselves at the same time.",
        file: "src/users/administration.ts",
        from: "weakens ? isSpare : undefined",
        to: "undefined",
      },
      {
        name: "The last two superusers can delete themselves at the same time.",
        file: "src/users/deletions.ts",
        from: "or(eq(users.isSuperuser, false), exists(others)),",
        to: "",
      },
      {
        name: "An operator changes a user after losing the standing for it.",
        file: "src/users/administration.ts",
        from: "stillHasStanding(actor),",
        to: "",
      },
      {
        name: "An operator changes a user who rose above them a moment ago.",
        file: "src/users/administration.ts",
        from: "eq(users.updatedAt, target.updatedAt),",
        to: "",
      },
    ],
  ),

  // Logging in
  ...noticedBy(
    ["test/auth/login.test.ts"],
    [
      {
        name: "An account can be logged in to before its address is proved.",
        file: "src/features/login/login.ts",
        from: "isUsers && user.isVerified",
        to: "isUsers",
      },
      {
        name: "A login goes on although its limit is used up.",
        file: "src/features/login/login.ts",
        from: "if (attempt.refusal !== undefined) return attempt.refusal;",
        to: "",
      },
      {
        name: "A login takes back a password that was changed while the old one was hashed again.",
        file: "src/users/users.ts",
        from: "CASE WHEN ",
        to: "CASE WHEN 1 OR ",
      },
    ],
  ),
  ...noticedBy(
    ["test/limits/login-guard.test.ts"],
    [
      {
        name: "A login ignores that the directory says the password is blocked.",
        file: "src/accounts/check-password.ts",
        from: "(!isKnownNetwork && user !== undefined && user.passwordBlockedAt !== null)",
        to: "false",
      },
      {
        name: "Wrong guesses at an account are not counted.",
        file: "src/limits/pause-after-wrong-guesses.ts",
        from: "guesses.count += 1;",
        to: "",
      },
      {
        name: "The pause between wrong guesses does not grow.",
        file: "src/limits/pause-after-wrong-guesses.ts",
        from: "doublingPause(excess, rule.window, LONGEST_PAUSE)",
        to: "rule.window",
      },
    ],
  ),
  ...noticedBy(
    ["test/limits/current-password.test.ts"],
    [
      {
        name: "Wrong current passwords do not count towards the block.",
        file: "src/limits/login-guard-object.ts",
        from: "guesses.hidden += 1;",
        to: "",
      },
      {
        name: "A right current password counts as a guess.",
        file: "src/accounts/check-password.ts",
        from: 'isRefusal(check) || check.outcome === "right") await',
        to: "isRefusal(check)) await",
      },
      {
        name: "A change of the username forgives the guesses before it.",
        file: "src/limits/login-attempts.ts",
        from: "isLastAtAny ||= verdict.isLast;",
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/mail/mailbox-limits.test.ts"],
    [
      {
        name: "Strangers can use up the email that is reserved for a reset link.",
        file: "src/limits/budgets.ts",
        from: "reserved: 1 }",
        to: "reserved: 0 }",
      },
      {
        name: "The reset links that strangers request are not part of the sum of emails.",
        file: "src/mail/compose.ts",
        from: "event.byStranger ? strangerMailLimits(to, true) : []",
        to: "[]",
      },
    ],
  ),
  ...noticedBy(
    ["test/limits/login-budget.test.ts"],
    [
      {
        name: "Of logins that come at once, more succeed than the user's budget allows.",
        file: "src/users/users.ts",
        from: ", budget?.isLeft",
        to: "",
      },
      {
        name: "The refusal of a login beyond the budget counts as a wrong guess.",
        file: "src/features/login/open-session.ts",
        from: "await attempt.refundGuess();\n    return spent;",
        to: "return spent;",
      },
    ],
  ),
  ...noticedBy(
    ["test/limits/guard-memory.test.ts"],
    [
      {
        name: "Guesses at a user's password are forgotten after a day.",
        file: "src/limits/login-guard-state.ts",
        from: "isOfUser ? GUARD_MEMORY : PAUSE_MEMORY",
        to: "PAUSE_MEMORY",
      },
      {
        name: "The pauses at a user's name are remembered for longer than those at an unknown one.",
        file: "src/limits/pause-after-wrong-guesses.ts",
        from: "if (now - guesses.lastAt < PAUSE_MEMORY) return;",
        to: "if (now > 0) return;",
      },
    ],
  ),
  ...noticedBy(
    ["test/limits/networks.test.ts"],
    [
      {
        name: "The networks of one /48 share no budget.",
        file: "src/limits/networks.ts",
        from: "if (site === undefined) return [{ rule, key: network }];",
        to: "if (network !== undefined) return [{ rule, key: network }];",
      },
    ],
  ),
  ...noticedBy(
    ["test/limits/lockout.test.ts"],
    [
      {
        name: "A login from a known network forgives strangers their wrong guesses.",
        file: "src/limits/login-guard-object.ts",
        from: "before === undefined ? none() : unknown",
        to: "none()",
      },
      {
        name: "A login with a password that was replaced meanwhile makes its network a known one.",
        file: "src/users/users.ts",
        from: "eq(users.isActive, true), eq(users.sessionEpoch, sessionEpoch)",
        to: "eq(users.isActive, true)",
      },
    ],
  ),
  ...noticedBy(
    ["test/limits/limits.test.ts"],
    [
      {
        name: "Logins under way do not count at their network.",
        file: "src/limits/rate-limiter-object.ts",
        from: "if (isAllowed) this.#leases.push(",
        to: "if (!isAllowed) this.#leases.push(",
      },
      {
        name: "Wrong passwords count at their network only until their lease ends.",
        file: "src/features/login/login.ts",
        from: "services.afterResponse.add(attempt.count);",
        to: "",
      },
      {
        name: "A login goes on although a limiter does not answer.",
        file: "src/limits/budgets.ts",
        from: "if (failure !== undefined) throw failure.reason;",
        to: "",
      },
      {
        name: "Attempts that are refused anyway use up a stranger's budget.",
        file: "src/limits/budgets.ts",
        from: "await refundAll(answers.filter((answer) => answer.readings.every(({ reading }) => reading.allowed)));",
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/limits/rate-limiter.test.ts"],
    [
      {
        name: "Every budget allows one attempt too many.",
        file: "src/limits/gcra.ts",
        from: "next - now <= rule.window + ROUNDING",
        to: "next - now <= rule.window + cost + ROUNDING",
      },
    ],
  ),
  ...noticedBy(
    ["test/http/client-address.test.ts"],
    [
      {
        name: "A client can choose the address that its attempts are counted by.",
        file: "src/http/client-address.ts",
        from: 'c.req.header("CF-Connecting-IP")',
        to: 'c.req.header("X-Forwarded-For") ?? c.req.header("CF-Connecting-IP")',
      },
    ],
  ),
  ...noticedBy(
    ["test/challenges/turnstile.test.ts"],
    [
      {
        name: "A challenge counts as solved where Turnstile does not answer.",
        file: "src/limits/turnstile.ts",
        from: 'return refuse("unavailable");',
        to: "return undefined;",
      },
    ],
  ),

  // Passwords
  ...noticedBy(
    ["test/passwords/scrypt.test.ts"],
    [
      {
        name: "A login of an unknown user computes no hash, which its time tells.",
        file: "src/passwords/passwords.ts",
        from: "against.verify(password, engines) && known",
        to: "known && against.verify(password, engines)",
      },
      {
        name: "An imported scrypt hash at the configured cost passes for one of ours.",
        file: "src/passwords/scrypt.ts",
        from: 'stored.endsWith("=") || ',
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/passwords/quality.test.ts"],
    [
      {
        name: "A password is set unchecked where a check is required and nobody answers.",
        file: "src/passwords/quality.ts",
        from: 'hasLeaked === undefined && rules.breachCheck === "required"',
        to: "false",
      },
      {
        name: "A password may be one of the most common ones.",
        file: "src/passwords/quality.ts",
        from: "if (await isCommon(password))",
        to: "if (false)",
      },
      {
        name: "A password may be a character shorter than the least length.",
        file: "src/passwords/faults.ts",
        from: "< minimumLength",
        to: "< minimumLength - 1",
      },
    ],
  ),

  ...noticedBy(
    ["test/passwords/doors.test.ts"],
    [
      {
        name: "A password is set unchecked where another file is served as the list of common passwords.",
        file: "src/passwords/fingerprint-set.ts",
        from: "if (!isIntact) return undefined;",
        to: "",
      },
    ],
  ),

  // Passkeys
  ...noticedBy(
    ["test/factors/webauthn.test.ts"],
    [
      {
        name: "A passkey of another site is accepted.",
        file: "src/factors/passkeys/authenticator-data.ts",
        from: "!constantTimeEqual(sha256(utf8(rpId)), data.rpIdHash)",
        to: "false",
      },
      {
        name: "A passkey is accepted without the user.",
        file: "src/factors/passkeys/authenticator-data.ts",
        from: "!data.isUserPresent",
        to: "false",
      },
      {
        name: "A passkey is accepted without a check of who uses it.",
        file: "src/factors/passkeys/authenticator-data.ts",
        from: "!data.isUserVerified",
        to: "false",
      },
      {
        name: "Bytes after the data of an authenticator are ignored.",
        file: "src/factors/passkeys/authenticator-data.ts",
        from: "end !== bytes.byteLength",
        to: "end === undefined",
      },
      {
        name: "A login can be answered with a registration.",
        file: "src/factors/passkeys/client-data.ts",
        from: "data.type !== ceremony",
        to: "false",
      },
      {
        name: "A passkey is accepted for any challenge.",
        file: "src/factors/passkeys/client-data.ts",
        from: "data.challenge !== challenge.text",
        to: "false",
      },
      {
        name: "A passkey is accepted from the page of any origin.",
        file: "src/factors/passkeys/client-data.ts",
        from: "!origins.includes(data.origin)",
        to: "false",
      },
      {
        name: "A passkey is accepted from a frame in the page of another site.",
        file: "src/factors/passkeys/client-data.ts",
        from: "data.crossOrigin === true || data.topOrigin !== undefined",
        to: "false",
      },
      {
        name: "A passkey is accepted whatever its signature is.",
        file: "src/factors/passkeys/verify-assertion.ts",
        from: "!(await isSignedBy(stored, signature, signed))",
        to: "false",
      },
      {
        name: "A passkey logs in another user than its own.",
        file: "src/factors/passkeys/verify-assertion.ts",
        from: "readUserHandle(sent) === userId",
        to: "true",
      },
      {
        name: "A passkey is stored under an id that its authenticator did not give.",
        file: "src/factors/passkeys/verify-registration.ts",
        from: "credentialId !== id",
        to: "false",
      },
      {
        name: "A passkey whose key cannot be used is registered.",
        file: "src/factors/passkeys/verify-registration.ts",
        from: " || !(await isUsable(key))",
        to: "",
      },
      {
        name: "A short RSA key is accepted.",
        file: "src/factors/passkeys/public-key.ts",
        from: "const SHORTEST_MODULUS_BYTES = 256",
        to: "const SHORTEST_MODULUS_BYTES = 128",
      },
      {
        name: "An ECDSA signature has many forms.",
        file: "src/factors/passkeys/public-key.ts",
        from: "isTopBitSet(digits) === isPadded && ",
        to: "",
      },
      {
        name: "Of two members of the same name, the last counts.",
        file: "src/factors/passkeys/cbor.ts",
        from: " && value.size === size",
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/factors/passkey-challenges.test.ts"],
    [
      {
        name: "A challenge never expires.",
        file: "src/factors/passkeys/challenge.ts",
        from: "clock.now() >= expiresAt",
        to: "false",
      },
      {
        name: "A challenge is accepted whatever its tag is.",
        file: "src/factors/passkeys/challenge.ts",
        from: "!secrets.verify(keyPurpose(purpose), content, tag)",
        to: "false",
      },
      {
        name: "A challenge is good for every purpose.",
        file: "src/factors/passkeys/challenge.ts",
        from: "passkey-challenge/$",
        to: "passkey-challenge/",
      },
    ],
  ),
  // Second factors
  ...noticedBy(
    ["test/factors/second-factor.test.ts"],
    [
      {
        name: "The password alone opens a session although the user has a second factor.",
        file: "src/sessions/session-factors.ts",
        from: "return kinds.length > 0 ?",
        to: "return kinds.length < 0 ?",
      },
      {
        name: "A code of an authenticator app works again.",
        file: "src/factors/totp.ts",
        from: " && step > lastStep",
        to: "",
      },
      {
        name: "A recovery code works again.",
        file: "src/factors/recovery-codes.ts",
        from: "if (isSpent) this.#kept.put(MACS, others);",
        to: "",
      },
      {
        name: "One login that waits for its second factor opens a session with each code.",
        file: "src/factors/second-factors.ts",
        from: "if (login !== undefined) this.#spent.add(login);",
        to: "",
      },
      {
        name: "Wrong codes of a second factor are free.",
        file: "src/factors/factor-attempts.ts",
        from: "else if (rule !== undefined) this.#countWrong(rule, now);",
        to: "",
      },
      {
        name: "An authenticator app is asked for before a code has confirmed it.",
        file: "src/factors/factor-records.ts",
        from: "IS NULL ORDER BY id",
        to: "IS NULL OR 1 ORDER BY id",
      },
      {
        name: "A login that waits for its second factor outlives a change of the password.",
        file: "src/features/login/second-factor.ts",
        from: " || user.sessionEpoch !== pending.epoch",
        to: "",
      },
      {
        name: "A login waits for its second factor for ever.",
        file: "src/factors/pending-login.ts",
        from: "clock.now() < login.expiresAt",
        to: "true",
      },
    ],
  ),
  ...noticedBy(
    ["test/factors/trusted-devices.test.ts"],
    [
      {
        name: "A device stays trusted after a change of the factors.",
        file: "src/sessions/session-factors.ts",
        from: "trustedDevices.removeAll();\n        reports",
        to: "reports",
      },
      {
        name: "A device stays trusted after an operator has ended all sessions.",
        file: "src/sessions/user-sessions-object.ts",
        from: "if (kept === null) this.#trustedDevices.removeAll();",
        to: "",
      },
      {
        name: "A device is trusted although the login failed after all.",
        file: "src/sessions/user-sessions-object.ts",
        from: "if (isTakenBack) this.#trustedDevices.remove(sessionId);",
        to: "",
      },
      {
        name: "A user can trust any number of devices.",
        file: "src/factors/trusted-device-records.ts",
        from: "const MOST_TRUSTED = 20",
        to: "const MOST_TRUSTED = 2_000",
      },
      {
        name: "The cookie of a trusted device counts where the origin is not checked.",
        file: "src/features/login/trusted-device.ts",
        from: "cookie ? readTokenCookies",
        to: "true ? readTokenCookies",
      },
      {
        name: "Devices stay trusted although the operator allows none.",
        file: "src/features/login/trusted-device.ts",
        from: "if (services.config.sessions.trustedDeviceLifetime === 0) return [];",
        to: "",
      },
      {
        name: "A login from a device that is not trusted any more makes a known network unknown.",
        file: "src/features/login/open-session.ts",
        from: "const isAsked = isExpected || isDemanded;",
        to: "const isAsked = isExpected ? trustedDevice === undefined : isDemanded;",
      },
    ],
  ),
  ...noticedBy(
    ["test/factors/imported-factors.test.ts"],
    [
      {
        name: "An imported user with second factors can't log in, because the user's object never asks D1.",
        file: "src/sessions/user-sessions-object.ts",
        from: "    if (step?.isExpected) await this.#sessionFactors.adopt(userId);\n",
        to: "",
      },
      {
        name: "Imported factors are taken over twice by two logins at the same time.",
        file: "src/sessions/session-factors.ts",
        from: "if (imported === undefined || since === null || this.#hasState || closed.isClosed(now)) return;",
        to: "if (imported === undefined) return;",
      },
      {
        name: "Imported factors that an operator has removed come back with the next factor.",
        file: "src/factors/second-factor-flag.ts",
        from: ", `imported_factors` = NULL",
        to: "",
      },
      {
        name: "The owner is told again of each repeated removal of their factors.",
        file: "src/factors/user-factors.ts",
        from: "(isKnown && (await isKnownToDirectory(userId)))",
        to: "isKnown",
      },
    ],
  ),
  ...noticedBy(
    ["test/factors/email-codes.test.ts"],
    [
      {
        name: "An emailed code finishes a login that began with an emailed link.",
        file: "src/features/login/first-step.ts",
        from: 'by !== "email" || kind !== "email"',
        to: "true",
      },
      {
        name: "An emailed code is good for every login of its user.",
        file: "src/factors/email-code.ts",
        from: "secrets.sign(PURPOSE, utf8(loginId))",
        to: 'secrets.sign(PURPOSE, utf8(""))',
      },
      {
        name: "An emailed code stands in for an authenticator app.",
        file: "src/factors/second-factors.ts",
        from: "isEmailAlone(factors) && now",
        to: "now",
      },
      {
        name: "An emailed code works again where a clock is behind.",
        file: "src/factors/second-factors.ts",
        from: " && now < login.expiresAt",
        to: "",
      },
      {
        name: "Codes by email stay in force beside a new authenticator app.",
        file: "src/factors/new-factors.ts",
        from: "this.#records.deleteEmail();\n        this.#records.use",
        to: "this.#records.use",
      },
      {
        name: "A session without the stronger factor that has replaced codes by email reauthenticates with the password.",
        file: "src/sessions/user-sessions-object.ts",
        from: "judge === undefined && !this.#factors.isStrong",
        to: "judge === undefined",
      },
      {
        name: "An emailed code counts as a second factor of its own kind.",
        file: "src/sessions/authentication.ts",
        from: 'only `aal1`.\n  email: ["email"]',
        to: 'only `aal1`.\n  email: ["otp"]',
      },
      {
        name: "A user who must have a second factor turns on codes by email.",
        file: "src/features/factors/add-email.ts",
        from: "mustHaveFactor(config, user) || ",
        to: "",
      },
      {
        name: "A code is emailed for a login from before a change of the password.",
        file: "src/mail/compose.ts",
        from: " || user.sessionEpoch !== epoch || clock",
        to: " || clock",
      },
    ],
  ),
  ...noticedBy(
    ["test/factors/factor-policy.test.ts"],
    [
      {
        name: "A user who must have a second factor logs in with the password alone.",
        file: "src/sessions/session-factors.ts",
        from: "step?.isDemanded ?",
        to: "false ?",
      },
      {
        name: "The password alone adds a further second factor.",
        file: "src/factors/new-factors.ts",
        from: " || this.#records.list().length > 0) return",
        to: ") return",
      },
      {
        name: "One login adds a second factor again, after an operator has removed it.",
        file: "src/factors/new-factors.ts",
        from: " || this.#spent.has(login) || this.#records.list().length > 0",
        to: " || this.#records.list().length > 0",
      },
      {
        name: "A login that waits for a new second factor outlives a change of the password.",
        file: "src/features/login/enrolment.ts",
        from: " && user.sessionEpoch === enrolment.epoch",
        to: "",
      },
      {
        name: "An operator without a second factor keeps every permission.",
        file: "src/endpoint/callers.ts",
        from: "(await refuseWithoutFactor(services, principal)) ?? principal",
        to: "principal",
      },
      {
        name: "An operator who has a second factor need not prove it.",
        file: "src/endpoint/callers.ts",
        from: 'authentication.acr === "aal2" || !isFactorDue',
        to: "caller.secondFactorSince !== null || !isFactorDue",
      },
      {
        name: "Moderators need no second factor.",
        file: "src/access/permissions.ts",
        from: "namesOf(PERMISSIONS).some((permission) => may(user, permission))",
        to: 'may(user, "list_users")',
      },
      {
        name: "The grace begins again at each login.",
        file: "src/access/factor-policy.ts",
        from: "? (user.secondFactorDemandedAt ?? now) : null;",
        to: "? now : null;",
      },
      {
        name: "The last second factor can be removed by a user who must have one.",
        file: "src/factors/second-factors.ts",
        from: "keepsLast && !others.some(isStrong)",
        to: "false",
      },
      {
        name: "A user who has a second factor by choice may have a password of 8 characters.",
        file: "src/access/factor-policy.ts",
        from: "isFactorDue(rules, user, now) ? minimumLengthWithFactor",
        to: "isFactorDue(rules, user, now) || true ? minimumLengthWithFactor",
      },
    ],
  ),
  ...noticedBy(
    ["test/users/remove-password.test.ts"],
    [
      {
        name: "The password is removed although the last passkey was removed meanwhile.",
        file: "src/features/account/remove-password.ts",
        from: ", version: owner.updatedAt }",
        to: " }",
      },
      {
        name: "The password is removed by a caller who does not know it.",
        file: "src/features/account/remove-password.ts",
        from: "if (refused !== undefined) return refused;",
        to: "",
      },
      {
        name: "The last passkey of a user without a password can be removed.",
        file: "src/factors/user-factors.ts",
        from: "hasPassword || !factors.isLastPasskey(id) ?",
        to: "true ?",
      },
      {
        name: "A passkey that is about to be removed counts as a way to log in.",
        file: "src/factors/last-passkey.ts",
        from: "this.#claims.add(claim);",
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/factors/totp.test.ts"],
    [
      {
        name: "Codes of an authenticator app are good for two steps more.",
        file: "src/factors/totp.ts",
        from: "const TOLERANCE = 1",
        to: "const TOLERANCE = 2",
      },
    ],
  ),
  ...noticedBy(
    ["test/factors/changes.test.ts"],
    [
      {
        name: "Second factors can be changed by a session of the password alone.",
        file: "src/endpoint/callers.ts",
        from: "if (secondFactorSince === null) return false;",
        to: "if (secondFactorSince !== undefined) return false;",
      },
      {
        name: "A user can have any number of second factors.",
        file: "src/factors/new-factors.ts",
        from: "if (this.#records.list().length >= MOST_FACTORS) return false;",
        to: "",
      },
      {
        name: "A login that is asked for its second factor counts as a wrong guess.",
        file: "src/features/login/ask-for-factor.ts",
        from: "await attempt.refundGuess();\n  services.audit",
        to: "services.audit",
      },
    ],
  ),

  // Cookies, origins and hosts
  ...noticedBy(
    ["test/auth/cookie-mode.test.ts"],
    [
      {
        name: "Scripts can read the refresh cookie.",
        file: "src/features/login/token-cookies.ts",
        from: "httpOnly: true,",
        to: "",
      },
      {
        name: "Other sites send the refresh cookie along.",
        file: "src/features/login/token-cookies.ts",
        from: "sameSite: SAME_SITE[config.sessions.cookieSameSite],",
        to: "",
      },
      {
        name: "The refresh cookie goes to every route.",
        file: "src/features/login/token-cookies.ts",
        from: "path: PATH",
        to: 'path: "/"',
      },
      {
        name: "The refresh cookie is taken from a foreign page.",
        file: "src/features/login/refresh-cookie.ts",
        from: "!exchange.hasAllowedOrigin()",
        to: "false",
      },
      {
        name: "An origin is allowed that merely begins like this service's own.",
        file: "src/http/request-origin.ts",
        from: "new URL(url).origin === origin",
        to: "origin.startsWith(new URL(url).origin)",
      },
    ],
  ),
  ...noticedBy(
    ["test/auth/cookie-choice.test.ts"],
    [
      {
        name: "The refresh cookie of an https service is one that http can set.",
        file: "src/features/login/token-cookies.ts",
        from: '.protocol === "https:"',
        to: '.protocol === "http:"',
      },
      {
        name: "Another app's cookie of the same name locks the user out.",
        file: "src/features/login/refresh-cookie.ts",
        from: "ours.length > 0",
        to: "false",
      },
      {
        name: "One request can try the sessions of any number of cookies.",
        file: "src/features/login/refresh-cookie.ts",
        from: ".slice(0, MOST_TRIED)",
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/http/foreign-pages.test.ts"],
    [
      {
        name: "A page of a sibling host counts as one of ours.",
        file: "src/http/request-origin.ts",
        from: ' || site === "same-site"',
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/http/head.test.ts"],
    [
      {
        name: "HEAD makes an export, and records it.",
        file: "src/endpoint/endpoint.ts",
        from: 'declaration.method === "get" && limits.length === 0',
        to: 'declaration.method === "get"',
      },
    ],
  ),
  ...noticedBy(
    ["test/config.test.ts"],
    [
      {
        name: "An origin with a wildcard may be listed.",
        file: "src/config/settings/allowed-origins-and-cookie.ts",
        from: "[\\w.~-]+(:",
        to: "[\\w.~*-]+(:",
      },
      {
        name: "An asterisk may be listed among the headers.",
        file: "src/config/settings/allowed-origins-and-cookie.ts",
        from: "/^[a-z][\\w-]{0,63}$/i",
        to: "/^[a-z*][\\w-]{0,63}$/i",
      },
    ],
  ),
  ...noticedBy(
    ["test/http/http.test.ts"],
    [
      {
        name: "Every page may read every answer across origins.",
        file: "src/http/cors.ts",
        from: "PUBLIC.test(c.req.path)",
        to: "true",
      },
      {
        name: "An answer of the API may load what it likes.",
        file: "src/http/security-headers.ts",
        from: "default-src 'none'",
        to: "default-src 'self'",
      },
      {
        name: "Answers may be stored by caches.",
        file: "src/http/security-headers.ts",
        from: 'headers.set("Cache-Control", "no-store")',
        to: "{}",
      },
      {
        name: "A body of 128 KiB is read.",
        file: "src/http/body.ts",
        from: "maxSize: MAX_BODY_BYTES",
        to: "maxSize: 2 * MAX_BODY_BYTES",
      },
      {
        name: "A form of a foreign page can send JSON as plain text.",
        file: "src/http/body.ts",
        from: '!== "application/json"',
        to: '=== ""',
      },
      {
        name: "The log repeats the parameters of a query that failed.",
        file: "src/platform/log.ts",
        from: "innermost = innermost.cause;",
        to: "break;",
      },
    ],
  ),
  ...noticedBy(
    ["test/error-reports.test.ts"],
    [
      {
        name: "Sentry gets the whole message of an error.",
        file: "src/platform/error-reports.ts",
        from: "value: withoutValues(error)",
        to: "value: error",
      },
      {
        name: "Sentry gets the passphrase that an error names.",
        file: "src/platform/without-values.ts",
        from: "ANNOUNCES.test(word)",
        to: "false",
      },
      {
        name: "A storm of errors sends each of them to Sentry.",
        file: "src/platform/error-reports.ts",
        from: "minute.sent >= MOST_A_MINUTE || alike >= MOST_ALIKE_A_MINUTE",
        to: "false",
      },
    ],
  ),
  ...noticedBy(
    ["test/http/http.test.ts"],
    [
      {
        name: "A production service answers plain http.",
        file: "src/http/expect-host.ts",
        from: '!c.req.url.startsWith("https:")',
        to: "false",
      },
    ],
  ),
  ...noticedBy(
    ["test/mail/delivery.test.ts"],
    [
      {
        name: "Development mode answers other hosts, and shows them its mails.",
        file: "src/http/expect-host.ts",
        from: "!isLoopback(new URL(c.req.url).hostname)",
        to: "false",
      },
      {
        name: "Names in mails can be markup.",
        file: "src/platform/escape-html.ts",
        from: '.replaceAll("<", "&lt;")',
        to: "",
      },
      {
        name: "A mail that could not be delivered counts as sent, for want of an await.",
        file: "src/mail/deliver.ts",
        from: "await transport.deliver(mail)",
        to: "transport.deliver(mail).catch(() => {})",
      },
    ],
  ),
  ...noticedBy(
    ["test/mail/strangers-words.test.ts"],
    [
      {
        name: "A stranger can put a link into an email with a scheme.",
        file: "src/mail/client-words.ts",
        from: '.replaceAll(/(?<=\\p{L}[\\p{L}\\d+.-]*):(?=\\S)|:(?=[^\\s\\d])/gu, ": ")',
        to: "",
      },
      {
        name: "A stranger can put a link into an email with a username.",
        file: "src/mail/client-words.ts",
        from: 'username.replaceAll(".", ". ")',
        to: "username",
      },
    ],
  ),
  ...noticedBy(
    ["test/mail/refusals.test.ts"],
    [
      {
        name: "An email that a server refused for good is sent again and again.",
        file: "src/mail/deliver.ts",
        from: "error.refused === undefined",
        to: "true",
      },
      {
        name: "An address that a server refused for good gets the next email.",
        file: "src/mail/deliver.ts",
        from: "clock.now() < suppressedUntil",
        to: "false",
      },
    ],
  ),
  ...noticedBy(
    ["test/mail/transports/smtp-tls.test.ts"],
    [
      {
        name: "A mail goes out in the clear where the server offers no TLS.",
        file: "src/mail/transports/smtp.ts",
        from: 'requireTLS: tls === "starttls"',
        to: "requireTLS: false",
      },
    ],
  ),
  ...noticedBy(
    ["test/mail/transports/smtp-content.test.ts"],
    [
      {
        name: "A line break in an address adds a header or a recipient to a mail.",
        file: "src/mail/transports/smtp.ts",
        from: "requirePlainAddress(mail.to);",
        to: "",
      },
    ],
  ),

  // Access tokens and signing keys
  ...noticedBy(
    ["test/users/me.test.ts"],
    [
      {
        name: "A disabled user's access token is accepted.",
        file: "src/access/identify-user.ts",
        from: "!user.isActive || ",
        to: "",
      },
      {
        name: "An access token is accepted for an hour after it expired.",
        file: "src/verify/access-token.ts",
        from: "clockTolerance: expectations.clockTolerance",
        to: "clockTolerance: 3_600",
      },
    ],
  ),
  ...noticedBy(
    ["test/tokens/attacks.test.ts"],
    [
      {
        name: "Another JWT of the issuer passes for an access token.",
        file: "src/verify/access-token.ts",
        from: "typ: TOKEN_TYPE,",
        to: "",
      },
      {
        name: "An access token of another issuer is accepted.",
        file: "src/verify/access-token.ts",
        from: "issuer: expectations.issuer,",
        to: "",
      },
      {
        name: "An access token for another audience is accepted.",
        file: "src/verify/access-token.ts",
        from: "audience: expectations.audience,",
        to: "",
      },
      {
        name: "An access token may name another algorithm than its key's.",
        file: "src/verify/access-token.ts",
        from: " || key.algorithm !== header.alg",
        to: "",
      },
      {
        name: "An access token may name a key that there is none of.",
        file: "src/keys/keyring.ts",
        from: ".find((key) => key.id === id)",
        to: "[0]",
      },
    ],
  ),
  ...noticedBy(
    ["test/keys/rotation.test.ts"],
    [
      {
        name: "A key signs before verifiers could know it.",
        file: "src/keys/signing-key.ts",
        from: ".filter((key) => key.signsFrom <= now)",
        to: "",
      },
      {
        name: "A key is no longer published while its last token is alive.",
        file: "src/keys/signing-key.ts",
        from: " + tokenLifetime;",
        to: ";",
      },
      {
        name: "A revoked key stays published.",
        file: "src/keys/signing-key.ts",
        from: "key.revokedAt === null && now <",
        to: "now <",
      },
      {
        name: "The access tokens of a revoked key are accepted by an isolate that has not heard of it.",
        file: "src/access/identify-user.ts",
        from: "(await keyring.isTrusted(keyId, keyringVersion))",
        to: "true",
      },
      {
        name: "A token of a revoked key ends every session of its user.",
        file: "src/features/login/logout.ts",
        from: "isTrusted && (await services.sessions.endAllBy(userId, session))",
        to: "await services.sessions.endAllBy(userId, session)",
      },
      {
        name: "A sealed private key opens in the row of another key.",
        file: "src/platform/crypto.ts",
        from: "additionalData: utf8(context)",
        to: 'additionalData: utf8("")',
      },
    ],
  ),
  ...noticedBy(
    ["test/keys/resealing.test.ts"],
    [
      {
        name: "A key is sealed again by each of many isolates.",
        file: "src/keys/signing-key-rows.ts",
        from: "eq(signingKeys.id, id), eq(signingKeys.sealedPrivateJwk, sealedPrivateJwk)",
        to: "eq(signingKeys.id, id)",
      },
    ],
  ),
  ...noticedBy(
    ["test/platform.test.ts"],
    [
      {
        name: "What was signed for one purpose is accepted for another.",
        file: "src/platform/crypto.ts",
        from: "postern/v1/$",
        to: "postern/v1/",
      },
    ],
  ),

  // Other Workers
  ...noticedBy(
    ["test/verify/verifier.test.ts"],
    [
      {
        name: "A verifier accepts a token where KV does not answer.",
        file: "src/verify/revocations.ts",
        from: 'throw new VerificationError("revocations_unavailable", { cause });',
        to: "return { sessions: {} };",
      },
      {
        name: "A verifier accepts a role that KV says has changed.",
        file: "src/verify/revocations.ts",
        from: " || (role !== undefined && role !== claims.role)",
        to: "",
      },
      {
        name: "A strict verifier accepts a token where Postern does not answer.",
        file: "src/verify/service.ts",
        from: 'throw new VerificationError("strict_answer_unavailable", { cause });',
        to: "return true;",
      },
    ],
  ),
  ...noticedBy(
    ["test/verify/require-auth.test.ts"],
    [
      {
        name: "The middleware lets every role through.",
        file: "src/verify/require-auth.ts",
        from: "!isAtLeast(role, options.role)",
        to: "false",
      },
    ],
  ),
  ...noticedBy(
    ["test/verify/issuer-keys.test.ts"],
    [
      {
        name: "A verifier believes keys of before a lull, in which one may have been revoked.",
        file: "src/verify/issuer-keys.ts",
        from: "age >= reading.freshFor && !isDown()",
        to: "false",
      },
    ],
  ),
  ...noticedBy(
    ["test/rpc/auth-service.test.ts"],
    [
      {
        name: "A caller over RPC is told what failed inside.",
        file: "src/features/rpc/run-call.ts",
        from: 'throw new Error("unavailable");',
        to: "throw error;",
      },
    ],
  ),

  // Steps of every endpoint
  ...noticedBy(
    ["test/limits/changes.test.ts"],
    [
      {
        name: "What a user does to their own account has no budget.",
        file: "src/endpoint/endpoint.ts",
        from: "isRecorded && caller?.changes !== undefined",
        to: "false",
      },
    ],
  ),
  ...noticedBy(
    ["test/limits/limits.test.ts"],
    [
      {
        name: "A request is answered although a limit of its endpoint is used up.",
        file: "src/endpoint/endpoint.ts",
        from: "if (refusal !== undefined) return refusal;",
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/users/change-password.test.ts"],
    [
      {
        name: "A wrong current password is refunded to its limit.",
        file: "src/endpoint/limits.ts",
        from: 'counts: (code) => code === "wrong_password"',
        to: "counts: () => false",
      },
      {
        name: "A right current password stays counted as a guess.",
        file: "src/endpoint/endpoint.ts",
        from: "await refund(isProblem(answer) ? answer.code : undefined);",
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/challenges/turnstile.test.ts"],
    [
      {
        name: "An endpoint runs although its own first check refused.",
        file: "src/endpoint/endpoint.ts",
        from: "if (refused !== undefined) return refused;",
        to: "",
      },
    ],
  ),

  // The audit log
  ...noticedBy(
    ["test/audit/audit.test.ts"],
    [
      {
        name: "The audit log does not say that a login failed.",
        file: "src/features/login/login.ts",
        from: 'services.audit.note("login_failed", { userId: user?.id, details: { reason } });',
        to: "",
      },
      {
        name: "Audit events are lost where the database does not take them, for want of an await.",
        file: "src/audit/record.ts",
        from: "await auditEvents.add(events);",
        to: "auditEvents.add(events).catch(() => {});",
      },
    ],
  ),
  ...noticedBy(
    ["test/audit/archive.test.ts"],
    [
      {
        name: "Events that are moved keep the personal data of a user who is deleted meanwhile.",
        file: "src/audit/archive.ts",
        from: "await forgetDeleted(events);",
        to: "",
      },
      {
        name: "An event is deleted from D1 in the run that copies it, so that a list can miss it.",
        file: "src/audit/archive.ts",
        from: "stored_at <= unixepoch()",
        to: "0 <= unixepoch()",
      },
      {
        name: "Every event on the page is deleted from D1, copied long enough ago or not.",
        file: "src/audit/archive.ts",
        from: "await db.delete(auditEvents).where(isAmong(id, settled));",
        to: "await db.delete(auditEvents).where(isAmong(id, rows.map((row) => row.id)));",
      },
      {
        name: "A list of events shows the address of a deleted user as long as it is in the other database.",
        file: "src/audit/event-store.ts",
        from: "? { ...row, ipAddress: null, userAgent: null } : row",
        to: "? row : row",
      },
      {
        name: "An event that is in both databases is listed twice.",
        file: "src/audit/event-store.ts",
        from: "!known.has(id)",
        to: "true",
      },
    ],
  ),
  ...noticedBy(
    ["test/auth/refresh.test.ts"],
    [
      {
        name: "The audit log does not say that a refresh token was reused.",
        file: "src/sessions/user-sessions-object.ts",
        from: "    this.#reports.add(event, news, { origin, traceparent: rules.traceparent }, now);\n",
        to: "",
      },
    ],
  ),
  // Faults: mistakes that only show when a call fails, or an isolate is lost
  ...noticedBy(
    ["test/faults/background.test.ts"],
    [
      {
        name: "A reused refresh token is reported once, also if a queue does not accept it.",
        file: "src/objects/owner-reports.ts",
        from: "left.event === undefined && left.notice === undefined",
        to: "true",
      },
      {
        name: "A report that failed waits until something else makes the alarm fire.",
        file: "src/objects/object-alarm.ts",
        from: "delivery.isLeft ? delivery.dueAt(now) : undefined",
        to: "undefined",
      },
      {
        name: "An event that was copied to the archive is not deleted where it was.",
        file: "src/audit/archive.ts",
        from: "if (settled.length > 0)",
        to: "if (settled.length < 0)",
      },
    ],
  ),
  ...noticedBy(
    ["test/faults/emails.test.ts"],
    [
      {
        name: "The time limit of Resend has no effect.",
        file: "src/mail/transports/resend.ts",
        from: "      signal: AbortSignal.timeout(TIMEOUT),\n",
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/faults/storage.test.ts"],
    [
      {
        name: "An object of a name that was once stored without an alarm is never emptied.",
        file: "src/limits/login-guard-object.ts",
        from: "if ((await this.ctx.storage.getAlarm()) === null) await",
        to: "if (kept.touchedAt === 0) await",
      },
      {
        name: "The Metrics object forgets what was scraped.",
        file: "src/metrics/metrics-object.ts",
        from: "    this.#store();\n    const waiting",
        to: "    const waiting",
      },
    ],
  ),
  ...noticedBy(
    ["test/faults/routes.test.ts"],
    [
      {
        name: "A login that fails leaves its session behind.",
        file: "src/features/login/start-session.ts",
        from: "      await retry(() => sessions.takeBack(userId, sessionId));\n",
        to: "",
      },
      {
        name: "A follow-up that failed counts as carried out.",
        file: "src/accounts/follow-ups.ts",
        from: "          return [];\n",
        to: "          return [followUp.id];\n",
      },
      {
        name: "A device is known before the owner is told of it.",
        file: "src/features/login/finish-login.ts",
        from: "if (await mail.notifyNow(notice)) await sessions.rememberDevice(userId, sessionId, device);",
        to: "await sessions.rememberDevice(userId, sessionId, device);\n      await mail.notifyNow(notice);",
      },
      {
        name: "A check of the service waits for a store without end.",
        file: "src/features/service/readiness.ts",
        from: "await inTime(call)",
        to: "await call",
      },
    ],
  ),
  ...noticedBy(
    ["test/pages/return-to.test.ts"],
    [
      {
        name: "The pages lead to an origin that only begins like a listed one.",
        file: "src/links/return-to.ts",
        from: ".includes(origin)",
        to: ".some((one) => wish.startsWith(one))",
      },
      {
        name: "The pages lead to a listed origin over http.",
        file: "src/links/return-to.ts",
        from: '!(development || origin.startsWith("https:"))',
        to: "false",
      },
      {
        name: "The pages take an address with characters that browsers skip.",
        file: "src/links/return-to.ts",
        from: " || !CHARACTERS.test(wish)",
        to: "",
      },
      {
        name: "The pages lead to another host by a path with dot segments.",
        file: "src/links/return-to.ts",
        from: ' && !pathname.startsWith("//")',
        to: "",
      },
      {
        name: "An email carries any address to return to.",
        file: "src/features/recovery/forgot-password.ts",
        from: "allowedReturnTo(return_to, config)",
        to: "return_to",
      },
    ],
  ),
  ...noticedBy(
    ["test/pages/encoded-hash.test.ts"],
    [
      {
        name: "The fragment in an address to return to counts as that of the emailed link.",
        file: "src/http/restore-fragment.ts",
        from: "    if (/[?&]return_to=[^&]*$/.test(before)) return next();\n",
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/auth/cookie-mode.test.ts"],
    [
      {
        name: "A refresh that does not restore a session gets no refusal.",
        file: "src/features/login/refresh.ts",
        from: "body.restore && tokens.code",
        to: "tokens.code",
      },
    ],
  ),
  ...noticedBy(
    ["test/operations/limits.test.ts"],
    [
      {
        name: "Operators can reset the limits of their own requests.",
        file: "src/features/operations/limit-counters.ts",
        from: '  if (id === actor.id) return refuse("forbidden");\n',
        to: "",
      },
      {
        name: "The end of a pause takes back the guesses.",
        file: "src/limits/pause-after-wrong-guesses.ts",
        from: "  guesses.hidden += guesses.count;\n",
        to: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/operations/configuration.test.ts"],
    [
      {
        name: "Operators see the values of secrets.",
        file: "src/config/settings-in-force.ts",
        from: "isSecret ? null : ",
        to: "",
      },
    ],
  ),
];
