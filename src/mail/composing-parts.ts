import type { Config } from "../config/config.ts";
import type { Limiter } from "../limits/budgets.ts";
import type { Clock } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import type { EmailChangeStore } from "../users/email-changes.ts";
import type { InvitationStore } from "../users/invitations.ts";
import type { RegistrationStore } from "../users/registrations.ts";
import type { UserStore } from "../users/users.ts";
import type { MailThemeReader } from "./theme-reader.ts";

/** The services that `composeMail` uses. */
export interface ComposingParts {
  config: Config;
  users: UserStore;
  registrations: RegistrationStore;
  invitations: InvitationStore;
  emailChanges: EmailChangeStore;
  limiter: Limiter;
  mailTheme: MailThemeReader;
  secrets: Secrets;
  clock: Clock;
}
