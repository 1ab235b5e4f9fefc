/** The types of the API, taken from the OpenAPI document. */
import type { components, paths } from "./api.ts";

type AuthRoute = Extract<keyof paths, `/api/v1/auth/${string}`>;
type Post<Route extends AuthRoute> = NonNullable<paths[Route]["post"]>;
type Json<Content> = Content extends { content: { "application/json": infer Value } } ? Value : undefined;

/** The JSON body of a route; `undefined` if it takes none. */
export type Body<Route extends AuthRoute> = [NonNullable<Post<Route>["requestBody"]>] extends [infer Content]
  ? AsBrowsersTypeIt<Json<[Content] extends [never] ? undefined : Content>>
  : never;

/**
 * A credential's `type` is always `public-key`, but the types of the DOM (`AuthenticationResponseJSON`) say `string`.
 * This type accepts the values of the DOM without a cast.
 */
type AsBrowsersTypeIt<Content> = {
  [Name in keyof Content]: Content[Name] extends { type: "public-key" } | undefined
    ? Omit<NonNullable<Content[Name]>, "type"> & { type: string }
    : Content[Name];
};

/** The JSON response of a route; `undefined` for a 204. */
export type Answer<Route extends AuthRoute> = Post<Route>["responses"] extends infer Responses
  ? Responses extends { 200: infer Success } | { 202: infer Success } | { 204: infer Success }
    ? Json<Success>
    : never
  : never;

export type User = components["schemas"]["User"];
export type TokenPair = components["schemas"]["TokenPair"];
export type Problem = components["schemas"]["Problem"];

/** The codes of the service's refusals. */
export type ErrorCode = Problem["code"];

/** A refused field. `field` is its path, with dots. */
export type FieldError = NonNullable<Problem["errors"]>[number];

export type RegisterBody = Body<"/api/v1/auth/register">;

/** A way to prove the second factor. */
export type FactorKind = NonNullable<Problem["factors"]>[number];

/** What `PublicKeyCredential.toJSON()` returns after `navigator.credentials.get()`. */
export type PasskeyCredential = Body<"/api/v1/auth/passkey">["credential"];

/** The `pendingToken` of a login, and one proof of the second factor. */
export interface SecondFactor {
  pendingToken: string;
  /** The six digits that an authenticator app shows. */
  totp?: string;
  recoveryCode?: string;
  /** The eight digits in the email that `sendSecondFactorCode` sends. */
  emailCode?: string;
  passkey?: PasskeyCredential;
  /** Whether the user trusts this browser: for a while, the password alone is enough there. Only in cookie mode. */
  trustDevice?: boolean;
}

/** What `PublicKeyCredential.toJSON()` returns after `navigator.credentials.create()`. */
export type NewPasskeyCredential = Body<"/api/v1/auth/enrolment/passkey">["credential"];

/** The `enrolmentToken` of a login, and what finishes the setup: the code of the new app, or the new passkey. */
export type NewSecondFactor = { enrolmentToken: string } & (
  | { totp: string }
  | { passkey: NewPasskeyCredential; name?: string }
);

/** The client sets `cookie` itself. */
export type LoginBody = Omit<Body<"/api/v1/auth/login">, "cookie">;

/** A request for an emailed link that logs in. The client sets `cookie` itself. */
export type EmailLoginBody = Omit<Body<"/api/v1/auth/email-login">, "cookie">;

/** The token of an emailed link. If another browser asked for the link, also the code that this other browser shows. */
export type EmailLink = Pick<Body<"/api/v1/auth/email-login/confirm">, "token" | "code" | "device_name">;

/** What proves again who the user is. */
export type ReauthenticateBody = Body<"/api/v1/auth/reauthenticate">;

/** The signature of `fetch`. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
