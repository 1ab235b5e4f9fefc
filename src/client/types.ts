/** The shapes of the API, each out of the OpenAPI document. */
import type { components, paths } from "./api.ts";

type AuthRoute = Extract<keyof paths, `/api/v1/auth/${string}`>;
type Post<Route extends AuthRoute> = NonNullable<paths[Route]["post"]>;
type Json<Content> = Content extends { content: { "application/json": infer Value } } ? Value : undefined;

/** What a route takes. */
export type Body<Route extends AuthRoute> = Json<NonNullable<Post<Route>["requestBody"]>>;

/** What a route gives: nothing with a 204. */
export type Answer<Route extends AuthRoute> = Post<Route>["responses"] extends infer Responses
  ? Responses extends { 200: infer Success } | { 202: infer Success } | { 204: infer Success }
    ? Json<Success>
    : never
  : never;

export type User = components["schemas"]["User"];
export type TokenPair = components["schemas"]["TokenPair"];
export type Problem = components["schemas"]["Problem"];

/** The codes that the service refuses with. */
export type ErrorCode = Problem["code"];

/** One field that was refused: `field` is its path, with dots. */
export type FieldError = NonNullable<Problem["errors"]>[number];

export type RegisterBody = Body<"/api/v1/auth/register">;

/** `cookie` is the client's to say. */
export type LoginBody = Omit<Body<"/api/v1/auth/login">, "cookie">;

/** `fetch`, or what takes its place. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
