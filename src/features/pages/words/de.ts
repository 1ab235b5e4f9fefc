/** The pages in German. */
import { account } from "./de-account.ts";
import {
  BROKEN,
  CHECK_EMAIL,
  EXPIRED,
  LIMITED_TIME,
  links,
  NOT_YOURS,
  NOTHING_CAME,
  OPEN_IT,
  OTHER_ADDRESS,
  RELOADED,
  VERIFICATION_RESENT,
} from "./de-links.ts";
import { APP_CODE, confirm, enrolment, events, security } from "./de-security.ts";
import type { PageWords } from "./en.ts";

const EASY_TO_GUESS = "und ist deshalb leicht zu erraten";
const UNRELATED = "Verwenden Sie mehrere Wörter, die nichts mit Ihnen zu tun haben.";
const UNUSABLE_NAME = "Dieser Name enthält Zeichen, die nicht verwendet werden können.";
const LONG_NAME = "Verwenden Sie höchstens 100 Zeichen.";

export const german: PageWords = {
  language: "Deutsch",
  layout: {
    languages: "Sprache",
    needsScript: {
      heading: "JavaScript ist erforderlich",
      text: "JavaScript ist in Ihrem Browser deaktiviert. Aktivieren Sie es und laden Sie diese Seite neu.",
      comfort: "Wenn Sie über einen Link in einer E-Mail hierhergekommen sind, gilt dieser Link weiterhin.",
    },
  },
  fields: {
    email: "E-Mail-Adresse",
    username: "Benutzername",
    usernameHint: "3–32 Zeichen: Buchstaben (a–z), Ziffern, Punkte, Bindestriche und Unterstriche.",
    password: "Passwort",
    newPassword: "Neues Passwort",
    newPasswordHint: "Mindestens {{password_min_length}} Zeichen. Mehrere zufällige Wörter kann man sich gut merken.",
    withoutPasswordNote:
      "Zum Anmelden schicken wir Ihnen einen Link per E-Mail. In Ihrem Konto können Sie einen Passkey hinzufügen: Damit geht es schneller.",
    show: "Anzeigen",
    showPassword: "Passwort anzeigen",
    hide: "Verbergen",
    hidePassword: "Passwort verbergen",
  },
  forms: {
    emailMissing: "Geben Sie Ihre E-Mail-Adresse ein.",
    emailIncomplete: "Geben Sie eine vollständige E-Mail-Adresse ein, etwa name@example.com.",
    passwordMissing: "Geben Sie Ihr Passwort ein.",
    firstPasswordMissing: "Wählen Sie ein Passwort.",
    newPasswordMissing: "Geben Sie ein neues Passwort ein.",
    usernameMissing: "Wählen Sie einen Benutzernamen.",
    sending: "Wird gesendet …",
    tooManyAttempts: "Zu viele Versuche.",
    noAnswer: "Der Server ist nicht erreichbar. Prüfen Sie Ihre Verbindung.",
    failed: "Bei uns ist ein Fehler aufgetreten.",
    refused: "Diese Anfrage wurde abgelehnt. Wenden Sie sich an den Support.",
    unconfirmed: "Das wurde nicht ausgeführt, weil Sie nicht bestätigt haben, dass Sie es sind.",
    challengeFailed: "Die Sicherheitsprüfung ist fehlgeschlagen. Bitte versuchen Sie es noch einmal.",
    challengeLoading: "Die Sicherheitsprüfung wird noch geladen. Versuchen Sie es gleich noch einmal.",
    challengeMissing: "Schließen Sie oben die Sicherheitsprüfung ab.",
    challengeNotShown:
      "Die Sicherheitsprüfung kann hier nicht angezeigt werden. Fordern Sie den Link auf der Anmeldeseite an.",
    challengeNotLoaded:
      "Die Sicherheitsprüfung konnte nicht geladen werden. Prüfen Sie Ihre Verbindung und laden Sie die Seite neu.",
    tryAgainSoon: "Bitte versuchen Sie es gleich noch einmal.",
    tryAgainIn: "Bitte versuchen Sie es in {duration} noch einmal.",
    tryAgainAfter: "Bitte versuchen Sie es in {duration} noch einmal (nach {time} Uhr).",
    tryAgainMuchLater: "Bitte versuchen Sie es in etwa {duration} noch einmal (nach {time} Uhr).",
    reference: "Support-Kennung: {id}",
    passwordIsGood: "Gutes Passwort.",
    faults: {
      "email.invalid_format": "Geben Sie eine gültige E-Mail-Adresse ein, etwa name@example.com.",
      "email.too_long": "Diese E-Mail-Adresse ist zu lang.",
      "email.unsupported_local_part":
        "Verwenden Sie vor dem @ nur Buchstaben (a–z) ohne Akzente, Ziffern und Zeichen wie . _ - +. Der Teil danach kann beliebige Buchstaben enthalten.",
      "email.domain_not_allowed": "E-Mail-Adressen dieser Domain werden nicht akzeptiert. Verwenden Sie eine andere.",
      "email.unchanged": "Das ist bereits Ihre E-Mail-Adresse.",
      "username.invalid_format":
        "Verwenden Sie 3–32 Zeichen: Buchstaben (a–z), Ziffern, Punkte, Bindestriche oder Unterstriche. Beginnen und enden Sie mit einem Buchstaben oder einer Ziffer.",
      "username.taken": "Dieser Benutzername ist vergeben. Wählen Sie einen anderen.",
      "first_name.invalid": UNUSABLE_NAME,
      "first_name.too_long": LONG_NAME,
      "last_name.invalid": UNUSABLE_NAME,
      "last_name.too_long": LONG_NAME,
      "name.invalid_format": UNUSABLE_NAME,
      "name.too_long": LONG_NAME,
      "phone.invalid_format": "Geben Sie die Nummer mit Ländervorwahl ein, etwa +49\u00a0170\u00a01234567.",
      "password.too_short": "Verwenden Sie mindestens {{password_min_length}} Zeichen.",
      "password.too_long": "Verwenden Sie höchstens {{password_max_length}} Zeichen.",
      "password.invalid":
        "Das Passwort enthält ein Zeichen, das nicht verwendet werden kann. Geben Sie es noch einmal ein.",
      "password.contains_email": `Ihr Passwort enthält einen Teil Ihrer E-Mail-Adresse ${EASY_TO_GUESS}. ${UNRELATED}`,
      "password.contains_username": `Ihr Passwort enthält Ihren Benutzernamen ${EASY_TO_GUESS}. ${UNRELATED}`,
      "password.contains_product_name": `Ihr Passwort enthält den Namen dieses Dienstes ${EASY_TO_GUESS}. Verwenden Sie mehrere zufällige Wörter.`,
      "password.too_common": "Dieses Passwort ist zu häufig. Verwenden Sie mehrere zufällige Wörter.",
      "password.breached":
        "Dieses Passwort ist in einem Datenleck aufgetaucht. Wählen Sie ein anderes und ändern Sie es überall, wo Sie es sonst verwenden.",
    },
  },
  links,
  account,
  security,
  enrolment,
  confirm,
  events,
  console: { heading: "Verwaltung", place: "Verwaltung", loading: "Wird geladen …" },
  home: {
    heading: "Ihr Konto",
    text: "Hier melden Sie sich an oder legen ein Konto an.",
    loggedIn: "Sie sind angemeldet.",
    reference: "API-Referenz",
    outbox: "E-Mails, die verschickt worden wären",
  },
  notFound: {
    heading: "Seite nicht gefunden",
    text: "Vielleicht ist die Adresse falsch geschrieben oder der Link veraltet. Links aus E-Mails funktionieren nur einmal.",
  },
  resent: { heading: CHECK_EMAIL, text: VERIFICATION_RESENT, note: NOTHING_CAME },
  login: {
    heading: "Anmelden",
    name: "E-Mail-Adresse oder Benutzername",
    nameMissing: "Geben Sie Ihre E-Mail-Adresse oder Ihren Benutzernamen ein.",
    label: "Anmelden",
    busyLabel: "Wird angemeldet …",
    forgot: "Passwort vergessen?",
    noAccount: "Noch kein Konto?",
    toRegister: "Konto erstellen",
    loggedOut: "Sie sind abgemeldet.",
    wrong:
      "E-Mail-Adresse, Benutzername oder Passwort falsch. Versuchen Sie es noch einmal oder setzen Sie Ihr Passwort zurück.",
    disabled: "Dieses Konto wurde gesperrt. Wenden Sie sich an den Support.",
    factorLost: "Wir können den zweiten Faktor dieses Kontos nicht prüfen. Wenden Sie sich an den Support.",
    cookiesRefused:
      "Ihr Browser hat das Cookie nicht gespeichert, mit dem Sie angemeldet bleiben. Erlauben Sie Cookies für diese Website und versuchen Sie es noch einmal.",
    passkey: {
      label: "Mit Passkey anmelden",
      busyLabel: "Warten auf Ihren Passkey …",
      unused: "Es wurde kein Passkey verwendet. Versuchen Sie es noch einmal oder melden Sie sich anders an.",
      wrong: "Dieser Passkey wurde nicht akzeptiert. Versuchen Sie es noch einmal oder melden Sie sich anders an.",
    },
    second: {
      totp: {
        heading: "Geben Sie Ihren Code ein",
        text: "Öffnen Sie Ihre Authenticator-App. Sie zeigt einen Code mit sechs Ziffern.",
        ...APP_CODE,
        label: "Anmelden",
        instead: "Authenticator-App verwenden",
      },
      passkey: {
        heading: "Verwenden Sie Ihren Passkey",
        text: "Ihr Gerät fragt nach Ihrem Fingerabdruck, Ihrem Gesicht oder Ihrer PIN.",
        label: "Passkey verwenden",
        instead: "Passkey verwenden",
      },
      recovery_code: {
        heading: "Geben Sie einen Wiederherstellungscode ein",
        text: "Verwenden Sie einen der Codes, die Sie gespeichert haben. Jeder Code gilt einmal.",
        field: "Wiederherstellungscode",
        invalid: "Geben Sie einen Wiederherstellungscode ein. Er hat mindestens 8 Buchstaben und Ziffern.",
        wrong: "Dieser Wiederherstellungscode ist falsch oder wurde schon verwendet. Geben Sie einen anderen ein.",
        label: "Anmelden",
        instead: "Wiederherstellungscode verwenden",
      },
      trust: "Diesem Gerät {{trusted_device_time}} lang vertrauen",
      back: "Zurück zur Anmeldung",
      expired: "Die Anmeldung hat zu lange gedauert. Geben Sie Ihr Passwort noch einmal ein.",
    },
    setup: {
      heading: "Richten Sie einen zweiten Faktor ein",
      text: "Für die Anmeldung brauchen Sie einen. Fügen Sie eine Authenticator-App oder einen Passkey hinzu.",
    },
    byEmail: {
      offer: "Link per E-Mail erhalten",
      heading: "Per E-Mail anmelden",
      text: "Wir schicken Ihnen einen Link, mit dem Sie sich anmelden.",
      label: "Link senden",
      sent: {
        heading: CHECK_EMAIL,
        text: "Falls es zu dieser Adresse ein Konto gibt, haben wir einen Link dorthin geschickt. Er gilt 10 Minuten.",
        code: "Wenn Sie den Link in einem anderen Browser oder auf einem anderen Gerät öffnen, geben Sie dort diesen Code ein:",
        note: NOTHING_CAME,
      },
    },
    unverified: {
      heading: "Bestätigen Sie Ihre E-Mail-Adresse",
      text: "Öffnen Sie vor der Anmeldung den Link in der E-Mail, die wir Ihnen bei der Registrierung geschickt haben. Nicht gefunden? Wir schicken Ihnen einen neuen.",
      label: "Neuen Link senden",
    },
  },
  logout: {
    heading: "Abmelden?",
    text: "Um Ihr Konto auf diesem Gerät wieder zu nutzen, müssen Sie sich neu anmelden.",
    done: { heading: "Sie sind abgemeldet", text: "Sie können diese Seite schließen oder sich wieder anmelden." },
  },
  emailLogin: {
    ready: {
      heading: "Anmelden",
      text: "Sie werden auf diesem Gerät angemeldet.",
      label: "Anmelden",
      note: NOT_YOURS,
    },
    code: {
      heading: "Geben Sie den Code ein",
      text: "Sie haben diesen Link in einem anderen Browser oder auf einem anderen Gerät angefordert. Geben Sie den Code ein, der dort steht.",
      field: "Code",
      invalid: "Geben Sie die acht Buchstaben des Codes ein.",
      wrong: "Falscher Code. Geben Sie den ein, der dort steht, wo Sie den Link angefordert haben.",
      label: "Anmelden",
      note: "Wenn Sie diesen Link nicht angefordert haben oder Ihnen jemand den Code geschickt hat, schließen Sie diese Seite.",
    },
    invalid: {
      heading: BROKEN,
      text: "Er ist vielleicht unvollständig oder wurde schon verwendet. Fordern Sie auf der Anmeldeseite einen neuen an.",
    },
    expired: { heading: EXPIRED, text: `${LIMITED_TIME} Fordern Sie auf der Anmeldeseite einen neuen an.` },
    missing: {
      heading: OPEN_IT,
      text: `Öffnen Sie diese Seite mit dem Link in der E-Mail oder fordern Sie auf der Anmeldeseite einen neuen Link an. ${RELOADED}`,
    },
  },
  register: {
    heading: "Konto erstellen",
    text: "Wir schicken Ihnen einen Link, mit dem Sie Ihre E-Mail-Adresse bestätigen.",
    label: "Konto erstellen",
    busyLabel: "Konto wird erstellt …",
    haveAccount: "Schon ein Konto?",
    toLogin: "Anmelden",
    without: "Ohne Passwort registrieren",
    sent: {
      heading: CHECK_EMAIL,
      to: "Wir haben eine E-Mail an {email} geschickt.",
      text: "Öffnen Sie den Link darin, um Ihre Adresse zu bestätigen, und melden Sie sich dann an.",
      note: NOTHING_CAME,
      resend: "Erneut senden",
      resent: "E-Mail gesendet.",
      again: OTHER_ADDRESS,
    },
    invitation: {
      heading: "Registrierung nur mit Einladung",
      text: "Bitten Sie einen Administrator um eine Einladung. Sie erhalten dann einen Link per E-Mail.",
    },
    closed: {
      heading: "Die Registrierung ist geschlossen",
      text: "Zurzeit können keine neuen Konten erstellt werden. Wenn Sie schon eines haben, können Sie sich anmelden.",
    },
  },
};
