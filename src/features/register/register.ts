import * as z from "zod";
import { chooseFirstPassword } from "../../accounts/first-password.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { perNetwork } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import type { Client } from "../../http/exchange.ts";
import { statusSchema } from "../../http/status.ts";
import { turnstileToken } from "../../limits/turnstile.ts";
import { allowedReturnTo, returnToField } from "../../links/return-to.ts";
import { createId } from "../../platform/random.ts";
import { isRefusal, type Refusal } from "../../platform/refusal.ts";
import { holderOfAddress, registrationEvent } from "../../users/event-subjects.ts";
import { usernameTaken } from "../../users/fields.ts";
import { canonicalName, loginNameKey } from "../../users/login-names.ts";
import { newProfile } from "../../users/profile-fields.ts";
import { newAccountShape, refuseRegistration } from "../../users/registration-policy.ts";
import type { Registration } from "../../users/user.ts";

/** How many times to try a registration if the same person sends several requests at the same time. */
const MOST_TRIES = 3;

export const register = endpoint(
  {
    id: "register",
    method: "post",
    path: "/api/v1/auth/register",
    tag: "Authentication",
    summary: "Register",
    description:
      "Creates an unverified account and emails a verification link. An address that already has an account gets the same answer, and its owner gets an email about it. A username that a waiting registration holds is taken, except for the person who made that registration: with the same password, the link is sent again, or the registration moves to another address. With `EMAIL_LOGIN=on`, the password may be left out: the user then logs in by email or with a passkey.",
    body: (config) =>
      z.strictObject({ ...newAccountShape(config), return_to: returnToField, turnstile_token: turnstileToken }),
    admit: ({ challenge, config }, { body, client }) =>
      refuseRegistration(config) ?? challenge.check(body.turnstile_token, client.ipAddress),
    limits: [perNetwork("registerPerAddress")],
    success: { status: 202, description: "An email is on its way.", schema: statusSchema("verification_required") },
    refusals: [
      "username_taken",
      "invitation_required",
      "registration_closed",
      "challenge_failed",
      "validation_failed",
      "busy",
      "unavailable",
    ],
  },
  async (services, { body, client }) => {
    const { clock, config, followUps, random, registrations } = services;
    // The password is hashed before the address is looked up, so that known and unknown addresses get the same answer
    // after the same time. Without a password, nothing is hashed for either.
    const chosen = await chooseFirstPassword(services, body);
    if (isRefusal(chosen)) return chosen;

    const now = clock.now();
    const id = createId(now, random);
    const returnTo = allowedReturnTo(body.return_to, config);
    const registration = {
      ...{ id, email: body.email, username: body.username, passwordHash: chosen.hash, createdAt: now },
      ...{ ...newProfile(body), locale: client.locale },
    };
    const expired = now - config.accounts.unverifiedLifetime;
    const consequences = followUps.of({
      events: [{ type: registrationEvent(body.email), userId: holderOfAddress(body.email), ...chosen.checked }],
      mails: [{ kind: "verify_email", registrationId: id, returnTo }],
    });
    // The same person may send this request several times at once. In each try, one of the others may come first.
    for (let tries = 1, replaced: Registration | undefined; tries <= MOST_TRIES; tries++) {
      const { isAdded, heldBy } = await registrations.add(registration, expired, consequences, replaced);
      if (isAdded) {
        await followUps.carryOut(consequences);
        return { status: "verification_required" };
      }
      if (heldBy === undefined) break;
      const isSame = await isSamePerson(services, heldBy, body, client);
      if (isRefusal(isSame)) return isSame;
      if (!isSame) break;
      if (heldBy.email !== body.email) replaced = heldBy;
      else if (await sendAgain(services, heldBy, registration, returnTo)) return { status: "verification_required" };
    }
    return usernameTaken();
  },
);

/**
 * Whether the person who registers now also made the registration that holds the username. They may have mistyped their
 * email address before, or received no response. The password of the earlier registration proves that they are the same
 * person. Each try counts as a login with this username, so registering gives no additional guesses at the password.
 * Without a password, there is no proof.
 */
async function isSamePerson(
  { afterResponse, loginAttempts, passwords }: Services,
  heldBy: Registration,
  { password, username }: { password?: string | undefined; username: string },
  { network }: Client,
): Promise<boolean | Refusal<"busy">> {
  if (password === undefined) return false;
  const attempt = await loginAttempts.take(loginNameKey({ username: canonicalName(username) }), network);
  // The password is checked even if the attempt is refused, so that the client gets the same response as after a wrong
  // password, after the same time.
  const check = await passwords.check(password, heldBy.passwordHash);
  if (isRefusal(check)) {
    await attempt.refund();
    return check;
  }
  const isAllowed = attempt.refusal === undefined && !attempt.isBlocked;
  if (!isAllowed || !check.matches) {
    afterResponse.add(attempt.count);
    return false;
  }
  await attempt.refund();
  return true;
}

/** Sends the link of a registration once more. Returns `false` if the registration no longer exists. */
async function sendAgain(
  { followUps, registrations }: Services,
  heldBy: Registration,
  { firstName, lastName, phone, locale }: Registration,
  returnTo: string | undefined,
): Promise<boolean> {
  const mail = { kind: "verify_email", registrationId: heldBy.id, returnTo } as const;
  const consequences = followUps.of({ events: [], mails: [mail] });
  const isRepeated = await registrations.repeat(heldBy, { firstName, lastName, phone, locale }, consequences);
  if (isRepeated) await followUps.carryOut(consequences);
  return isRepeated;
}
