import * as z from "zod";
import type { Config } from "../../config/config.ts";
import { type Endpoint, endpoint, Reply } from "../../endpoint/endpoint.ts";
import type { Client, Exchange } from "../../http/exchange.ts";
import { VERSION } from "../../version.ts";

const serviceSchema = z
  .strictObject({
    name: z.string().meta({ examples: ["Postern"] }),
    version: z.string().meta({ examples: ["0.1.0"] }),
    registration: z
      .enum(["open", "invitation", "closed"])
      .meta({ description: "Who may register, so that an app can hide its form.", examples: ["open"] }),
    email_login: z.boolean().meta({
      description: "Whether users can log in with an emailed link, so that an app can offer it.",
      examples: [false],
    }),
    email_codes: z.boolean().meta({
      description: "Whether users can choose codes by email as their second factor, so that an app can offer it.",
      examples: [false],
    }),
    challenge: z
      .enum(["turnstile"])
      .nullable()
      .meta({
        description: "The challenge that register, login, forgot-password and email-login require.",
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

export function readService(
  servePage: (name: "home", client: Client, exchange: Exchange) => Promise<Response>,
): Endpoint {
  return endpoint(
    {
      id: "readService",
      method: "get",
      path: "/",
      tag: "Service",
      summary: "Read about this service",
      description: "A browser, whose `Accept` names `text/html`, gets a page with links instead.",
      success: {
        status: 200,
        description: "The name, the version and links to everything else.",
        schema: serviceSchema,
        orPage: true,
      },
    },
    async ({ config }, { client, exchange }) =>
      exchange.isForBrowser()
        ? servePage("home", client, exchange)
        : new Reply(describeService(config), { Vary: "Accept" }),
  );
}

function describeService({
  emailCodes,
  emailLogin,
  productName,
  publicUrl,
  registration,
  turnstile,
}: Config): z.output<typeof serviceSchema> {
  return {
    name: productName,
    version: VERSION,
    registration: registration.policy,
    email_login: emailLogin,
    email_codes: emailCodes,
    challenge: turnstile.secretKey === undefined ? null : "turnstile",
    links: {
      docs: `${publicUrl}/docs`,
      openapi: `${publicUrl}/openapi.json`,
      health: `${publicUrl}/health`,
      jwks: `${publicUrl}/.well-known/jwks.json`,
      metadata: `${publicUrl}/.well-known/oauth-authorization-server`,
    },
  };
}
