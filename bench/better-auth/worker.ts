/**
 * better-auth with D1 through Drizzle, email and password, JWT and bearer tokens. Its options are chosen so that it
 * does the same as Postern, or less: ES256, a verification email at registration, no JWT in every answer.
 */

import { waitUntil } from "cloudflare:workers";
import { scryptSync } from "node:crypto";
import { drizzleAdapter } from "better-auth/adapters/drizzle";
import { betterAuth } from "better-auth/minimal";
import { bearer, jwt } from "better-auth/plugins";
import { drizzle } from "drizzle-orm/d1";
import * as schema from "./schema.ts";

interface Bindings {
  DB: D1Database;
  LIMITS: "on" | "off";
  HASH: "cheap" | "own";
}

/** Hashes a password with the cheap scrypt parameters that all contestants of the bench use. */
const cheap = (password: string) => scryptSync(password, new Uint8Array(16), 32, { N: 16, r: 8, p: 1 }).toString("hex");
const cheapHash = {
  hash: async (password: string) => cheap(password),
  verify: async ({ hash, password }: { hash: string; password: string }) => hash === cheap(password),
};

const create = (env: Bindings) =>
  betterAuth({
    baseURL: "http://localhost:8787",
    secret: "a-secret-for-the-bench-that-is-long-enough",
    database: drizzleAdapter(drizzle(env.DB), { provider: "sqlite", schema }),
    emailAndPassword: {
      enabled: true,
      requireEmailVerification: true,
      ...(env.HASH === "cheap" ? { password: cheapHash } : {}),
    },
    emailVerification: {
      sendOnSignUp: true,
      async sendVerificationEmail({ user, url }) {
        const body = JSON.stringify({ to: [user.email], subject: "Verify your email address", text: url });
        await fetch("https://api.resend.com/emails", { method: "POST", body });
      },
    },
    plugins: [jwt({ disableSettingJwtHeader: true, jwks: { keyPairConfig: { alg: "ES256" } } }), bearer()],
    rateLimit: {
      enabled: env.LIMITS === "on",
      storage: "database",
      // Postern's limits for an IP address. better-auth's default, 3 requests in 10 seconds, would refuse the bench.
      customRules: { "/sign-in/email": { window: 300, max: 30 }, "/sign-up/email": { window: 3_600, max: 20 } },
    },
    advanced: {
      ipAddress: { ipAddressHeaders: ["cf-connecting-ip"] },
      backgroundTasks: { handler: waitUntil },
    },
    telemetry: { enabled: false },
  });

let auth: ReturnType<typeof create> | undefined;

export default {
  fetch(request, env) {
    auth ??= create(env);
    return auth.handler(request);
  },
} satisfies ExportedHandler<Bindings>;
