/** The pages that links in emails lead to, in German. */
import type { LinkWords } from "../link-pages.ts";

export const CHECK_EMAIL = "Prüfen Sie Ihre E-Mails";
export const NOTHING_CAME =
  "Nach ein paar Minuten noch nichts da? Sehen Sie im Spam-Ordner nach und prüfen Sie, ob die Adresse stimmt.";
export const OTHER_ADDRESS = "Andere E-Mail-Adresse verwenden";
export const VERIFICATION_RESENT =
  "Falls diese E-Mail-Adresse noch bestätigt werden muss, haben wir einen neuen Link geschickt.";

export const EXPIRED = "Dieser Link ist abgelaufen";
export const BROKEN = "Dieser Link ist ungültig";
export const OPEN_IT = "Öffnen Sie den Link in Ihrer E-Mail";
export const LIMITED_TIME = "Aus Sicherheitsgründen gelten Links nur für begrenzte Zeit.";
export const RELOADED = "(Beim Neuladen der Seite geht der Link verloren.)";
export const NOT_YOURS = "Wenn Sie das nicht angefordert haben, schließen Sie diese Seite. Es passiert dann nichts.";
const UNEXPECTED = "Wenn Sie keine Einladung erwarten, schließen Sie diese Seite. Es passiert dann nichts.";
const TAKEN = "Ein anderes Konto verwendet inzwischen diese Adresse";
const TAKEN_BY_YOU = "Wenn auch dieses Konto Ihnen gehört, löschen Sie es und öffnen Sie diesen Link dann noch einmal.";
const OTHER_WAY_BACK =
  "Wenn Ihr Konto noch Ihre alte Adresse verwendet, setzen Sie Ihr Passwort zurück: Das meldet alle Geräte ab und bricht die ausstehende Änderung ab.";

const LOGIN_BY_EMAIL =
  "Zum Anmelden schicken wir Ihnen einen Link per E-Mail. Fügen Sie dann einen Passkey hinzu: Damit melden Sie sich das nächste Mal schneller an.";

const SEND_LINK = "Link senden";

const expired = { heading: EXPIRED, text: `${LIMITED_TIME} Fordern Sie unten einen neuen an.` };
const again = { heading: "Neuen Link anfordern" };
const resent = (text: string) => ({ heading: CHECK_EMAIL, text, note: NOTHING_CAME, again: OTHER_ADDRESS });
const resetSent = resent("Falls es zu dieser Adresse ein Konto gibt, haben wir einen Link dorthin geschickt.");

export const links: LinkWords = {
  kept: "Ihr Link gilt weiterhin.",
  toLogin: "Anmelden",
  toAccount: "Zu Ihrem Konto",

  "verify-email": {
    label: "E-Mail-Adresse bestätigen",
    busyLabel: "Wird bestätigt …",
    resend: "Neuen Link senden",
    views: {
      ready: {
        heading: "Bestätigen Sie Ihre E-Mail-Adresse",
        text: "Bestätigen Sie, dass diese Adresse Ihnen gehört, und melden Sie sich dann an.",
        note: "Wenn Sie kein Konto erstellt haben, schließen Sie diese Seite. Es passiert dann nichts.",
      },
      done: { heading: "E-Mail-Adresse bestätigt", text: "Ihr Konto ist bereit. Sie können sich jetzt anmelden." },
      doneByEmail: {
        heading: "E-Mail-Adresse bestätigt",
        text: `Ihr Konto ist bereit. ${LOGIN_BY_EMAIL}`,
      },
      invalid: {
        heading: BROKEN,
        text: "Er ist unvollständig oder wurde durch einen neueren ersetzt. Verwenden Sie die neueste E-Mail oder fordern Sie unten einen neuen Link an.",
      },
      expired,
      missing: {
        heading: OPEN_IT,
        text: `Öffnen Sie diese Seite über den Link in Ihrer Bestätigungs-E-Mail oder fordern Sie unten einen neuen an. ${RELOADED}`,
      },
      resent: resent(VERIFICATION_RESENT),
      again,
    },
  },

  "reset-password": {
    label: "Neues Passwort speichern",
    busyLabel: "Wird gespeichert …",
    resend: SEND_LINK,
    views: {
      ready: {
        heading: "Wählen Sie ein neues Passwort",
        text: "Es ersetzt Ihr altes Passwort und meldet Sie auf allen Geräten ab.",
        note: "Wenn Sie das nicht angefordert haben, schließen Sie diese Seite. Ihr Passwort bleibt unverändert.",
      },
      done: {
        heading: "Passwort geändert",
        text: "Sie wurden auf allen Geräten abgemeldet. Melden Sie sich mit Ihrem neuen Passwort an.",
      },
      invalid: {
        heading: BROKEN,
        text: "Er ist unvollständig, wurde schon benutzt oder durch einen neueren ersetzt. Verwenden Sie die neueste E-Mail oder fordern Sie unten einen neuen Link an.",
        note: "Wenn Sie mit diesem Link gerade ein neues Passwort gewählt haben, melden Sie sich damit an.",
      },
      expired,
      missing: {
        heading: "Passwort vergessen?",
        text: "Geben Sie Ihre E-Mail-Adresse ein. Wir schicken Ihnen einen Link, mit dem Sie Ihr Passwort zurücksetzen.",
        note: "Schon einen Link erhalten? Öffnen Sie ihn noch einmal aus Ihrer E-Mail.",
      },
      resent: resetSent,
      again,
    },
  },

  "accept-invitation": {
    label: "Konto erstellen",
    busyLabel: "Konto wird erstellt …",
    without: "Konto ohne Passwort erstellen",
    views: {
      ready: {
        heading: "Nehmen Sie Ihre Einladung an",
        text: "Sie wurden eingeladen. Wählen Sie einen Benutzernamen und ein Passwort.",
        note: UNEXPECTED,
      },
      done: {
        heading: "Ihr Konto ist bereit",
        text: "Melden Sie sich mit Ihrem Benutzernamen und Ihrem Passwort an.",
      },
      doneByEmail: { heading: "Ihr Konto ist bereit", text: LOGIN_BY_EMAIL },
      invalid: {
        heading: BROKEN,
        text: "Er ist möglicherweise unvollständig. Öffnen Sie ihn noch einmal aus Ihrer Einladungs-E-Mail.",
        note: "Klappt es immer noch nicht? Bitten Sie um eine neue Einladung.",
      },
      expired: { heading: EXPIRED, text: `${LIMITED_TIME} Bitten Sie um eine neue Einladung.` },
      used: {
        heading: "Sie haben bereits ein Konto",
        text: "Diese Einladung wurde schon benutzt, oder zu Ihrer E-Mail-Adresse gibt es bereits ein Konto. Melden Sie sich damit an.",
        note: "Passwort vergessen? Auf der Anmeldeseite können Sie es zurücksetzen.",
      },
      closed: {
        heading: "Die Registrierung ist geschlossen",
        text: "Zurzeit können keine neuen Konten erstellt werden, auch nicht mit einer Einladung.",
        note: "Wenden Sie sich an die Person, die Sie eingeladen hat.",
      },
      missing: {
        heading: OPEN_IT,
        text: `Öffnen Sie diese Seite über den Link in Ihrer Einladungs-E-Mail. ${RELOADED}`,
        note: "Nicht gefunden? Bitten Sie um eine neue Einladung.",
      },
    },
  },

  "confirm-email": {
    label: "Neue E-Mail-Adresse bestätigen",
    busyLabel: "Wird bestätigt …",
    views: {
      ready: {
        heading: "Bestätigen Sie Ihre neue E-Mail-Adresse",
        text: "Bestätigen Sie, dass Sie diese E-Mail-Adresse für Ihr Konto verwenden möchten. Sie melden sich dann mit ihr an.",
        note: NOT_YOURS,
      },
      done: {
        heading: "E-Mail-Adresse geändert",
        text: "Ab jetzt melden Sie sich mit ihr an. Auf Ihren Geräten bleiben Sie angemeldet.",
        note: "An Ihre alte Adresse haben wir einen Link geschickt, mit dem sich die Änderung rückgängig machen lässt.",
      },
      invalid: {
        heading: BROKEN,
        text: "Er ist möglicherweise unvollständig. Er gilt auch dann nicht mehr, wenn Sie eine andere Änderung anfordern, ein neues Passwort wählen oder die Änderung rückgängig machen.",
        note: "Verwenden Sie die neueste E-Mail oder fordern Sie die Änderung in Ihrem Konto noch einmal an.",
      },
      expired: {
        heading: EXPIRED,
        text: `${LIMITED_TIME} Ihre E-Mail-Adresse ist unverändert. Fordern Sie die Änderung in Ihrem Konto noch einmal an.`,
      },
      taken: {
        heading: "Diese E-Mail-Adresse ist vergeben",
        text: `${TAKEN}. Ihre ist deshalb unverändert. Wählen Sie in Ihrem Konto eine andere.`,
        note: TAKEN_BY_YOU,
      },
      missing: {
        heading: OPEN_IT,
        text: `Öffnen Sie diese Seite über den Link in der E-Mail an Ihre neue Adresse. ${RELOADED}`,
        note: "Nicht gefunden? Fordern Sie die Änderung in Ihrem Konto noch einmal an.",
      },
    },
  },

  "undo-email-change": {
    label: "Rückgängig machen",
    busyLabel: "Wird rückgängig gemacht …",
    resend: SEND_LINK,
    views: {
      ready: {
        heading: "Machen Sie die Änderung Ihrer E-Mail-Adresse rückgängig",
        text: "Wenn Sie das nicht waren, machen Sie die Änderung rückgängig, um Ihr Konto zu schützen:",
        points: [
          "Ihr Konto behält seine alte E-Mail-Adresse oder bekommt sie zurück.",
          "Sie werden überall abgemeldet.",
          "Ihr aktuelles Passwort gilt nicht mehr.",
          "Wir schicken an Ihre alte Adresse einen Link, mit dem Sie ein neues Passwort wählen.",
        ],
        note: "Wenn Sie die Änderung selbst vorgenommen haben, schließen Sie diese Seite. Es passiert dann nichts.",
      },
      done: {
        heading: "Änderung rückgängig gemacht",
        text: "Öffnen Sie jetzt den Link in Ihrer E-Mail, um ein neues Passwort zu wählen. Wenn Sie schon eines gewählt haben, sind Sie fertig.",
        points: [
          "Ihr Konto verwendet Ihre alte E-Mail-Adresse.",
          "Alle Geräte wurden abgemeldet.",
          "Ihr altes Passwort gilt nicht mehr.",
        ],
        note: "Nach ein paar Minuten noch nichts da? Sehen Sie im Spam-Ordner nach oder fordern Sie einen neuen Link an.",
        again: "Neuen Link anfordern",
      },
      invalid: {
        heading: BROKEN,
        text: "Er ist unvollständig oder wurde durch einen neueren ersetzt. Verwenden Sie die neueste E-Mail über die Änderung.",
        note: OTHER_WAY_BACK,
      },
      expired: {
        heading: EXPIRED,
        text: "Eine Änderung der E-Mail-Adresse lässt sich nur für begrenzte Zeit rückgängig machen. Wenn Sie das nicht waren, wenden Sie sich an den Support.",
        note: "Wenn Sie sich noch mit Ihrer alten Adresse anmelden können, wurde nichts geändert.",
      },
      taken: {
        heading: "Ihre alte E-Mail-Adresse ist vergeben",
        text: `${TAKEN}. Die Änderung lässt sich deshalb nicht rückgängig machen.`,
        note: TAKEN_BY_YOU,
      },
      missing: {
        heading: OPEN_IT,
        text: `Öffnen Sie diese Seite über den Link in der E-Mail an Ihre alte Adresse. ${RELOADED}`,
        note: OTHER_WAY_BACK,
      },
      resent: resetSent,
      again,
    },
  },
};
