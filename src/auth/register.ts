/** Registration: an unverified account, and a mail. Answers alike whether or not the address is taken. */
import type * as z from "zod";
import { isRefusal, refuse } from "../http/problems.ts";
import { createId } from "../platform/random.ts";
import type { Services } from "../services.ts";
import type { registerBody } from "./schemas.ts";

export async function register(services: Services, body: z.output<ReturnType<typeof registerBody>>) {
  const { clock, config, mail, passwords, random, users } = services;
  // Hashed in every case: a known address costs the same time.
  const hashed = await passwords.hash(body.password);
  if (isRefusal(hashed)) return hashed;

  const now = clock.now();
  const registration = await users.register(
    {
      id: createId(now, random),
      email: body.email,
      username: body.username,
      passwordHash: hashed.hash,
      firstName: body.first_name ?? null,
      lastName: body.last_name ?? null,
      phone: body.phone ?? null,
      createdAt: now,
    },
    now + config.accounts.unverifiedLifetime,
  );
  if (registration.outcome === "username_taken") {
    return refuse("username_taken", {
      errors: [{ field: "username", code: "taken", message: "Somebody else has this username." }],
    });
  }
  const kind = registration.outcome === "created" ? "verify_email" : "account_exists";
  await mail.request({ kind, userId: registration.userId });
  return { status: "verification_required" } as const;
}
