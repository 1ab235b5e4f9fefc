/** The steps that a user goes through, over HTTP. A step throws {@link StepFailed} if the status is not as expected. */
import * as z from "zod";
import { decodeBase64url, parseJson } from "../../platform/encoding.ts";
import { createVerifier } from "../../verify/index.ts";
import type { Account } from "./account.ts";
import type { Answer, Service } from "./service.ts";

export class StepFailed extends Error {
  constructor(step: string, { status, code }: Pick<Answer, "status" | "code">) {
    super(`${step} answered ${status}${code === undefined ? "" : ` (${code})`}`);
    this.name = "StepFailed";
  }
}

type Credentials = Pick<Account, "email" | "password">;

const tokensSchema = z.object({ access_token: z.string(), refresh_token: z.string() });
const claimsSchema = z.object({ iss: z.string(), aud: z.string() });
const jwksSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

export type Tokens = z.output<typeof tokensSchema>;

export function createJourney(service: Service) {
  /** Sends a request. Throws unless the answer has this status. */
  async function step(name: string, status: number, ...request: Parameters<Service["request"]>): Promise<Answer> {
    const answer = await service.request(...request);
    if (answer.status !== status) throw new StepFailed(name, answer);
    return answer;
  }

  async function tokensOf(name: string, path: string, body: object): Promise<Tokens> {
    const answer = await step(name, 200, path, { method: "POST", body });
    return tokensSchema.parse(answer.json);
  }

  return {
    async register(account: Account): Promise<void> {
      await step("Registering", 202, "/api/v1/auth/register", { method: "POST", body: account });
    },
    async verifyEmail(token: string): Promise<void> {
      await step("Verifying the address", 200, "/api/v1/auth/verify-email", { method: "POST", body: { token } });
    },
    logIn: ({ email, password }: Credentials) =>
      tokensOf("Logging in", "/api/v1/auth/login", { email, password, device_name: "npm run doctor" }),
    refresh: ({ refresh_token }: Tokens) => tokensOf("Refreshing", "/api/v1/auth/refresh", { refresh_token }),
    async readMe({ access_token: bearer }: Tokens): Promise<void> {
      await step("Reading the user", 200, "/api/v1/users/me", { bearer });
    },
    async logOut({ access_token: bearer }: Tokens): Promise<void> {
      await step("Logging out", 204, "/api/v1/auth/logout", { method: "POST", bearer });
    },
    /** Throws unless Postern itself refuses the tokens of the ended session. */
    async expectRefused({ access_token: bearer, refresh_token }: Tokens): Promise<void> {
      await step("Reading the user after the logout", 401, "/api/v1/users/me", { bearer });
      await step("Refreshing after the logout", 401, "/api/v1/auth/refresh", {
        method: "POST",
        body: { refresh_token },
      });
    },
    /** Verifies the token as another service does: with only the published keys. */
    async verifyToken({ access_token }: Tokens): Promise<void> {
      const { json } = await step("Reading the JWKS", 200, "/.well-known/jwks.json");
      const payload = decodeBase64url(access_token.split(".")[1] ?? "");
      const { iss, aud } = claimsSchema.parse(payload && parseJson(new TextDecoder().decode(payload)));
      await createVerifier({ issuer: iss, audience: aud, jwks: jwksSchema.parse(json) })(access_token);
    },
    async deleteAccount({ access_token: bearer }: Tokens, password: string): Promise<void> {
      await step("Deleting the account", 204, "/api/v1/users/me", { method: "DELETE", bearer, body: { password } });
    },
  };
}
