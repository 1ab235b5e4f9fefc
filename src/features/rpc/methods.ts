/**
 * The answers to other Workers over RPC. Those Workers are trusted because an operator has bound them to Postern. Their
 * arguments are still parsed, because two deployments may have different types.
 */
import * as z from "zod";
import { identifyUser } from "../../access/identify-user.ts";
import type { Services } from "../../endpoint/services.ts";
import { presentJwks } from "../../keys/signing-key.ts";
import { presentUser } from "../../users/user.ts";
import type { AccessTokenClaims } from "../../verify/claims.ts";
import type { ServiceUser } from "../../verify/service.ts";

/**
 * Returns the claims of a token if it is valid at this moment, otherwise `null`. A value that is not a string is never
 * valid.
 */
export async function verifyToken(services: Services, token: unknown): Promise<AccessTokenClaims | null> {
  if (typeof token !== "string") return null;
  return (await identifyUser(services, token))?.claims ?? null;
}

/** The user with this id, or `null`. */
export async function findUser(services: Services, id: unknown): Promise<ServiceUser | null> {
  const parsed = z.uuid().safeParse(id);
  if (!parsed.success) return null;
  const user = await services.users.find(parsed.data);
  return user === undefined ? null : presentUser(user);
}

/** The published keys. */
export async function readJwks(services: Services) {
  return presentJwks(await services.keyring.published());
}
