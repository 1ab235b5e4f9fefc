/** The emails in German. */
import { formatTime } from "../../config/languages.ts";
import { type Detail, type Device, FEW_CODES, type Language, type Messages } from "../messages.ts";

const UNKNOWN = "unbekannt";
const NOTHING_TO_DO = "Wenn Sie das waren, brauchen Sie nichts zu tun.";
const NOT_TOLD =
  "Wenn Sie das nicht waren, brauchen Sie nichts zu tun. Wir haben niemandem mitgeteilt, dass Sie ein Konto haben.";

const FACTORS = { totp: "Eine Authenticator-App", passkey: "Ein Passkey", email: "Ein Code per E-Mail" } as const;

const messages: Messages = {
  verify_email: ({ product, username, url, hours }) => ({
    subject: `Bestätigen Sie Ihre E-Mail-Adresse für ${product}`,
    preview: `Bestätigen Sie sie, um Ihr Konto fertig einzurichten. Der Link gilt ${count(hours, "Stunde")}.`,
    body: [
      `Danke für Ihre Registrierung bei ${product}. Ihr Benutzername ist ${username}.`,
      `Bestätigen Sie Ihre E-Mail-Adresse, um Ihr Konto fertig einzurichten. Der Link funktioniert einmal und gilt ${count(hours, "Stunde")}.`,
    ],
    action: { label: "E-Mail-Adresse bestätigen", url },
    closing:
      "Wenn Sie sich nicht registriert oder diesen Benutzernamen nicht gewählt haben, ignorieren Sie diese E-Mail.",
  }),

  invitation: ({ product, inviter, url, until }) => ({
    subject: `Sie sind zu ${product} eingeladen`,
    preview: "Erstellen Sie Ihr Konto.",
    body: [
      `${inviter} hat Sie zu ${product} eingeladen.`,
      `Nehmen Sie die Einladung an und erstellen Sie Ihr Konto. Der Link funktioniert einmal und gilt bis ${time(until)}.`,
    ],
    action: { label: "Einladung annehmen", url },
    closing: "Wenn Sie keine Einladung erwarten, können Sie diese E-Mail ignorieren.",
  }),

  account_exists: ({ product, url }) => ({
    subject: `Sie haben bereits ein Konto bei ${product}`,
    preview: "Melden Sie sich an oder setzen Sie Ihr Passwort zurück.",
    body: [
      `Jemand wollte mit dieser E-Mail-Adresse ein Konto bei ${product} erstellen. Sie haben aber bereits eines.`,
      "Melden Sie sich an oder setzen Sie Ihr Passwort zurück, falls Sie es vergessen haben.",
    ],
    action: { label: "Anmelden", url },
    closing: NOT_TOLD,
  }),

  reset_password: ({ product, username, url, minutes }) => ({
    subject: `Setzen Sie Ihr Passwort für ${product} zurück`,
    preview: `Wählen Sie ein neues Passwort. Der Link gilt ${count(minutes, "Minute")}.`,
    body: [
      `Wir haben eine Anfrage erhalten, das Passwort für Ihr Konto bei ${product} (${username}) zurückzusetzen.`,
      `Der Link funktioniert einmal, gilt ${count(minutes, "Minute")} und meldet Sie auf allen Geräten ab.`,
    ],
    action: { label: "Passwort zurücksetzen", url },
    closing: "Wenn Sie das nicht angefordert haben, ignorieren Sie diese E-Mail. Ihr Passwort bleibt unverändert.",
  }),

  email_login: ({ product, username, url, minutes }) => ({
    subject: `Bei ${product} anmelden`,
    preview: `Ihr Link funktioniert einmal und gilt ${count(minutes, "Minute")}.`,
    body: [
      `Mit diesem Link melden Sie sich bei Ihrem Konto bei ${product} (${username}) an.`,
      `Der Link funktioniert einmal und gilt ${count(minutes, "Minute")}. Wenn Sie ihn in einem anderen Browser öffnen, brauchen Sie auch den Code. Er steht dort, wo Sie den Link angefordert haben.`,
    ],
    action: { label: "Anmelden", url },
    closing:
      "Wenn Sie das nicht angefordert haben, ignorieren Sie diese E-Mail. Geben Sie weder diesen Link noch den Code weiter.",
  }),

  password_blocked: ({ product, url, at }) => ({
    subject: `Setzen Sie Ihr Passwort für ${product} zurück`,
    preview: "Jemand hat wiederholt versucht, es zu erraten. Die Anmeldung ist nicht gelungen.",
    body: [
      `Jemand hat wiederholt versucht, Ihr Passwort für ${product} zu erraten. Die Anmeldung ist nicht gelungen.`,
      `Zur Sicherheit gilt Ihr Passwort seit ${time(at)} nur noch dort, wo Sie sich schon einmal angemeldet haben. Um sich woanders anzumelden, setzen Sie es zurück.`,
    ],
    action: { label: "Passwort zurücksetzen", url },
    closing: "Ihr neues Passwort gilt wieder überall.",
  }),

  password_changed: ({ product, url, at }) => ({
    subject: `Ihr Passwort für ${product} wurde geändert`,
    preview: "Wenn Sie das nicht waren, setzen Sie Ihr Passwort jetzt zurück.",
    body: [
      `Ihr Passwort für ${product} wurde geändert (${time(at)}). Alle anderen Geräte wurden abgemeldet.`,
      "Wenn Sie das nicht waren, setzen Sie Ihr Passwort jetzt zurück.",
    ],
    action: { label: "Passwort zurücksetzen", url },
    closing: NOTHING_TO_DO,
  }),

  password_removed: ({ product, url, at }) => ({
    subject: `Ihr Passwort für ${product} wurde entfernt`,
    preview: "Wenn Sie das nicht waren, legen Sie jetzt ein neues Passwort fest.",
    body: [
      `Das Passwort Ihres Kontos bei ${product} wurde entfernt (${time(at)}). Alle anderen Geräte wurden abgemeldet. Sie melden sich jetzt ohne Passwort an.`,
      "Wenn Sie das nicht waren, legen Sie jetzt ein neues Passwort fest. Das meldet auch alle Geräte ab.",
    ],
    action: { label: "Neues Passwort festlegen", url },
    closing: NOTHING_TO_DO,
  }),

  new_login: ({ product, device, ipAddress, url, at }) => ({
    subject: `Neue Anmeldung bei ${product}`,
    preview: "Wenn Sie das nicht waren, ändern Sie sofort Ihr Passwort.",
    body: [
      `Bei Ihrem Konto bei ${product} gab es eine neue Anmeldung.`,
      [
        deviceDetail(device),
        { label: "IP-Adresse", value: ipAddress ?? UNKNOWN },
        { label: "Zeitpunkt", value: time(at) },
      ],
      "Wenn Sie das nicht waren, ändern Sie sofort Ihr Passwort und melden Sie alle anderen Geräte ab.",
    ],
    action: { label: "Geräte prüfen", url },
    closing: NOTHING_TO_DO,
  }),

  refresh_reused: ({ product, device, url, at }) => ({
    subject: `Ein Gerät wurde von Ihrem Konto bei ${product} abgemeldet`,
    preview: "Seine Sitzung wurde an zwei Stellen benutzt. Sie können sich wieder anmelden.",
    body: [
      "Wir haben eines Ihrer Geräte abgemeldet, weil seine Sitzung an zwei Stellen benutzt wurde. Möglicherweise wurde sie kopiert.",
      [deviceDetail(device), { label: "Zeitpunkt", value: time(at) }],
      "Sie können sich wieder anmelden. Wenn Sie sich das nicht erklären können, ändern Sie Ihr Passwort und melden Sie alle Geräte ab.",
    ],
    action: { label: "Geräte prüfen", url },
    closing: "Das kann auch passieren, wenn ein Gerät aus einer Sicherung wiederhergestellt wird.",
  }),

  second_factor_added: ({ product, factor, url, at }) => ({
    subject: `Zweiter Faktor für Ihr Konto bei ${product} hinzugefügt`,
    preview: "Wenn Sie das nicht waren, entfernen Sie ihn und ändern Sie Ihr Passwort.",
    body: [
      `${FACTORS[factor]} wurde zu Ihrem Konto bei ${product} hinzugefügt (${time(at)}). Ab jetzt brauchen Sie zum Anmelden auch diesen zweiten Faktor oder einen Wiederherstellungscode.`,
      "Wenn Sie das nicht waren, entfernen Sie ihn, ändern Sie Ihr Passwort und melden Sie alle anderen Geräte ab.",
    ],
    action: { label: "Konto sichern", url },
    closing: NOTHING_TO_DO,
  }),

  second_factor_removed: ({ product, factor, url, at }) => ({
    subject: `Zweiter Faktor von Ihrem Konto bei ${product} entfernt`,
    preview: "Wenn Sie das nicht waren, ändern Sie sofort Ihr Passwort.",
    body: [
      `${FACTORS[factor]} wurde von Ihrem Konto bei ${product} entfernt (${time(at)}).`,
      "Wenn Sie das nicht waren, ändern Sie Ihr Passwort und melden Sie alle anderen Geräte ab.",
    ],
    action: { label: "Konto sichern", url },
    closing: NOTHING_TO_DO,
  }),

  second_factors_removed: ({ product, url, at }) => ({
    subject: `Die zweiten Faktoren Ihres Kontos bei ${product} wurden entfernt`,
    preview: "Sie melden sich jetzt nur mit Ihrem Passwort an. Fügen Sie wieder einen zweiten Faktor hinzu.",
    body: [
      `Ein Administrator hat alle zweiten Faktoren Ihres Kontos bei ${product} entfernt (${time(at)}). Sie melden sich jetzt nur mit Ihrem Passwort an.`,
      "Fügen Sie wieder einen zweiten Faktor hinzu. Wenn Sie nicht darum gebeten haben, ändern Sie Ihr Passwort und wenden Sie sich an den Support.",
    ],
    action: { label: "Konto sichern", url },
    closing: "Wenn Sie darum gebeten haben, fügen Sie nur noch einen neuen zweiten Faktor hinzu.",
  }),

  second_factor_code: ({ product, username, code, minutes }) => ({
    subject: `Ihr Code für die Anmeldung bei ${product}`,
    preview: `Er funktioniert einmal und gilt ${count(minutes, "Minute")}.`,
    body: [
      `Geben Sie diesen Code ein, um sich bei Ihrem Konto bei ${product} (${username}) anzumelden.`,
      [{ label: "Code", value: code }],
      `Der Code funktioniert einmal und nur dort, wo Sie gerade Ihr Passwort eingegeben haben. Danach gilt er ${count(minutes, "Minute")}.`,
    ],
    closing:
      "Wenn Sie sich gerade nicht anmelden, kennt jemand Ihr Passwort: Ändern Sie es sofort. Geben Sie diesen Code nie weiter, auch nicht an uns.",
  }),

  recovery_code_used: ({ product, left, url, at }) => ({
    subject: `Wiederherstellungscode für Ihr Konto bei ${product} verwendet`,
    preview:
      left === 0
        ? "Es war Ihr letzter Wiederherstellungscode."
        : `Sie haben noch ${count(left, "Wiederherstellungscode", "s")}.`,
    body: [
      `Jemand hat sich mit einem Wiederherstellungscode bei Ihrem Konto bei ${product} angemeldet (${time(at)}).`,
      left === 0
        ? "Es war Ihr letzter. Erstellen Sie jetzt neue Wiederherstellungscodes."
        : `Sie haben noch ${count(left, "Wiederherstellungscode", "s")}.${left <= FEW_CODES ? " Erstellen Sie rechtzeitig neue." : ""}`,
      "Wenn Sie das nicht waren, ändern Sie Ihr Passwort und melden Sie alle anderen Geräte ab.",
    ],
    action: { label: "Konto sichern", url },
    closing: NOTHING_TO_DO,
  }),

  recovery_codes_replaced: ({ product, url, at }) => ({
    subject: `Neue Wiederherstellungscodes für Ihr Konto bei ${product}`,
    preview: "Die alten Wiederherstellungscodes funktionieren nicht mehr.",
    body: [
      `Für Ihr Konto bei ${product} wurden neue Wiederherstellungscodes erstellt (${time(at)}). Die alten funktionieren nicht mehr.`,
      "Wenn Sie das nicht waren, ändern Sie Ihr Passwort und melden Sie alle anderen Geräte ab.",
    ],
    action: { label: "Konto sichern", url },
    closing: NOTHING_TO_DO,
  }),

  passkey_counter_fell_back: ({ product, url, at }) => ({
    subject: `Prüfen Sie einen Passkey Ihres Kontos bei ${product}`,
    preview: "Möglicherweise wurde der Passkey kopiert.",
    body: [
      `Jemand hat sich bei Ihrem Konto bei ${product} mit einem Passkey angemeldet, dessen Zähler niedriger war als zuvor (${time(at)}). Möglicherweise wurde der Passkey kopiert.`,
      "Wenn Sie diese Anmeldung nicht kennen, entfernen Sie den Passkey, ändern Sie Ihr Passwort und melden Sie alle anderen Geräte ab.",
    ],
    action: { label: "Konto sichern", url },
    closing: NOTHING_TO_DO,
  }),

  confirm_email: ({ product, username, url, hours }) => ({
    subject: `Bestätigen Sie Ihre neue E-Mail-Adresse für ${product}`,
    preview: "Bis zur Bestätigung behält Ihr Konto seine alte E-Mail-Adresse.",
    body: [
      `Bestätigen Sie diese E-Mail-Adresse, um sie für Ihr Konto bei ${product} (${username}) zu verwenden.`,
      `Der Link gilt ${count(hours, "Stunde")}. Bis zur Bestätigung behält Ihr Konto seine alte E-Mail-Adresse.`,
    ],
    action: { label: "E-Mail-Adresse bestätigen", url },
    closing: "Wenn das nicht Ihr Konto ist, ignorieren Sie diese E-Mail.",
  }),

  email_in_use: ({ product, url }) => ({
    subject: `Zu Ihrer E-Mail-Adresse gibt es bereits ein Konto bei ${product}`,
    preview: "An Ihrem Konto hat sich nichts geändert.",
    body: [
      `Jemand wollte diese E-Mail-Adresse für ein anderes Konto bei ${product} verwenden. Sie gehört bereits zu Ihrem Konto, deshalb hat sich nichts geändert.`,
    ],
    action: { label: "Anmelden", url },
    closing: NOT_TOLD,
  }),

  email_change_requested: ({ product, newEmail, url, until }) => ({
    subject: `Ihre E-Mail-Adresse für ${product} wird geändert`,
    preview: "Wenn Sie das nicht waren, können Sie Ihre jetzige Adresse behalten.",
    body: [
      `Sie haben angefordert, die E-Mail-Adresse Ihres Kontos bei ${product} in ${newEmail} zu ändern. Die Änderung gilt, sobald die neue Adresse bestätigt ist.`,
      `Wenn Sie das nicht waren, verwenden Sie die Schaltfläche unten: Sie behält diese Adresse bei, meldet alle Geräte ab und setzt Ihr Passwort zurück. Der Link gilt bis ${time(until)}.`,
    ],
    action: { label: "Diese Adresse behalten", url },
    closing: NOTHING_TO_DO,
  }),

  email_changed: ({ product, newEmail, url, until }) => ({
    subject: `Ihre E-Mail-Adresse für ${product} wurde geändert`,
    preview: "Wenn Sie das nicht waren, machen Sie die Änderung rückgängig.",
    body: [
      `Ihr Konto bei ${product} verwendet jetzt ${newEmail}. Dies ist die letzte E-Mail, die wir an diese Adresse schicken.`,
      `Wenn Sie das nicht waren, verwenden Sie die Schaltfläche unten: Sie stellt diese Adresse wieder her, meldet alle Geräte ab und setzt Ihr Passwort zurück. Der Link gilt bis ${time(until)}.`,
    ],
    action: { label: "Änderung rückgängig machen", url },
    closing: NOTHING_TO_DO,
  }),

  account_deleted: ({ product, at }) => ({
    subject: `Ihr Konto bei ${product} wurde gelöscht`,
    preview: "Ihre persönlichen Daten wurden gelöscht.",
    body: [
      `Ihr Konto bei ${product} wurde gelöscht (${time(at)}). Sie wurden überall abgemeldet, und Ihre persönlichen Daten wurden gelöscht.`,
      "Das lässt sich nicht rückgängig machen. Sie können sich mit dieser Adresse jederzeit neu registrieren.",
    ],
    closing: "Wenn Sie das nicht waren, wenden Sie sich an den Support.",
  }),
};

export const german: Language = {
  messages,
  withoutButton: "Wenn die Schaltfläche nicht funktioniert, kopieren Sie diesen Link in Ihren Browser:",
  footer: (product) =>
    `Dies ist eine automatische E-Mail von ${product}. Wir fragen nie per E-Mail nach Ihrem Passwort.`,
};

function deviceDetail(device: Device = UNKNOWN): Detail {
  return { label: "Gerät", value: typeof device === "string" ? device : `${device.browser} unter ${device.system}` };
}

function count(number: number, unit: string, plural = "n"): string {
  return `${number} ${unit}${number === 1 ? "" : plural}`;
}

function time(at: number): string {
  return formatTime(at, "de");
}
