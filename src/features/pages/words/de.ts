/** The pages in German. */
import type { PageWords } from "../words.ts";
import { account } from "./de-account.ts";
import { links, NOTHING_CAME } from "./de-links.ts";

const UNRELATED = "Nehmen Sie ein paar Wörter, die nichts mit Ihnen zu tun haben.";

export const german: PageWords = {
  language: "Deutsch",
  layout: {
    languages: "Sprache",
    needsScript: {
      heading: "Diese Seite braucht JavaScript",
      text: "Es ist in Ihrem Browser ausgeschaltet. Schalten Sie es für diese Seite ein und öffnen Sie sie noch einmal.",
      comfort: "Sie kamen über einen Link aus einer E-Mail? Er gilt weiterhin: Noch hat ihn nichts verbraucht.",
    },
  },
  fields: {
    email: "E-Mail-Adresse",
    username: "Benutzername",
    usernameHint: "3 bis 32 Zeichen: Buchstaben von a bis z, Ziffern, Punkte, Binde- oder Unterstriche.",
    password: "Passwort",
    newPassword: "Neues Passwort",
    newPasswordHint: "Mindestens {{password_min_length}} Zeichen; ein paar Wörter hintereinander merken sich leicht.",
    show: "Anzeigen",
    showPassword: "Passwort anzeigen",
  },
  forms: {
    emailMissing: "Geben Sie Ihre E-Mail-Adresse ein.",
    emailIncomplete: "Geben Sie eine vollständige Adresse ein, etwa name@example.org.",
    passwordMissing: "Geben Sie Ihr Passwort ein.",
    newPasswordMissing: "Geben Sie ein neues Passwort ein.",
    usernameMissing: "Wählen Sie einen Benutzernamen.",
    sending: "Wird gesendet …",
    tooManyAttempts: "Zu viele Versuche.",
    noAnswer: "Es kam keine Antwort: Prüfen Sie Ihre Verbindung.",
    failed: "Unser Dienst war kurz gestört.",
    refused: "Unser Dienst hat das abgelehnt. Wenden Sie sich an den Betreiber.",
    challengeFailed: "Die Prüfung, die Roboter fernhält, hat Sie nicht durchgelassen. Versuchen Sie es noch einmal.",
    challengeLoading: "Die Prüfung, die Roboter fernhält, lädt noch. Versuchen Sie es gleich noch einmal.",
    challengeMissing: "Warten Sie die Prüfung oben ab, die Roboter fernhält, oder lösen Sie, was sie verlangt.",
    challengeNotShown:
      "Diese Seite kann die Prüfung nicht zeigen, die Roboter fernhält. Fordern Sie den Link dort an, wo Sie sich sonst anmelden.",
    challengeNotLoaded:
      "Die Prüfung, die Roboter fernhält, ließ sich nicht laden. Prüfen Sie Ihre Verbindung, und laden Sie diese Seite neu.",
    tryAgainSoon: "Bitte versuchen Sie es gleich noch einmal.",
    tryAgainIn: "Bitte versuchen Sie es in {duration} noch einmal.",
    tryAgainAfter: "Bitte versuchen Sie es in {duration} noch einmal, nach {time} Uhr.",
    tryAgainMuchLater: "Bitte versuchen Sie es in etwa {duration} noch einmal, nach {time} Uhr.",
    reference: "Kennung für den Support: {id}",
    passwordIsGood: "Dieses Passwort können Sie verwenden.",
    faults: {
      "email.invalid_format": "Das ist keine E-Mail-Adresse. Eine sieht so aus: name@example.org.",
      "email.too_long": "Diese Adresse ist zu lang. Prüfen Sie sie auf Tippfehler.",
      "email.domain_not_allowed":
        "Adressen dieser Domain werden hier nicht angenommen. Verwenden Sie eine Adresse einer anderen.",
      "email.unchanged": "Das ist bereits Ihre Adresse.",
      "username.invalid_format":
        "Ein Benutzername hat 3 bis 32 Zeichen: Buchstaben (a bis z), Ziffern, Punkte, Binde- oder Unterstriche. Er beginnt und endet mit einem Buchstaben oder einer Ziffer.",
      "username.taken": "Diesen Benutzernamen hat schon jemand anderes. Wählen Sie einen anderen.",
      "first_name.invalid": "Ein Name enthält keine Steuerzeichen. Geben Sie ihn neu ein.",
      "first_name.too_long": "Ein Name hat höchstens 100 Zeichen.",
      "last_name.invalid": "Ein Name enthält keine Steuerzeichen. Geben Sie ihn neu ein.",
      "last_name.too_long": "Ein Name hat höchstens 100 Zeichen.",
      "phone.invalid_format": "Eine Telefonnummer beginnt mit + und der Landesvorwahl, etwa +491701234567.",
      "password.too_short": "Ein Passwort hat mindestens {{password_min_length}} Zeichen.",
      "password.too_long":
        "Ein Passwort hat höchstens {{password_max_length}} Zeichen. Ein paar Wörter hintereinander sind lang genug.",
      "password.invalid": "Das Passwort enthält ein halbes Zeichen. Geben Sie es neu ein.",
      "password.contains_email": `Das Passwort enthält den Namen aus Ihrer E-Mail-Adresse, den andere zuerst probieren. ${UNRELATED}`,
      "password.contains_username": `Das Passwort enthält Ihren Benutzernamen, den andere zuerst probieren. ${UNRELATED}`,
      "password.contains_product_name":
        "Das Passwort enthält den Namen dieses Dienstes, den andere zuerst probieren. Nehmen Sie ein paar Wörter, die nichts mit ihm zu tun haben.",
      "password.too_common":
        "Das ist eines der häufigsten Passwörter, die andere zuerst probieren. Nehmen Sie ein paar Wörter, die sonst niemand aneinanderreihen würde.",
      "password.breached":
        "Dieses Passwort ist bei einem anderen Dienst bekannt geworden und steht deshalb auf den Listen, die Diebe probieren. Wählen Sie ein anderes, und ändern Sie es überall, wo Sie es sonst verwenden.",
    },
  },
  links,
  account,
  resent: {
    heading: "Sehen Sie in Ihre E-Mails",
    text: "Wenn zu dieser Adresse ein Konto auf Bestätigung wartet, ist ein neuer Link unterwegs.",
    note: NOTHING_CAME,
  },
  login: {
    heading: "Anmelden",
    name: "E-Mail-Adresse oder Benutzername",
    nameMissing: "Geben Sie Ihre E-Mail-Adresse oder Ihren Benutzernamen ein.",
    label: "Anmelden",
    busyLabel: "Wird angemeldet …",
    forgot: "Passwort vergessen?",
    noAccount: "Noch kein Konto?",
    toRegister: "Konto eröffnen",
    wrong:
      "Der Name oder das Passwort ist falsch. Prüfen Sie beides auf Tippfehler, oder wählen Sie per E-Mail ein neues Passwort.",
    disabled: "Dieses Konto wurde gesperrt. Wenden Sie sich an den Betreiber des Dienstes.",
    unverified: {
      heading: "Bestätigen Sie zuerst Ihre Adresse",
      text: "Ihr Passwort stimmt, aber Ihre Adresse ist noch nicht bestätigt. Folgen Sie dem Link in der E-Mail, die Sie bei der Registrierung bekommen haben, oder fordern Sie hier einen neuen an.",
      label: "Neuen Link senden",
    },
  },
  register: {
    heading: "Konto eröffnen",
    text: "Per E-Mail kommt ein Link, um zu zeigen, dass die Adresse Ihnen gehört.",
    label: "Mein Konto eröffnen",
    busyLabel: "Wird eröffnet …",
    haveAccount: "Sie haben schon ein Konto?",
    toLogin: "Anmelden",
    sent: {
      heading: "Sehen Sie in Ihre E-Mails",
      to: "Eine E-Mail ist unterwegs an",
      text: "Folgen Sie dem Link darin, um Ihre Adresse zu bestätigen. Danach können Sie sich anmelden.",
      note: NOTHING_CAME,
      resend: "Noch einmal senden",
      resent: "Noch einmal gesendet.",
      again: "Andere Adresse verwenden",
    },
    invitation: {
      heading: "Konten gibt es auf Einladung",
      text: "Bitten Sie den Betreiber um eine Einladung: Der Link, um ein Konto zu eröffnen, kommt per E-Mail.",
    },
    closed: {
      heading: "Die Registrierung ist geschlossen",
      text: "Zurzeit kann hier niemand ein Konto eröffnen. Wer eines hat, kann sich anmelden.",
    },
  },
};
