/**
 * `postern/client`: logs users in from a browser app. Stores and refreshes the access token, and exchanges messages
 * between the tabs of a browser. Has no dependencies, and imports nothing from the rest of src.
 */
export type { Surroundings } from "./browser.ts";
export { type Client, type ClientOptions, createClient } from "./client.ts";
export { PosternError, readError } from "./error.ts";
export type { AuthState, SignedOutReason } from "./session.ts";
export type {
  EmailLink,
  EmailLoginBody,
  ErrorCode,
  FactorKind,
  Fetch,
  FieldError,
  LoginBody,
  NewPasskeyCredential,
  NewSecondFactor,
  PasskeyCredential,
  ReauthenticateBody,
  RegisterBody,
  SecondFactor,
  User,
} from "./types.ts";
