/** The mails in German. */
import { formatTime } from "../../config/languages.ts";
import type { Detail, Language, Messages } from "../messages.ts";

const NOT_YOU =
  "Waren Sie es nicht, kann jemand anderes Ihr Konto benutzen: Wählen Sie sofort ein neues Passwort und melden Sie sich überall ab.";

const UNKNOWN = "unbekannt";

const messages: Messages = {
  verify_email: ({ product, username, url, hours }) => ({
    subject: `Bestätigen Sie Ihre Adresse für ${product}`,
    body: [
      `Jemand, vermutlich Sie selbst, hat diese Adresse bei ${product} registriert, und zwar unter dem Benutzernamen ${username}.`,
      `Wenn Sie das waren, folgen Sie dem Link, um zu zeigen, dass die Adresse Ihnen gehört. Er funktioniert einmal und gilt ${count(hours, "Stunde")}.`,
    ],
    action: { label: "Meine Adresse bestätigen", url },
    closing:
      "Wenn Sie diesen Benutzernamen nicht gewählt haben, ignorieren Sie diese E-Mail: Ohne den Link kann sich niemand mit Ihrer Adresse anmelden.",
  }),

  invitation: ({ product, inviter, url, until }) => ({
    subject: `Sie sind zu ${product} eingeladen`,
    body: [
      `${inviter} lädt Sie ein, ein Konto bei ${product} zu eröffnen.`,
      `Folgen Sie dem Link, um einen Benutzernamen und ein Passwort zu wählen; das zeigt zugleich, dass diese Adresse Ihnen gehört. Er funktioniert einmal und gilt bis ${time(until)}.`,
    ],
    action: { label: "Einladung annehmen", url },
    closing: "Wenn Sie nicht wissen, worum es geht, ignorieren Sie diese E-Mail: Ohne den Link entsteht kein Konto.",
  }),

  account_exists: ({ product }) => ({
    subject: `Sie haben bereits ein Konto bei ${product}`,
    body: [
      `Jemand, vermutlich Sie selbst, wollte diese Adresse bei ${product} registrieren. Dort gibt es bereits ein Konto mit ihr.`,
      "Es hat sich nichts geändert. Melden Sie sich mit dem Passwort an, das Sie damals gewählt haben.",
    ],
    closing:
      "Waren Sie es nicht, brauchen Sie nichts zu tun: Niemand hat erfahren, dass es zu dieser Adresse ein Konto gibt.",
  }),

  reset_password: ({ product, username, url, minutes }) => ({
    subject: `Wählen Sie ein neues Passwort für ${product}`,
    body: [
      `Jemand, vermutlich Sie selbst, möchte das Passwort Ihres Kontos bei ${product} mit dem Benutzernamen ${username} zurücksetzen.`,
      `Folgen Sie dem Link, um ein neues zu wählen. Er funktioniert einmal, gilt ${count(minutes, "Minute")} und meldet alle Geräte ab.`,
    ],
    action: { label: "Neues Passwort wählen", url },
    closing: "Waren Sie es nicht, ignorieren Sie diese E-Mail: Es hat sich nichts geändert.",
  }),

  password_blocked: ({ product, at }) => ({
    subject: `Ihr Passwort für ${product} muss zurückgesetzt werden`,
    body: [
      `Jemand hat immer wieder versucht, das Passwort Ihres Kontos bei ${product} zu erraten, und lag jedes Mal falsch. Niemand hat sich damit angemeldet.`,
      `Zur Sicherheit gilt Ihr Passwort seit ${time(at)} nur noch dort, wo Sie sich schon einmal angemeldet haben. Überall sonst setzen Sie es zurück, als hätten Sie es vergessen, und wählen ein neues.`,
    ],
    closing: "Mit einem neuen Passwort können Sie sich wieder überall anmelden.",
  }),

  password_changed: ({ product, at }) => ({
    subject: `Ihr Passwort für ${product} wurde geändert`,
    body: [
      `Das Passwort Ihres Kontos bei ${product} wurde geändert (${time(at)}). Alle anderen Geräte wurden abgemeldet.`,
      "Waren Sie es nicht, kennt jemand anderes Ihr Passwort: Setzen Sie es sofort zurück, als hätten Sie es vergessen. Der Link kommt an diese Adresse, und mit dem neuen Passwort werden alle Geräte abgemeldet.",
    ],
    closing: "Waren Sie es selbst, brauchen Sie nichts zu tun.",
  }),

  new_login: ({ product, device, ipAddress, at }) => ({
    subject: `Neue Anmeldung bei Ihrem Konto bei ${product}`,
    body: [
      `Jemand, vermutlich Sie selbst, hat sich bei Ihrem Konto bei ${product} mit einem Gerät angemeldet, das dort bisher nicht bekannt war.`,
      [
        deviceDetail(device),
        { label: "IP-Adresse", value: ipAddress ?? UNKNOWN },
        { label: "Zeitpunkt", value: time(at) },
      ],
      NOT_YOU,
    ],
    closing: "Waren Sie es selbst, brauchen Sie nichts zu tun. Der Name des Geräts ist der, den es sich selbst gibt.",
  }),

  refresh_reused: ({ product, device, at }) => ({
    subject: `Ein Gerät wurde von Ihrem Konto bei ${product} abgemeldet`,
    body: [
      `Ein Schlüssel, mit dem eines Ihrer Geräte bei ${product} angemeldet bleibt, wurde ein zweites Mal benutzt. Möglicherweise hat ihn jemand kopiert. Zur Sicherheit wurde dieses Gerät abgemeldet.`,
      [deviceDetail(device), { label: "Zeitpunkt", value: time(at) }],
      "Melden Sie sich dort neu an. Wenn Sie sich den Vorfall nicht erklären können, hatte vielleicht jemand anderes Zugang zu dem Gerät oder zu Ihrem Konto: Wählen Sie dann sofort ein neues Passwort und melden Sie sich überall ab.",
    ],
    closing: "Auch ein Gerät, das aus einer Sicherung wiederhergestellt wurde, kann dies auslösen.",
  }),

  confirm_email: ({ product, username, url, hours }) => ({
    subject: `Bestätigen Sie Ihre neue Adresse für ${product}`,
    body: [
      `Jemand, vermutlich Sie selbst, möchte diese Adresse für das Konto bei ${product} mit dem Benutzernamen ${username} verwenden.`,
      `Wenn Sie das sind, folgen Sie dem Link, um zu zeigen, dass die Adresse Ihnen gehört. Er gilt ${count(hours, "Stunde")}; bis dahin behält das Konto seine alte Adresse.`,
    ],
    action: { label: "Meine neue Adresse bestätigen", url },
    closing: "Wenn das Konto nicht Ihres ist, ignorieren Sie diese E-Mail: Ohne den Link ändert sich nichts.",
  }),

  email_in_use: ({ product }) => ({
    subject: `Zu Ihrer Adresse gibt es bereits ein Konto bei ${product}`,
    body: [
      `Jemand, vielleicht Sie selbst, wollte diese Adresse für ein anderes Konto bei ${product} verwenden. Dort gibt es bereits ein Konto mit ihr, für ein zweites lässt sie sich daher nicht verwenden.`,
      "Es hat sich nichts geändert.",
    ],
    closing:
      "Waren Sie es nicht, brauchen Sie nichts zu tun: Niemand hat erfahren, dass es zu dieser Adresse ein Konto gibt.",
  }),

  email_change_requested: ({ product, newEmail, url, until }) => ({
    subject: `Jemand möchte Ihre Adresse für ${product} ändern`,
    body: [
      `Jemand, vermutlich Sie selbst, möchte die Adresse Ihres Kontos bei ${product} in ${newEmail} ändern. Sie ändert sich, sobald die neue Adresse bestätigt ist.`,
      `Waren Sie es nicht, folgen Sie dem Link: Ihr Konto behält diese Adresse oder bekommt sie zurück, alle Geräte werden abgemeldet, und das Passwort gilt nicht mehr. Sie wählen dann ein neues. Der Link gilt bis ${time(until)}.`,
    ],
    action: { label: "Diese Adresse behalten", url },
    closing: "Waren Sie es selbst, folgen Sie dem Link nicht.",
  }),

  email_changed: ({ product, newEmail, url, until }) => ({
    subject: `Ihre Adresse für ${product} wurde geändert`,
    body: [
      `Die Adresse Ihres Kontos bei ${product} lautet von nun an ${newEmail}. Dies ist die letzte E-Mail an die alte.`,
      `Waren Sie es nicht, folgen Sie dem Link: Ihr Konto bekommt diese Adresse zurück, alle Geräte werden abgemeldet, und das Passwort gilt nicht mehr. Sie wählen dann ein neues. Der Link gilt bis ${time(until)}.`,
    ],
    action: { label: "Änderung rückgängig machen", url },
    closing: "Waren Sie es selbst, folgen Sie dem Link nicht.",
  }),

  account_deleted: ({ product, at }) => ({
    subject: `Ihr Konto bei ${product} ist gelöscht`,
    body: [
      `Ihr Konto bei ${product} wurde gelöscht (${time(at)}). Alle Geräte wurden abgemeldet, und Ihre persönlichen Daten sind mit dem Konto gelöscht.`,
      "Es lässt sich nicht wiederherstellen. Sie können diese Adresse jederzeit neu registrieren.",
    ],
    closing: "Waren Sie es nicht, wenden Sie sich an den Betreiber des Dienstes.",
  }),
};

export const german: Language = {
  messages,
  withoutButton: "Falls die Schaltfläche nicht funktioniert, fügen Sie diese Adresse in Ihren Browser ein:",
};

function deviceDetail(device = UNKNOWN): Detail {
  return { label: "Gerät", value: device };
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? "" : "n"}`;
}

function time(at: number): string {
  return formatTime(at, "de");
}
