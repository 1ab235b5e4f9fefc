/** The account page in German. */
import type { PageWords } from "./en.ts";

export const account: PageWords["account"] = {
  heading: "Ihr Konto",
  loggedInAs: "Angemeldet als",
  logOut: "Abmelden",
  loggingOut: "Wird abgemeldet …",
  loading: "Ihr Konto wird geladen …",
  failed: {
    heading: "Ihr Konto konnte nicht geladen werden",
    label: "Erneut versuchen",
  },
  wrongPassword: "Das ist nicht Ihr aktuelles Passwort.",
  currentPassword: "Aktuelles Passwort",
  cancel: "Abbrechen",
  profile: {
    heading: "Profil",
    firstName: "Vorname (optional)",
    lastName: "Nachname (optional)",
    phone: "Telefonnummer (optional)",
    phoneHint: "Mit Ländervorwahl, etwa +49\u00a0170\u00a01234567.",
    label: "Speichern",
    busyLabel: "Wird gespeichert …",
    saved: "Gespeichert.",
    changedMeanwhile:
      "Ihr Profil wurde an anderer Stelle geändert. Wir haben die neueste Fassung geladen; bitte geben Sie Ihre Änderungen noch einmal ein.",
  },
  address: {
    heading: "E-Mail-Adresse",
    current: "Aktuell:",
    next: "Neue E-Mail-Adresse",
    label: "E-Mail-Adresse ändern",
    sent: "Wir haben eine E-Mail an {email} geschickt. Öffnen Sie den Link darin, um die Änderung abzuschließen.",
  },
  password: {
    heading: "Passwort",
    text: "Wenn Sie Ihr Passwort ändern, werden Sie auf allen anderen Geräten abgemeldet.",
    label: "Passwort ändern",
    busyLabel: "Wird geändert …",
    changed: "Passwort geändert. Sie wurden auf allen anderen Geräten abgemeldet.",
    first: {
      text: "Ihr Konto hat kein Passwort. Wenn Sie eines festlegen, werden Sie auf allen anderen Geräten abgemeldet.",
      label: "Passwort festlegen",
      done: "Passwort festgelegt. Sie wurden auf allen anderen Geräten abgemeldet.",
    },
  },
  devices: {
    heading: "Wo Sie angemeldet sind",
    text: "Sie erkennen ein Gerät nicht? Melden Sie es ab und ändern Sie Ihr Passwort.",
    current: "Dieses Gerät",
    named: "{browser} unter {system}",
    unknown: "Unbekanntes Gerät",
    lastUsed: "Zuletzt benutzt: {time}",
    end: "Abmelden",
    endNamed: "{device} abmelden",
    ending: "Wird abgemeldet …",
    ended: "{device} wurde abgemeldet.",
    others: {
      open: "Andere Geräte abmelden",
      heading: "Alle anderen Geräte abmelden?",
      text: "Sie bleiben nur auf diesem Gerät angemeldet.",
      label: "Abmelden",
      done: "Alle anderen Geräte wurden abgemeldet.",
    },
  },
  data: {
    heading: "Ihre Daten",
    text: "Laden Sie alles, was wir über Sie gespeichert haben, als JSON-Datei herunter.",
    label: "Daten herunterladen",
    busyLabel: "Wird vorbereitet …",
    done: "Ihre Daten wurden heruntergeladen.",
  },
  deletion: {
    heading: "Konto löschen",
    text: "Löschen Sie Ihr Konto und alle Ihre persönlichen Daten endgültig.",
    open: "Konto löschen …",
    question: "Konto löschen?",
    warning:
      "Das lässt sich nicht rückgängig machen. Sie werden überall abgemeldet, und Ihr Benutzername bleibt eine Zeit lang gesperrt.",
    label: "Konto löschen",
    busyLabel: "Wird gelöscht …",
    lastSuperuser: "Sie sind der einzige Superuser. Ernennen Sie zuerst jemand anderen.",
    done: {
      heading: "Konto gelöscht",
      text: "Ihre persönlichen Daten wurden gelöscht. Wir haben Ihnen eine Bestätigung per E-Mail geschickt.",
    },
  },
};
