/**
 * `postern/client`: signing people in from a browser app. Owns the access token, its refreshing and what the tabs of a
 * browser tell each other. Depends on nothing, and imports nothing from the rest of src.
 */
export type { Surroundings } from "./browser.ts";
export { type Client, type ClientOptions, createClient } from "./client.ts";
export { PosternError, readError } from "./error.ts";
export type { AuthState, SignedOutReason } from "./session.ts";
export type { ErrorCode, Fetch, FieldError, LoginBody, RegisterBody, User } from "./types.ts";
