/** The strict check by Postern itself over RPC. It takes effect at once, while the copy in KV takes about a minute. */
import { SECOND } from "./clock.ts";
import { VerificationError } from "./errors.ts";
import type { AuthService } from "./service.ts";

/** A service binding to Postern's entrypoint `AuthService`. */
export type StrictService = Pick<AuthService, "verify">;

/** How long to wait for Postern's answer. */
const ANSWER_TIMEOUT = 3 * SECOND;

/**
 * Refuses a token that is not valid at this moment. Fails closed.
 *
 * @throws {VerificationError} `revoked_token`, or `strict_answer_unavailable` if Postern does not answer within 3 s
 */
export async function refuseUnlessLive(service: StrictService, token: string): Promise<void> {
  if (!(await isLive(service, token))) throw new VerificationError("revoked_token");
}

async function isLive(service: StrictService, token: string): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("Postern did not answer in time.")), ANSWER_TIMEOUT);
  });
  try {
    return Boolean(await Promise.race([service.verify(token), tooLate]));
  } catch (cause) {
    throw new VerificationError("strict_answer_unavailable", { cause });
  } finally {
    clearTimeout(timer);
  }
}
