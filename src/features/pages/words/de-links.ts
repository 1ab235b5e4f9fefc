/** The pages behind mailed links, in German. */
import type { LinkWords } from "../words.ts";

const EXPIRED = "Dieser Link ist abgelaufen";
const BROKEN = "Dieser Link funktioniert nicht";
const OPEN_IT = "Öffnen Sie den Link aus Ihrer E-Mail";
const LIMITED_TIME = "Links gelten zum Schutz Ihres Kontos nur begrenzte Zeit.";
/** Where a mail is waited for. */
export const NOTHING_CAME =
  "Nach ein paar Minuten ist nichts da? Sehen Sie im Spam-Ordner nach, und prüfen Sie, ob die Adresse stimmt.";
const OTHER_WAY_BACK =
  "Hat Ihr Konto noch seine alte Adresse, hilft auch ein neues Passwort: Es meldet alle Geräte ab und verhindert eine Änderung, die noch nicht bestätigt ist. Den Link dafür können Sie hier anfordern.";

const expired = { heading: EXPIRED, text: `${LIMITED_TIME} Fordern Sie hier einen neuen an.` };
const again = { heading: "Neuen Link anfordern" };
const resent = (text: string) => ({
  heading: "Sehen Sie in Ihre E-Mails",
  text,
  note: NOTHING_CAME,
  again: "Andere Adresse verwenden",
});

export const links: LinkWords = {
  resend: "Neuen Link senden",
  kept: "Ihr Link gilt weiterhin.",
  toLogin: "Anmelden",
  toAccount: "Zu Ihrem Konto",

  "verify-email": {
    label: "Meine Adresse bestätigen",
    busyLabel: "Wird bestätigt …",
    views: {
      ready: {
        heading: "Bestätigen Sie Ihre E-Mail-Adresse",
        text: "Ein Klick zeigt, dass diese Adresse Ihnen gehört. Danach können Sie sich anmelden.",
        note: "Sie haben kein Konto eröffnet? Schließen Sie diese Seite: Ohne Ihren Klick geschieht nichts.",
      },
      done: { heading: "Ihre Adresse ist bestätigt", text: "Ihr Konto ist bereit, und Sie können sich anmelden." },
      invalid: {
        heading: BROKEN,
        text: "Vielleicht fehlt ein Teil davon, oder ein neuerer Link hat ihn abgelöst. Suchen Sie die neueste E-Mail, oder fordern Sie hier einen neuen Link an.",
      },
      expired,
      missing: {
        heading: OPEN_IT,
        text: "Diese Seite funktioniert nur über den Link aus Ihrer E-Mail zur Bestätigung; beim Neuladen geht er verloren. Öffnen Sie ihn noch einmal, oder fordern Sie hier einen neuen an.",
      },
      resent: resent("Wenn zu dieser Adresse ein Konto auf Bestätigung wartet, ist ein neuer Link unterwegs."),
      again,
    },
  },

  "reset-password": {
    label: "Passwort festlegen",
    busyLabel: "Wird festgelegt …",
    views: {
      ready: {
        heading: "Wählen Sie ein neues Passwort",
        text: "Es ersetzt das alte und meldet alle Geräte ab.",
        note: "Sie haben das nicht angefordert? Schließen Sie diese Seite: Ihr Passwort bleibt, wie es ist.",
      },
      done: {
        heading: "Ihr Passwort ist festgelegt",
        text: "Alle Geräte wurden abgemeldet. Melden Sie sich jetzt damit an.",
      },
      invalid: {
        heading: BROKEN,
        text: "Vielleicht fehlt ein Teil davon, er wurde schon benutzt, oder ein neuerer Link hat ihn abgelöst. Suchen Sie die neueste E-Mail, oder fordern Sie hier einen neuen Link an.",
        note: "Sie haben damit eben ein Passwort festgelegt? Versuchen Sie zuerst, sich mit diesem anzumelden.",
      },
      expired,
      missing: {
        heading: "Passwort vergessen?",
        text: "Geben Sie die Adresse Ihres Kontos ein. Ein Link, um ein neues Passwort zu wählen, kommt per E-Mail.",
        note: "Sie haben schon einen solchen Link? Öffnen Sie ihn noch einmal aus Ihrer E-Mail: Diese Seite wurde ohne ihn geöffnet, oder er ging beim Neuladen verloren.",
      },
      resent: resent("Wenn es zu dieser Adresse ein Konto gibt, ist ein Link unterwegs."),
      again,
    },
  },

  "accept-invitation": {
    label: "Mein Konto eröffnen",
    busyLabel: "Wird eröffnet …",
    views: {
      ready: {
        heading: "Eröffnen Sie Ihr Konto",
        text: "Sie sind eingeladen. Wählen Sie einen Benutzernamen und ein Passwort, mit denen Sie sich anmelden.",
        note: "Sie wissen nicht, worum es geht? Schließen Sie diese Seite: Ohne Ihren Klick geschieht nichts.",
      },
      done: {
        heading: "Ihr Konto ist eröffnet",
        text: "Melden Sie sich mit dem Namen und dem Passwort an, die Sie gewählt haben.",
      },
      invalid: {
        heading: BROKEN,
        text: "Vielleicht fehlt ein Teil davon. Öffnen Sie ihn noch einmal aus der Einladung in Ihrer E-Mail.",
        note: "Er funktioniert noch immer nicht? Bitten Sie um eine neue Einladung.",
      },
      expired: { heading: EXPIRED, text: `${LIMITED_TIME} Bitten Sie um eine neue Einladung.` },
      used: {
        heading: "Sie haben bereits ein Konto",
        text: "Diese Einladung wurde schon benutzt, oder zu Ihrer Adresse gibt es auf anderem Weg ein Konto. Melden Sie sich damit an.",
        note: "Sie kennen das Passwort nicht? Bei der Anmeldung können Sie ein neues anfordern.",
      },
      closed: {
        heading: "Die Registrierung ist geschlossen",
        text: "Zurzeit kann hier niemand ein Konto eröffnen, auch nicht mit Einladung. Wenden Sie sich an die Person, die Sie eingeladen hat.",
      },
      missing: {
        heading: OPEN_IT,
        text: "Diese Seite funktioniert nur über den Link aus Ihrer Einladung; beim Neuladen geht er verloren. Öffnen Sie ihn noch einmal.",
        note: "Sie finden ihn nicht? Bitten Sie um eine neue Einladung.",
      },
    },
  },

  "confirm-email": {
    label: "Meine neue Adresse bestätigen",
    busyLabel: "Wird bestätigt …",
    views: {
      ready: {
        heading: "Bestätigen Sie Ihre neue E-Mail-Adresse",
        text: "Mit einem Klick wird die Adresse, an die dieser Link kam, zur Adresse Ihres Kontos. Von da an melden Sie sich mit ihr an.",
        note: "Sie haben das nicht angefordert? Schließen Sie diese Seite: Ohne Ihren Klick geschieht nichts.",
      },
      done: {
        heading: "Ihre neue Adresse ist bestätigt",
        text: "Sie ist von jetzt an die Adresse Ihres Kontos. Ihre Geräte bleiben angemeldet.",
        note: "Ihre alte Adresse bekommt eine Nachricht, mit der sich die Änderung eine Zeit lang rückgängig machen lässt.",
      },
      invalid: {
        heading: BROKEN,
        text: "Vielleicht fehlt ein Teil davon, oder etwas Neueres hat ihn abgelöst: eine spätere Anfrage, ein neues Passwort, oder die Änderung wurde rückgängig gemacht.",
        note: "Suchen Sie die neueste E-Mail, oder beantragen Sie die Änderung in Ihrem Konto noch einmal.",
      },
      expired: {
        heading: EXPIRED,
        text: `${LIMITED_TIME} Ihre Adresse bleibt, wie sie war: Beantragen Sie die Änderung in Ihrem Konto noch einmal.`,
      },
      taken: {
        heading: "Diese Adresse ist vergeben",
        text: "Inzwischen hat sie ein anderes Konto; Ihre Adresse bleibt daher, wie sie war. Wählen Sie in Ihrem Konto eine andere.",
        note: "Auch dieses Konto gehört Ihnen? Löschen Sie es, und öffnen Sie dann den Link aus Ihrer E-Mail noch einmal.",
      },
      missing: {
        heading: OPEN_IT,
        text: "Diese Seite funktioniert nur über den Link aus der E-Mail an Ihre neue Adresse; beim Neuladen geht er verloren. Öffnen Sie ihn noch einmal.",
        note: "Sie finden ihn nicht? Beantragen Sie die Änderung in Ihrem Konto noch einmal.",
      },
    },
  },

  "undo-email-change": {
    label: "Änderung rückgängig machen",
    busyLabel: "Wird rückgängig gemacht …",
    views: {
      ready: {
        heading: "Machen Sie die Änderung Ihrer Adresse rückgängig",
        text: "Jemand anderes hat sie geändert oder es versucht? Mit einem Klick bekommen Sie Ihr Konto zurück:",
        points: [
          "Ihr Konto behält seine alte Adresse oder bekommt sie zurück.",
          "Alle Geräte werden abgemeldet, auch Ihre.",
          "Ihr Passwort gilt nicht mehr.",
          "An Ihre alte Adresse geht ein Link, mit dem Sie ein neues wählen.",
        ],
        note: "Sie haben sie selbst geändert? Schließen Sie diese Seite: Ohne Ihren Klick geschieht nichts.",
      },
      done: {
        heading: "Die Änderung ist rückgängig gemacht",
        text: "Suchen Sie jetzt in Ihren E-Mails den Link, mit dem Sie ein neues Passwort wählen, falls Sie nicht schon eines gewählt haben.",
        points: [
          "Ihr Konto hat seine alte Adresse.",
          "Alle Geräte wurden abgemeldet.",
          "Das bisherige Passwort gilt nicht mehr.",
        ],
        note: "Nach ein paar Minuten ist nichts da? Sehen Sie im Spam-Ordner nach, oder fordern Sie den Link noch einmal an.",
        again: "Link noch einmal senden",
      },
      invalid: {
        heading: BROKEN,
        text: "Vielleicht fehlt ein Teil davon, oder etwas Neueres hat ihn abgelöst. Suchen Sie die neueste E-Mail über die Änderung.",
        note: OTHER_WAY_BACK,
      },
      expired: {
        heading: EXPIRED,
        text: "Eine geänderte Adresse lässt sich nur begrenzte Zeit zurückholen. Hat jemand anderes Ihre geändert, wenden Sie sich an den Betreiber des Dienstes.",
        note: "Sie können sich noch mit Ihrer alten Adresse anmelden? Dann wurde sie nie geändert.",
      },
      taken: {
        heading: "Ihre alte Adresse ist vergeben",
        text: "Inzwischen hat sie ein anderes Konto; die Änderung lässt sich daher nicht rückgängig machen.",
        note: "Auch dieses Konto gehört Ihnen? Löschen Sie es, und öffnen Sie dann den Link aus Ihrer E-Mail noch einmal.",
      },
      missing: {
        heading: OPEN_IT,
        text: "Diese Seite funktioniert nur über den Link aus der E-Mail an Ihre alte Adresse; beim Neuladen geht er verloren. Öffnen Sie ihn noch einmal.",
        note: OTHER_WAY_BACK,
      },
      resent: resent(
        "Wenn ein Konto diese Adresse hat, ist ein Link unterwegs, mit dem Sie ein neues Passwort wählen.",
      ),
      again,
    },
  },
};
