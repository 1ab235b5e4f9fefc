/** The auth routes as data: what each takes, gives and refuses. */
import { defineOperation } from "../http/operation.ts";
import {
  emailBody,
  forgotPasswordBody,
  linkTokenBody,
  loginBody,
  loginSchema,
  logoutBody,
  passwordStrengthBody,
  passwordStrengthSchema,
  refreshBody,
  registerBody,
  resetPasswordBody,
  statusSchema,
  tokenPairSchema,
} from "./schemas.ts";

const tag = "Authentication";

export const registerOperation = defineOperation({
  id: "register",
  method: "post",
  path: "/api/v1/auth/register",
  tag,
  summary: "Register",
  description:
    "Makes an unverified account and mails a verification link. An address that already has an account gets the same answer; its owner gets a mail saying so.",
  body: registerBody,
  success: {
    status: 202,
    description: "A mail is on its way.",
    schema: statusSchema("verification_required"),
  },
  refusals: [
    "username_taken",
    "invitation_required",
    "registration_closed",
    "challenge_failed",
    "validation_failed",
    "busy",
    "unavailable",
    "rate_limited",
  ],
});

export const verifyEmailOperation = defineOperation({
  id: "verifyEmail",
  method: "post",
  path: "/api/v1/auth/verify-email",
  tag,
  summary: "Verify an address",
  description: "Spends the token of a mailed link. The same link again gets the same answer.",
  body: linkTokenBody,
  success: { status: 200, description: "The address is verified.", schema: statusSchema("verified") },
  refusals: ["invalid_token", "expired_token", "rate_limited"],
});

export const resendVerificationOperation = defineOperation({
  id: "resendVerification",
  method: "post",
  path: "/api/v1/auth/resend-verification",
  tag,
  summary: "Ask for another verification link",
  description: "Answers alike for every address. A mail goes out where the address waits to be verified.",
  body: emailBody,
  success: {
    status: 202,
    description: "A mail is on its way, if there is one to send.",
    schema: statusSchema("accepted"),
  },
  refusals: ["rate_limited"],
});

export const forgotPasswordOperation = defineOperation({
  id: "forgotPassword",
  method: "post",
  path: "/api/v1/auth/forgot-password",
  tag,
  summary: "Ask for a link to reset the password",
  description: "Answers alike for every address. A mail goes out where the address has an account.",
  body: forgotPasswordBody,
  success: {
    status: 202,
    description: "A mail is on its way, if there is one to send.",
    schema: statusSchema("accepted"),
  },
  refusals: ["challenge_failed", "rate_limited", "unavailable"],
});

export const resetPasswordOperation = defineOperation({
  id: "resetPassword",
  method: "post",
  path: "/api/v1/auth/reset-password",
  tag,
  summary: "Reset the password",
  description:
    "Spends the token of a mailed link. Every session of the user ends, and the address counts as verified. The link dies with its use, with any other change of the password, and after its hour; a refused new password leaves it good.",
  body: resetPasswordBody,
  success: { status: 204, description: "The password is set." },
  refusals: ["invalid_token", "expired_token", "validation_failed", "rate_limited", "busy", "unavailable"],
});

export const passwordStrengthOperation = defineOperation({
  id: "judgePassword",
  method: "post",
  path: "/api/v1/auth/password-strength",
  tag,
  summary: "Judge a password",
  description:
    "Whether a password may be set, and what is wrong with it: for a form that asks while somebody types. It is the judgement that registering, resetting and changing make; what is known of the owner, they take into account. The password is kept nowhere.",
  body: passwordStrengthBody,
  success: { status: 200, description: "The judgement.", schema: passwordStrengthSchema },
  refusals: ["rate_limited", "unavailable"],
});

export const confirmEmailOperation = defineOperation({
  id: "confirmEmail",
  method: "post",
  path: "/api/v1/auth/confirm-email",
  tag,
  summary: "Confirm a new address",
  description: "Spends the token that was mailed to the new address. The same link again gets the same answer.",
  body: linkTokenBody,
  success: { status: 200, description: "The address is the user's.", schema: statusSchema("confirmed") },
  refusals: ["invalid_token", "expired_token", "email_taken", "rate_limited"],
});

export const undoEmailChangeOperation = defineOperation({
  id: "undoEmailChange",
  method: "post",
  path: "/api/v1/auth/undo-email-change",
  tag,
  summary: "Undo a change of address",
  description:
    "Spends the token that was mailed to the old address, which is the user's again. Every session ends, the password opens nothing any more, and a link to choose a new one is mailed. The same link again gets the same answer.",
  body: linkTokenBody,
  success: { status: 200, description: "The old address is back.", schema: statusSchema("undone") },
  refusals: ["invalid_token", "expired_token", "email_taken", "rate_limited"],
});

export const loginOperation = defineOperation({
  id: "login",
  method: "post",
  path: "/api/v1/auth/login",
  tag,
  summary: "Log in",
  description:
    "By email or username. That an account is unverified or disabled is told only after the right password. With `cookie: true` the refresh token travels only in an HttpOnly cookie.",
  body: loginBody,
  success: { status: 200, description: "A new session.", schema: loginSchema },
  refusals: [
    "invalid_credentials",
    "email_not_verified",
    "account_disabled",
    "origin_not_allowed",
    "challenge_failed",
    "rate_limited",
    "busy",
    "unavailable",
  ],
});

export const refreshOperation = defineOperation({
  id: "refresh",
  method: "post",
  path: "/api/v1/auth/refresh",
  tag,
  summary: "Refresh",
  description:
    "Spends a refresh token for the next one. The previous token gets the same successor again within a short grace; an older one ends the session.",
  credentials: ["refresh_token"],
  body: refreshBody,
  bodyOptional: true,
  success: { status: 200, description: "The next pair of tokens.", schema: tokenPairSchema },
  refusals: ["invalid_refresh_token", "refresh_token_reused", "origin_not_allowed", "rate_limited"],
});

export const logoutOperation = defineOperation({
  id: "logout",
  method: "post",
  path: "/api/v1/auth/logout",
  tag,
  summary: "Log out",
  description:
    "Ends this session, or with `all: true` every session of the user. The access token is refused from now on. Who logs out twice gets the same answer.",
  credentials: ["access_token", "refresh_token"],
  body: logoutBody,
  bodyOptional: true,
  success: { status: 204, description: "The session has ended." },
  refusals: ["unauthorized", "invalid_access_token", "invalid_refresh_token", "origin_not_allowed"],
});
