/** The strict answer, by Postern itself over RPC: at once, where the copy in KV takes about a minute. */
import { SECOND } from "./clock.ts";
import { VerificationError } from "./errors.ts";
import type { AuthService } from "./service.ts";

/** What is asked: a service binding to Postern's entrypoint `AuthService`. */
export type StrictService = Pick<AuthService, "verify">;

/** How long Postern has for its answer. */
const ANSWER_TIMEOUT = 3 * SECOND;

/**
 * Refuses a token that is not good at this moment. Fails closed.
 *
 * @throws {VerificationError} `revoked_token`, or `strict_answer_unavailable` where Postern does not answer within 3 s
 */
export async function refuseUnlessLive(service: StrictService, token: string): Promise<void> {
  if (!(await isLive(service, token))) throw new VerificationError("revoked_token");
}

async function isLive(service: StrictService, token: string): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("Postern took too long.")), ANSWER_TIMEOUT);
  });
  try {
    return Boolean(await Promise.race([service.verify(token), tooLate]));
  } catch (cause) {
    throw new VerificationError("strict_answer_unavailable", { cause });
  } finally {
    clearTimeout(timer);
  }
}
