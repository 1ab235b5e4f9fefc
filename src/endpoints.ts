/** Every endpoint, in the order of the API reference. */
import type { Config } from "./config/config.ts";
import type { Endpoint } from "./endpoint/endpoint.ts";
import { changePassword } from "./features/account/change-password.ts";
import { deleteMe } from "./features/account/delete-me.ts";
import { endOtherSessions } from "./features/account/end-other-sessions.ts";
import { endSession } from "./features/account/end-session.ts";
import { exportMe } from "./features/account/export-me.ts";
import { listSecurityEvents } from "./features/account/list-security-events.ts";
import { listSessions } from "./features/account/list-sessions.ts";
import { removePassword } from "./features/account/remove-password.ts";
import { deleteUser } from "./features/administration/delete-user.ts";
import { endUserSession } from "./features/administration/end-user-session.ts";
import { exportAuditEvents } from "./features/administration/export-audit-events.ts";
import { listAuditEvents } from "./features/administration/list-audit-events.ts";
import { listUserSessions } from "./features/administration/list-user-sessions.ts";
import { listUsers } from "./features/administration/list-users.ts";
import { lookUpUser } from "./features/administration/look-up-user.ts";
import { readUser } from "./features/administration/read-user.ts";
import { removeFactors } from "./features/administration/remove-factors.ts";
import { revokeSessions } from "./features/administration/revoke-sessions.ts";
import { sendPasswordReset } from "./features/administration/send-password-reset.ts";
import { updateUser } from "./features/administration/update-user.ts";
import { confirmEmailChange } from "./features/email-change/confirm-email-change.ts";
import { requestEmailChange } from "./features/email-change/request-email-change.ts";
import { undoEmailChange } from "./features/email-change/undo-email-change.ts";
import { addEmail } from "./features/factors/add-email.ts";
import { addPasskey } from "./features/factors/add-passkey.ts";
import { addTotp } from "./features/factors/add-totp.ts";
import { confirmTotp } from "./features/factors/confirm-totp.ts";
import { listFactors } from "./features/factors/list-factors.ts";
import { listTrustedDevices } from "./features/factors/list-trusted-devices.ts";
import { readPasskeyOptions } from "./features/factors/passkey-options.ts";
import { removeFactor } from "./features/factors/remove-factor.ts";
import { removeTrustedDevice } from "./features/factors/remove-trusted-device.ts";
import { removeTrustedDevices } from "./features/factors/remove-trusted-devices.ts";
import { renameFactor } from "./features/factors/rename-factor.ts";
import { replaceRecoveryCodes } from "./features/factors/replace-recovery-codes.ts";
import { acceptInvitation } from "./features/invitations/accept-invitation.ts";
import { inviteUser } from "./features/invitations/invite-user.ts";
import { listInvitations } from "./features/invitations/list-invitations.ts";
import { resendInvitation } from "./features/invitations/resend-invitation.ts";
import { revokeInvitation } from "./features/invitations/revoke-invitation.ts";
import { checkCookie } from "./features/login/check-cookie.ts";
import { confirmEmailLogin } from "./features/login/confirm-email-login.ts";
import { enrolPasskey } from "./features/login/enrol-passkey.ts";
import { readEnrolmentPasskeyOptions } from "./features/login/enrol-passkey-options.ts";
import { enrolTotp } from "./features/login/enrol-totp.ts";
import { confirmEnrolledTotp } from "./features/login/enrol-totp-confirm.ts";
import { login } from "./features/login/login.ts";
import { logout } from "./features/login/logout.ts";
import { logInWithPasskey } from "./features/login/passkey-login.ts";
import { readLoginPasskeyOptions } from "./features/login/passkey-options.ts";
import { reauthenticate } from "./features/login/reauthenticate.ts";
import { refresh } from "./features/login/refresh.ts";
import { requestEmailLogin } from "./features/login/request-email-login.ts";
import { proveSecondFactor } from "./features/login/second-factor.ts";
import { emailSecondFactorCode } from "./features/login/second-factor-email.ts";
import { listDeadLetters } from "./features/operations/list-dead-letters.ts";
import { listKeys } from "./features/operations/list-keys.ts";
import { listLimits } from "./features/operations/list-limits.ts";
import { lookUpLimit } from "./features/operations/look-up-limit.ts";
import { readConfiguration } from "./features/operations/read-configuration.ts";
import { readOverview } from "./features/operations/read-overview.ts";
import { resetLimit } from "./features/operations/reset-limit.ts";
import { retryEmail } from "./features/operations/retry-email.ts";
import { rotateKeys } from "./features/operations/rotate-keys.ts";
import { clearOutbox } from "./features/outbox/clear-outbox.ts";
import { readOutbox } from "./features/outbox/read-outbox.ts";
import { pageEndpoints } from "./features/pages/page-endpoints.ts";
import { pageServer } from "./features/pages/serve-page.ts";
import { readMe } from "./features/profile/read-me.ts";
import { updateMe } from "./features/profile/update-me.ts";
import { forgotPassword } from "./features/recovery/forgot-password.ts";
import { resetPassword } from "./features/recovery/reset-password.ts";
import { judgePassword } from "./features/register/password-strength.ts";
import { register } from "./features/register/register.ts";
import { resendVerification } from "./features/register/resend-verification.ts";
import { verifyEmail } from "./features/register/verify-email.ts";
import { readBrandPage, readOpenApi, readReference } from "./features/service/documents.ts";
import { readHealth } from "./features/service/health.ts";
import { readMetrics } from "./features/service/metrics.ts";
import { readReadiness } from "./features/service/readiness.ts";
import { redirects } from "./features/service/redirects.ts";
import { readRobots } from "./features/service/robots.ts";
import { readService } from "./features/service/root.ts";
import { readJwks } from "./features/well-known/jwks.ts";
import { readMetadata } from "./features/well-known/metadata.ts";
import { readRelatedOrigins } from "./features/well-known/related-origins.ts";
import { readSecurityTxt } from "./features/well-known/security-txt.ts";

export function endpointsOf(config: Config): Endpoint[] {
  const servePage = pageServer(config);
  return [
    ...[readService(servePage), readHealth, readReadiness, readOpenApi, readReference, readRobots],
    ...[readJwks, readMetadata, readRelatedOrigins],
    ...(config.securityContact === undefined ? [] : [readSecurityTxt]),
    ...pageEndpoints(config, servePage),
    ...redirects,
    ...[register, verifyEmail, resendVerification, judgePassword],
    ...[forgotPassword, resetPassword],
    ...[requestEmailChange, confirmEmailChange, undoEmailChange],
    ...[
      login,
      proveSecondFactor,
      emailSecondFactorCode,
      readLoginPasskeyOptions,
      logInWithPasskey,
      enrolTotp,
      confirmEnrolledTotp,
      readEnrolmentPasskeyOptions,
      enrolPasskey,
      ...(config.emailLogin ? [requestEmailLogin, confirmEmailLogin] : []),
      checkCookie,
      refresh,
      reauthenticate,
      logout,
    ],
    ...[readMe, updateMe],
    ...[
      changePassword,
      removePassword,
      listSessions,
      endSession,
      endOtherSessions,
      deleteMe,
      exportMe,
      listSecurityEvents,
    ],
    ...[
      listFactors,
      addTotp,
      confirmTotp,
      readPasskeyOptions,
      addPasskey,
      ...(config.emailCodes ? [addEmail] : []),
      renameFactor,
      removeFactor,
      replaceRecoveryCodes,
    ],
    ...[listTrustedDevices, removeTrustedDevice, removeTrustedDevices],
    ...[
      listUsers,
      lookUpUser,
      readUser,
      updateUser,
      deleteUser,
      listUserSessions,
      endUserSession,
      revokeSessions,
      removeFactors,
      sendPasswordReset,
      listAuditEvents,
      exportAuditEvents,
    ],
    ...[inviteUser, listInvitations, resendInvitation, revokeInvitation, acceptInvitation],
    ...[readOverview, listKeys, rotateKeys, listLimits, lookUpLimit, resetLimit, readConfiguration],
    ...[listDeadLetters, retryEmail],
    ...(config.metrics.token === undefined ? [] : [readMetrics]),
    ...(config.development ? [readOutbox, clearOutbox, readBrandPage] : []),
  ];
}
