/** Registration: it waits until the address is proved by mail. Answers alike whether or not the address is taken. */
import type * as z from "zod";
import { isRefusal } from "../http/problems.ts";
import { createId } from "../platform/random.ts";
import type { Services } from "../services.ts";
import { usernameTaken } from "../users/fields.ts";
import type { registerBody } from "./schemas.ts";

export async function register(services: Services, body: z.output<ReturnType<typeof registerBody>>, locale: string) {
  const { audit, clock, config, mail, passwordQuality, passwords, random, registrations } = services;
  // By the request alone, before anything is looked up: the same for every address.
  const judged = await passwordQuality.require("password", body.password, body);
  if (isRefusal(judged)) return judged;
  // Hashed in every case: a known address costs the same time.
  const hashed = await passwords.hash(body.password);
  if (isRefusal(hashed)) return hashed;

  const now = clock.now();
  const id = createId(now, random);
  const registered = await registrations.add(
    {
      id,
      email: body.email,
      username: body.username,
      passwordHash: hashed.hash,
      firstName: body.first_name ?? null,
      lastName: body.last_name ?? null,
      phone: body.phone ?? null,
      locale,
      createdAt: now,
    },
    now - config.accounts.unverifiedLifetime,
  );
  if (registered.outcome === "username_taken") {
    return usernameTaken();
  }
  try {
    await mail.request(
      registered.outcome === "owned"
        ? { kind: "account_exists", userId: registered.userId }
        : { kind: "verify_email", registrationId: id },
    );
  } catch (error) {
    // Taken back, so that the same request can be tried again: without a mail it leads nowhere.
    await registrations.withdraw(id);
    throw error;
  }
  const { outcome, userId } = registered;
  audit.note(outcome === "owned" ? "known_address_registered" : "registered", { userId, ...judged });
  return { status: "verification_required" } as const;
}
