import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { perNetwork } from "../../endpoint/limits.ts";
import { statusSchema } from "../../http/status.ts";
import { turnstileToken } from "../../limits/turnstile.ts";
import { createId } from "../../platform/random.ts";
import { isRefusal } from "../../platform/refusal.ts";
import { newProfile } from "../../users/profile-fields.ts";
import { newAccountShape, refuseRegistration } from "../../users/registration-policy.ts";
import { ownerOf, registrationEvent } from "../../users/registrations.ts";

export const register = endpoint(
  {
    id: "register",
    method: "post",
    path: "/api/v1/auth/register",
    tag: "Authentication",
    summary: "Register",
    description:
      "Creates an unverified account and emails a verification link. An address that already has an account gets the same answer, and its owner gets an email about it.",
    body: (config) => z.strictObject({ ...newAccountShape(config), turnstile_token: turnstileToken }),
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
  async ({ clock, config, followUps, passwordQuality, passwords, random, registrations }, { body, client }) => {
    // Judged by the request alone, before anything is looked up: the answer is the same for every address.
    const checked = await passwordQuality.require("password", body.password, body);
    if (isRefusal(checked)) return checked;
    // Hashed in every case, so that a known address takes the same time.
    const hashed = await passwords.hash(body.password);
    if (isRefusal(hashed)) return hashed;

    const now = clock.now();
    const id = createId(now, random);
    const owner = ownerOf(body.email);
    const consequences = followUps.of({
      events: [{ type: registrationEvent(body.email), userId: owner, ...checked }],
      mails: [{ kind: "verify_email", registrationId: id }],
    });
    const refused = await registrations.add(
      {
        id,
        email: body.email,
        username: body.username,
        passwordHash: hashed.hash,
        ...newProfile(body),
        locale: client.locale,
        createdAt: now,
      },
      now - config.accounts.unverifiedLifetime,
      consequences,
    );
    if (refused !== undefined) return refused;
    await followUps.carryOut(consequences);
    return { status: "verification_required" };
  },
);
