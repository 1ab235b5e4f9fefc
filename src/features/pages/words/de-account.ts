/** The page of one's own account, in German. */
import type { AccountWords } from "../words.ts";

export const account: AccountWords = {
  heading: "Ihr Konto",
  loggedInAs: "Angemeldet als",
  logOut: "Abmelden",
  loggingOut: "Wird abgemeldet …",
  loading: "Ihr Konto wird geladen …",
  failed: {
    heading: "Ihr Konto lässt sich nicht laden",
    label: "Noch einmal versuchen",
  },
  wrongPassword: "Das ist nicht Ihr aktuelles Passwort.",
  currentPassword: "Aktuelles Passwort",
  cancel: "Abbrechen",
  profile: {
    heading: "Profil",
    firstName: "Vorname (freiwillig)",
    lastName: "Nachname (freiwillig)",
    phone: "Telefonnummer (freiwillig)",
    phoneHint: "Mit Landesvorwahl, etwa +491701234567.",
    label: "Profil speichern",
    busyLabel: "Wird gespeichert …",
    saved: "Gespeichert.",
    changedMeanwhile:
      "Ihr Profil wurde inzwischen anderswo geändert. Sie sehen es, wie es jetzt ist: Ändern Sie es noch einmal.",
  },
  address: {
    heading: "E-Mail-Adresse",
    current: "Ihre Adresse ist",
    next: "Neue E-Mail-Adresse",
    label: "Adresse ändern",
    sent: "Eine E-Mail ist unterwegs an {email}. Ihre Adresse ändert sich, sobald Sie dem Link darin folgen.",
  },
  password: {
    heading: "Passwort",
    text: "Ein neues Passwort meldet alle anderen Geräte ab.",
    label: "Passwort ändern",
    busyLabel: "Wird geändert …",
    changed: "Ihr Passwort ist geändert, und alle anderen Geräte sind abgemeldet.",
  },
  devices: {
    heading: "Wo Sie angemeldet sind",
    text: "Eines davon kennen Sie nicht? Melden Sie es ab, und wählen Sie ein neues Passwort.",
    current: "Dieses Gerät",
    named: "{browser} unter {system}",
    unknown: "Unbekanntes Gerät",
    lastUsed: "Zuletzt benutzt: {time}",
    end: "Abmelden",
    endNamed: "{device} abmelden",
    ending: "Wird abgemeldet …",
    ended: "Abgemeldet: {device}.",
    others: {
      open: "Überall sonst abmelden",
      heading: "Überall sonst abmelden?",
      text: "Alle Geräte außer diesem müssen sich neu anmelden.",
      label: "Alle anderen abmelden",
      done: "Alle anderen Geräte sind abgemeldet.",
    },
  },
  data: {
    heading: "Ihre Daten",
    text: "Alles, was über Sie gespeichert ist, in einer Datei (JSON).",
    label: "Meine Daten herunterladen",
    busyLabel: "Wird zusammengestellt …",
    done: "Ihre Daten sind heruntergeladen.",
  },
  deletion: {
    heading: "Konto löschen",
    text: "Ihr Konto und Ihre persönlichen Daten sind sofort gelöscht und lassen sich nicht wiederherstellen.",
    open: "Mein Konto löschen …",
    question: "Konto löschen?",
    warning:
      "Das lässt sich nicht rückgängig machen. Alle Geräte werden abgemeldet, und Ihr Benutzername bleibt eine Zeit lang gesperrt.",
    label: "Mein Konto löschen",
    busyLabel: "Wird gelöscht …",
    lastSuperuser: "Sie sind der letzte Superuser: Ernennen Sie zuerst jemand anderen.",
    done: {
      heading: "Ihr Konto ist gelöscht",
      text: "Ihre persönlichen Daten sind mit ihm gelöscht. Eine E-Mail bestätigt es.",
    },
  },
};
