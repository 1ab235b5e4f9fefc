import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { VERSION } from "../../version.ts";

const serviceSchema = z
  .strictObject({
    name: z.string().meta({ examples: ["Postern"] }),
    version: z.string().meta({ examples: ["0.1.0"] }),
    registration: z
      .enum(["open", "invitation", "closed"])
      .meta({ description: "Who may register, so that an app can hide its form.", examples: ["open"] }),
    challenge: z
      .enum(["turnstile"])
      .nullable()
      .meta({
        description: "The challenge that register, login and forgot-password require.",
        examples: ["turnstile"],
      }),
    links: z.strictObject({
      docs: z.url(),
      openapi: z.url(),
      health: z.url(),
      jwks: z.url(),
      metadata: z.url(),
    }),
  })
  .meta({ id: "Service" });

export const readService = endpoint(
  {
    id: "readService",
    method: "get",
    path: "/",
    tag: "Service",
    summary: "Read about this service",
    success: { status: 200, description: "The name, the version and links to everything else.", schema: serviceSchema },
  },
  async ({ config: { productName, publicUrl, registration, turnstile } }) => ({
    name: productName,
    version: VERSION,
    registration: registration.policy,
    challenge: turnstile.secretKey === undefined ? null : ("turnstile" as const),
    links: {
      docs: `${publicUrl}/docs`,
      openapi: `${publicUrl}/openapi.json`,
      health: `${publicUrl}/health`,
      jwks: `${publicUrl}/.well-known/jwks.json`,
      metadata: `${publicUrl}/.well-known/oauth-authorization-server`,
    },
  }),
);
