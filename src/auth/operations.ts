/** The auth routes as data: inputs, answers and refusals. */
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
    "Creates an unverified account and emails a verification link. If the email address already has an account, the answer is the same, and the owner gets an email about the attempt.",
  body: registerBody,
  success: {
    status: 202,
    description: "An email has been queued.",
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
  summary: "Verify an email address",
  description: "Uses the token of a verification link. The same token gets the same answer again.",
  body: linkTokenBody,
  success: { status: 200, description: "The email address is verified.", schema: statusSchema("verified") },
  refusals: ["invalid_token", "expired_token", "rate_limited"],
});

export const resendVerificationOperation = defineOperation({
  id: "resendVerification",
  method: "post",
  path: "/api/v1/auth/resend-verification",
  tag,
  summary: "Request another verification link",
  description: "The answer is the same for every address. Sends an email only if the address needs to be verified.",
  body: emailBody,
  success: {
    status: 202,
    description: "The request was accepted.",
    schema: statusSchema("accepted"),
  },
  refusals: ["rate_limited"],
});

export const forgotPasswordOperation = defineOperation({
  id: "forgotPassword",
  method: "post",
  path: "/api/v1/auth/forgot-password",
  tag,
  summary: "Request a password reset link",
  description: "The answer is the same for every address. Sends an email only if the address has an account.",
  body: forgotPasswordBody,
  success: {
    status: 202,
    description: "The request was accepted.",
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
    "Uses the token of a reset link. Ends every session of the user and marks the email address as verified. The link works once; it expires, and it becomes invalid when the password changes in another way. If the new password is refused, the link still works.",
  body: resetPasswordBody,
  success: { status: 204, description: "The password has been changed." },
  refusals: ["invalid_token", "expired_token", "validation_failed", "rate_limited", "busy", "unavailable"],
});

export const passwordStrengthOperation = defineOperation({
  id: "judgePassword",
  method: "post",
  path: "/api/v1/auth/password-strength",
  tag,
  summary: "Check a new password",
  description:
    "Says whether a password can be used and what is wrong with it, for forms that check while the user types. Registration, reset and change apply the same checks, including those on the email address and the username. The password is not stored.",
  body: passwordStrengthBody,
  success: { status: 200, description: "The result.", schema: passwordStrengthSchema },
  refusals: ["rate_limited", "unavailable"],
});

export const confirmEmailOperation = defineOperation({
  id: "confirmEmail",
  method: "post",
  path: "/api/v1/auth/confirm-email",
  tag,
  summary: "Confirm a new email address",
  description: "Uses the token that was emailed to the new address. The same token gets the same answer again.",
  body: linkTokenBody,
  success: {
    status: 200,
    description: "The email address now belongs to the user.",
    schema: statusSchema("confirmed"),
  },
  refusals: ["invalid_token", "expired_token", "email_taken", "rate_limited"],
});

export const undoEmailChangeOperation = defineOperation({
  id: "undoEmailChange",
  method: "post",
  path: "/api/v1/auth/undo-email-change",
  tag,
  summary: "Undo an email address change",
  description:
    "Uses the token that was emailed to the old address and restores that address. Ends every session, blocks the password, and emails a link to set a new one. The same token gets the same answer again.",
  body: linkTokenBody,
  success: { status: 200, description: "The old email address is restored.", schema: statusSchema("undone") },
  refusals: ["invalid_token", "expired_token", "email_taken", "rate_limited"],
});

export const loginOperation = defineOperation({
  id: "login",
  method: "post",
  path: "/api/v1/auth/login",
  tag,
  summary: "Log in",
  description:
    "Log in with an email address or a username. Whether an account is unverified or disabled is revealed only after a correct password. With `cookie: true`, the refresh token is only sent in an HttpOnly cookie.",
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
  summary: "Refresh tokens",
  description:
    "Exchanges a refresh token for a new pair of tokens. Within a short grace period, the previous token gets the same new token again; any older token ends the session.",
  credentials: ["refresh_token"],
  body: refreshBody,
  bodyOptional: true,
  success: { status: 200, description: "The new pair of tokens.", schema: tokenPairSchema },
  refusals: ["invalid_refresh_token", "refresh_token_reused", "origin_not_allowed", "rate_limited"],
});

export const logoutOperation = defineOperation({
  id: "logout",
  method: "post",
  path: "/api/v1/auth/logout",
  tag,
  summary: "Log out",
  description:
    "Ends this session, or with `all: true` every session of the user. The access token is refused from now on. Logging out again gets the same answer.",
  credentials: ["access_token", "refresh_token"],
  body: logoutBody,
  bodyOptional: true,
  success: { status: 204, description: "The session has ended." },
  refusals: ["unauthorized", "invalid_access_token", "invalid_refresh_token", "origin_not_allowed"],
});
