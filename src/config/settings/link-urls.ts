/** The pages that emailed links open: the hosted ones, or those of the operator's own app. */
import { httpUrl, type ValuesOf } from "../values.ts";

export const variables = {
  VERIFY_EMAIL_URL: httpUrl.optional(),
  RESET_PASSWORD_URL: httpUrl.optional(),
  CONFIRM_EMAIL_URL: httpUrl.optional(),
  UNDO_EMAIL_CHANGE_URL: httpUrl.optional(),
  INVITATION_URL: httpUrl.optional(),
  EMAIL_LOGIN_URL: httpUrl.optional(),
};

export function toConfig(values: ValuesOf<typeof variables>, publicUrl: string) {
  return {
    verifyEmailUrl: values.VERIFY_EMAIL_URL ?? `${publicUrl}/verify-email`,
    resetPasswordUrl: values.RESET_PASSWORD_URL ?? `${publicUrl}/reset-password`,
    confirmEmailUrl: values.CONFIRM_EMAIL_URL ?? `${publicUrl}/confirm-email`,
    undoEmailChangeUrl: values.UNDO_EMAIL_CHANGE_URL ?? `${publicUrl}/undo-email-change`,
    invitationUrl: values.INVITATION_URL ?? `${publicUrl}/accept-invitation`,
    emailLoginUrl: values.EMAIL_LOGIN_URL ?? `${publicUrl}/email-login`,
  } as const;
}
