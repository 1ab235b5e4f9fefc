/** The strict answer, by Postern itself over RPC: at once, where the copy in KV takes about a minute. */
import { VerificationError } from "./errors.ts";
import type { AuthService } from "./service.ts";

/** What is asked: a service binding to Postern's entrypoint `AuthService`. */
export type StrictService = Pick<AuthService, "verify">;

/**
 * Refuses a token that is not good at this moment. Fails closed.
 *
 * @throws {VerificationError} `revoked_token`, or `strict_answer_unavailable` where Postern does not answer
 */
export async function refuseUnlessLive(service: StrictService, token: string): Promise<void> {
  if (!(await isLive(service, token))) throw new VerificationError("revoked_token");
}

async function isLive(service: StrictService, token: string): Promise<boolean> {
  try {
    return Boolean(await service.verify(token));
  } catch (cause) {
    throw new VerificationError("strict_answer_unavailable", { cause });
  }
}
