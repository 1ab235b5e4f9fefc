/**
 * Cloudflare Turnstile: checks that a browser has solved a challenge. The widget that shows the challenge is on the
 * app's own pages. Without a secret key, Postern checks nothing. If Cloudflare can't be reached or its response is
 * unexpected, Postern refuses the request.
 * https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
 */
import * as z from "zod";
import type { Config } from "../config/config.ts";
import { SECOND } from "../platform/clock.ts";
import { cutText } from "../platform/cut-text.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { refuse } from "../platform/refusal.ts";

const ENDPOINT = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

/** How long to wait for Cloudflare, in milliseconds. */
const TIMEOUT = 5 * SECOND;

/** Turnstile's codes for a bad token. All other codes mean a problem with the key, Postern's request or Turnstile. */
const FAULTS_OF_TOKEN = new Set(["missing-input-response", "invalid-input-response", "timeout-or-duplicate"]);

/** The widget's token, in a request body. The maximum length is from Turnstile's documentation. */
export const turnstileToken = z
  .string()
  .max(2_048, "A token of Turnstile has at most 2,048 characters.")
  .optional()
  .meta({
    description: "Needed if the service asks for a challenge (Cloudflare Turnstile).",
    examples: ["0.yKW3vPfQ…"],
  });

const answerSchema = z.object({ success: z.boolean(), "error-codes": z.array(z.string()).default([]) });

export type Challenge = ReturnType<typeof createChallenge>;

export function createChallenge({ secretKey }: Pick<Config["turnstile"], "secretKey">, hops: Hops) {
  return {
    /**
     * Returns a refusal, or `undefined` if the challenge was solved or none is required. `ipAddress` is the client's.
     * Never throws: if Turnstile does not answer or the response is unexpected, refuses the request and logs
     * `turnstile_unavailable`.
     */
    async check(token: string | undefined, ipAddress: string) {
      if (secretKey === undefined) return undefined;
      if (token === undefined || token === "") return refuse("challenge_failed");
      try {
        const { success, "error-codes": codes } = await hops.hop("turnstile", () =>
          verify(secretKey, token, ipAddress),
        );
        if (success) return undefined;
        if (codes.length > 0 && codes.every((code) => FAULTS_OF_TOKEN.has(code))) return refuse("challenge_failed");
        writeLog("error", { event: "turnstile_unavailable", error: cutText(codes.join(" "), 200) });
      } catch (error) {
        writeLog("error", { event: "turnstile_unavailable", error: describeError(error) });
      }
      return refuse("unavailable");
    },
  };
}

/**
 * Asks Cloudflare to check the token. A token can be checked only once. Sends no idempotency key, because such a key
 * would allow a second check. If the response is lost, the client must solve a new challenge.
 */
async function verify(secret: string, response: string, ipAddress: string): Promise<z.output<typeof answerSchema>> {
  const answer = await fetch(ENDPOINT, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ secret, response, ...(ipAddress === "unknown" ? {} : { remoteip: ipAddress }) }),
    // The secret key must not be sent to another host.
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT),
  });
  return answerSchema.parse(await answer.json());
}
