import { describe, expect, it } from "vitest";
import { ConfigurationError, parseConfig } from "../src/config/config.ts";
import { LIMIT_RULES } from "../src/config/limit-rules.ts";
import { weaknessOf } from "../src/platform/secret-strength.ts";
import { createSeededRandom } from "./measure/seeded-random.ts";

const AUTH_SECRET = "W4bq0Wb1xN1w9nYcQm7Jt3LZkEoU5sHr";
const DEVELOPMENT = { ENVIRONMENT: "development", AUTH_SECRET };
const PRODUCTION = {
  AUTH_SECRET,
  PUBLIC_URL: "https://auth.example.com",
  MAIL_TRANSPORT: "cloudflare",
  MAIL_FROM: "Postern <no-reply@example.com>",
};

function faultsOf(values: object): string {
  try {
    parseConfig(values);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return String(error);
  }
  return "";
}

describe("the configuration", () => {
  it("needs nothing but a secret in development", () => {
    const config = parseConfig(DEVELOPMENT);
    expect(config).toMatchObject({
      development: true,
      publicUrl: "http://localhost:8787",
      tokens: { issuer: "http://localhost:8787", audience: "http://localhost:8787", lifetime: 1_800_000 },
      passwords: { minimumLength: 15, maximumLength: 256, breachCheck: "off", scrypt: { ln: 15, r: 8, p: 3 } },
      sessions: {
        lifetime: 30 * 86_400_000,
        idleLifetime: 7 * 86_400_000,
        refreshGrace: 30_000,
        cookieSameSite: "strict",
      },
      mail: { transport: "outbox" },
      links: { verifyEmailUrl: "http://localhost:8787/verify-email", verifyEmailLifetime: 86_400_000 },
    });
  });

  it.each([
    ["/static/logo.png", "https://auth.example.com/static/logo.png"],
    ["https://cdn.example.com/logo.png?v=2", "https://cdn.example.com/logo.png?v=2"],
  ])("has %s as the logo of emails at an absolute address", (given, url) => {
    const values = { ...PRODUCTION, PUBLIC_URL: "https://auth.example.com", MAIL_LOGO_URL: given };
    expect(parseConfig(values).mail.logo).toEqual({ url, width: 120 });
    expect(parseConfig({ ...values, MAIL_LOGO_WIDTH: "40" }).mail.logo?.width).toBe(40);
  });

  it("is production's unless it says otherwise", () => {
    const config = parseConfig({
      ...PRODUCTION,
      PUBLIC_URL: "https://auth.example.com/",
      ALLOWED_ORIGINS: " https://a.example , https://b.example,",
    });
    expect(config).toMatchObject({
      development: false,
      publicUrl: "https://auth.example.com",
      allowedOrigins: ["https://a.example", "https://b.example"],
      passwords: { breachCheck: "on", breachTimeout: 1_500 },
    });
  });

  it("takes domains of addresses in any case, with or without their subdomains", () => {
    const text = " Example.COM, \u200b*.school.example.org ,xn--bcher-kva.example, *.Müller.example,";
    const { registration } = parseConfig({ ...DEVELOPMENT, ALLOWED_EMAIL_DOMAINS: text });
    expect(registration).toEqual({
      policy: "open",
      emailDomains: ["example.com", "*.school.example.org", "xn--bcher-kva.example", "*.xn--mller-kva.example"],
    });
  });

  it.each([
    [" no-reply@example.com\n", "no-reply@example.com"],
    ["\u200b\u00a0Postern <no-reply@example.com>\u200e", "Postern <no-reply@example.com>"],
    ["Postern <No-Reply@Example.com>", "Postern <No-Reply@example.com>"],
    ["Bücher, Berlin <post@Bücher.example>", "Bücher, Berlin <post@xn--bcher-kva.example>"],
    ["postern@mailhost", "postern@mailhost"],
  ])("reads the sender of emails %j as %j", (value, from) => {
    expect(parseConfig({ ...DEVELOPMENT, MAIL_FROM: value }).mail.from).toBe(from);
  });

  it("names everything that is missing at once", () => {
    const faults = faultsOf({ AUTH_SECRET });
    for (const name of ["PUBLIC_URL", "MAIL_TRANSPORT"]) expect(faults).toContain(`${name} is missing`);
    expect(faultsOf({})).toContain("AUTH_SECRET is missing");
  });

  it("takes the numbers and truth values that TOML makes of texts without quotes", () => {
    expect(parseConfig({ ...DEVELOPMENT, ACCESS_TOKEN_EXPIRE_MINUTES: 15 }).tokens.lifetime).toBe(900_000);
    expect(faultsOf({ ...DEVELOPMENT, RATE_LIMITING: true })).toContain("RATE_LIMITING takes one of on, off");
  });

  it("takes an empty text for an absent one, and passes over what it does not know", () => {
    expect(parseConfig({ ...DEVELOPMENT, SMTP_HOST: "", PATH: "/bin", DB: {} }).mail.smtp.host).toBe("");
  });

  it("names what replaced a variable of an earlier version, together with everything else that is wrong", () => {
    const faults = faultsOf({ ...DEVELOPMENT, SESSION_IDLE_DAYS: "14", SMTP_PORT: "0" });
    expect(faults).toMatch(/\n {2}SESSION_IDLE_DAYS was replaced.* REFRESH_TOKEN_EXPIRE_DAYS .* SESSION_MAX_DAYS /);
    expect(faults).toContain("SMTP_PORT takes a whole number");
    expect(faultsOf({ ...DEVELOPMENT, SESSION_IDLE_DAYS: 14 })).toContain("SESSION_IDLE_DAYS was replaced");
    expect(faultsOf({ ...DEVELOPMENT, SESSION_IDLE_DAYS: "" }), "a cleared variable is not set").toBe("");
  });

  it("asks operators for a second factor outside development, and no user in it", () => {
    expect(parseConfig(DEVELOPMENT).secondFactor).toEqual({ policy: "optional", grace: 604_800_000 });
    expect(parseConfig(PRODUCTION).secondFactor.policy).toBe("required_for_operators");
    const everyone = { SECOND_FACTOR: "required", SECOND_FACTOR_GRACE_DAYS: "0" };
    expect(parseConfig({ ...PRODUCTION, ...everyone }).secondFactor).toEqual({ policy: "required", grace: 0 });
  });

  it("takes refresh tokens that live as long as a session, and shortens their default to a shorter session", () => {
    const lifetimes = (values: object) => parseConfig({ ...DEVELOPMENT, ...values }).sessions;
    const days = (count: number) => count * 86_400_000;
    const long = { REFRESH_TOKEN_EXPIRE_DAYS: "90", SESSION_MAX_DAYS: "90" };
    expect(lifetimes(long)).toMatchObject({ idleLifetime: days(90), lifetime: days(90) });
    expect(lifetimes({ SESSION_MAX_DAYS: "3" })).toMatchObject({ idleLifetime: days(3), lifetime: days(3) });
    expect(lifetimes({ SESSION_MAX_DAYS: "90" })).toMatchObject({ idleLifetime: days(7), lifetime: days(90) });
  });

  it.each([
    ["90", "30"],
    ["31", "30"],
    ["7", "6"],
    ["5", "3"],
    ["2", "1"],
  ])("refuses refresh tokens of %s days, which were meant to last longer than a session of %s", (refresh, session) => {
    const faults = faultsOf({
      ...DEVELOPMENT,
      REFRESH_TOKEN_EXPIRE_DAYS: refresh,
      SESSION_MAX_DAYS: session,
    });
    expect(faults).toContain(`REFRESH_TOKEN_EXPIRE_DAYS is longer than SESSION_MAX_DAYS (${session})`);
  });

  it.each([
    [{ ACCESS_TOKEN_EXPIRE_MINUTES: "soon" }, "ACCESS_TOKEN_EXPIRE_MINUTES takes a whole number from 1 to 1440."],
    [{ PUBLIC_URL: "https://auth.example.com" }, "ENVIRONMENT=development takes a PUBLIC_URL on localhost"],
    [
      { ENVIRONMENT: "production", PUBLIC_URL: "http://localhost:8787" },
      "PUBLIC_URL takes an https URL outside development.",
    ],
  ])("says of %j what would be right", (values, words) => {
    expect(faultsOf({ ...DEVELOPMENT, ...values })).toContain(words);
  });

  const wrong: [string, string][] = [
    ["ENVIRONMENT", "staging"],
    ["PUBLIC_URL", "auth.example.com"],
    ["PUBLIC_URL", "https://auth.example.com/?x=1"],
    ["PUBLIC_URL", "https://auth.example.com"],
    ["PUBLIC_URL", "http://localhost:8787/auth"],
    ["PRODUCT_NAME", " "],
    ["MAIL_LOGO_URL", "logo.png"],
    ["MAIL_LOGO_URL", "//cdn.example.com/logo.png"],
    ["MAIL_LOGO_URL", "http://cdn.example.com/logo.png"],
    ["MAIL_LOGO_URL", "https://user:pass@cdn.example.com/logo.png"],
    ["MAIL_LOGO_URL", "/static/logo.svg"],
    ["MAIL_LOGO_URL", "https://cdn.example.com/LOGO.SVG?v=2"],
    ["MAIL_LOGO_URL", 'https://cdn.example.com/"logo.png'],
    ["MAIL_LOGO_WIDTH", "0"],
    ["PRODUCT_NAME", "Evil\r\nBcc: a@b.example"],
    ["AUTH_SECRET", "too short"],
    ["AUTH_SECRET_PREVIOUS", "too short"],
    ["METRICS_TOKEN", "too short"],
    ["METRICS_TOKEN", "with a space, which no Bearer token has in it"],
    ["JWT_CLIENT_ID", "two words"],
    ["JWT_CLIENT_ID", "019AB2C4-5d6e-7f80-9a1b-2c3d4e5f6071"],
    ["JWT_ALGORITHM", "HS256"],
    ["ACCESS_TOKEN_EXPIRE_MINUTES", "soon"],
    ["ACCESS_TOKEN_EXPIRE_MINUTES", "0"],
    ["ACCESS_TOKEN_EXPIRE_MINUTES", "1.5"],
    ["REFRESH_TOKEN_EXPIRE_DAYS", "366"],
    ["REFRESH_TOKEN_EXPIRE_DAYS", "31"],
    ["SESSION_MAX_DAYS", "0"],
    ["SESSION_MAX_DAYS", "366"],
    ["SESSION_IDLE_DAYS", "7"],
    ["REFRESH_GRACE_SECONDS", "-1"],
    ["CLOCK_TOLERANCE_SECONDS", "61"],
    ["KEY_ROTATION_DAYS", "0"],
    ["KEY_PUBLISH_LEAD_MINUTES", "14"],
    ["SECOND_FACTOR", "sometimes"],
    ["SECOND_FACTOR_GRACE_DAYS", "366"],
    ["PASSWORD_MIN_LENGTH", "7"],
    ["PASSWORD_MAX_LENGTH", "257"],
    ["BREACHED_PASSWORD_CHECK", "sometimes"],
    ["BREACHED_PASSWORD_TIMEOUT_MILLISECONDS", "99"],
    ["SCRYPT_LN", "18"],
    ["SCRYPT_P", "0"],
    ["HASH_LANE_LENGTH", "65"],
    ["EMAIL_VERIFICATION_EXPIRE_HOURS", "25"],
    ["UNVERIFIED_ACCOUNT_EXPIRE_DAYS", "0"],
    ["REGISTRATION", "sometimes"],
    ["ALLOWED_EMAIL_DOMAINS", "example"],
    ["ALLOWED_EMAIL_DOMAINS", "ada@example.com"],
    ["ALLOWED_EMAIL_DOMAINS", "*"],
    ["ALLOWED_EMAIL_DOMAINS", "example.com example.org"],
    ["ALLOWED_EMAIL_DOMAINS", "example.com, *.*.example.org"],
    ["INVITATION_EXPIRE_HOURS", "25"],
    ["FIRST_SUPERUSER_EMAIL", "ada"],
    ["FIRST_SUPERUSER_EMAIL", "Ada <ada@example.com>"],
    ["INVITATION_EXPIRE_HOURS", "0"],
    ["INVITATION_URL", "app.example.com/invited"],
    ["TURNSTILE_SECRET_KEY", "short"],
    ["TURNSTILE_SITE_KEY", "short"],
    ["TURNSTILE_SITE_KEY", '0x4AAAAAAA"><script>'],
    ["VERIFY_EMAIL_URL", "javascript:alert(1)"],
    ["ALLOWED_ORIGINS", "*"],
    ["ALLOWED_ORIGINS", "https://app.example.com/path"],
    ["ALLOWED_ORIGINS", "capacitor://localhost/"],
    ["ALLOWED_ORIGINS", "capacitor://*"],
    ["ALLOWED_ORIGINS", "Capacitor://localhost"],
    ["ALLOWED_ORIGINS", "capacitor:localhost"],
    ["ALLOWED_ORIGINS", "capacitor://"],
    ["ALLOWED_ORIGINS", "chrome-extension://*"],
    ["ALLOWED_ORIGINS", "app://user@host"],
    ["ALLOWED_ORIGINS", "*://localhost"],
    ["ALLOWED_ORIGINS", "null"],
    ["ALLOWED_ORIGINS", "file://localhost"],
    ["ALLOWED_ORIGINS", "javascript://localhost"],
    ["ALLOWED_HEADERS", "*"],
    ["ALLOWED_HEADERS", "traceparent baggage"],
    ["ALLOWED_HEADERS", "x: y"],
    ["COOKIE_SAME_SITE", "never"],
    ["RATE_LIMITING", "maybe"],
    ["RATE_LIMITS", "loginPerAddress"],
    ["MAIL_TRANSPORT", "pigeon"],
    ["MAIL_FROM", "Postern <no-reply@example.com>\r\nBcc: everybody@example.com"],
    ["MAIL_FROM", "Pos\ttern <no-reply@example.com>"],
    ["MAIL_FROM", "Pos\u0000tern <no-reply@example.com>"],
    ["MAIL_FROM", "Pos\u2028tern <no-reply@example.com>"],
    ["MAIL_FROM", "Postern"],
    ["MAIL_FROM", "Postern <no-reply>"],
    ["MAIL_FROM", "no-reply@example.com@example.org"],
    ["MAIL_FROM", "grüße@example.com"],
    ["MAIL_FROM", "no-reply@example-.com"],
    ["MAIL_FROM", "no-reply@192.0.2.1"],
    ["MAIL_FROM", "no-reply@example.com:25"],
    ["ALLOWED_EMAIL_DOMAINS", "example"],
    ["ALLOWED_EMAIL_DOMAINS", "*.example.com/"],
    ["ALLOWED_EMAIL_DOMAINS", "*.*.example.com"],
    ["ALLOWED_EMAIL_DOMAINS", "192.0.2.1"],
    ["MAIL_SUBJECTS", "Welcome to {product}"],
    ["MAIL_SUBJECTS", "[]"],
    ["MAIL_SUBJECTS", "true"],
    ["SMTP_PORT", "65536"],
    ["SMTP_TLS", "sometimes"],
    ["LOG_LEVEL", "verbose"],
    ["SENTRY_DSN", "o1.ingest.sentry.io/2"],
    ["SENTRY_DSN", "https://o1.ingest.sentry.io/2"],
    ["SENTRY_DSN", "https://key:secret@o1.ingest.sentry.io/2"],
    ["SENTRY_DSN", "https://key@o1.ingest.sentry.io/project"],
    ["SENTRY_DSN", "ftp://key@o1.ingest.sentry.io/2"],
    ["SENTRY_ENVIRONMENT", "a staging"],
  ];
  it.each(["Acme, Inc.", '"Acme, Inc."', 'The "Best" Acme', "Müller & Söhne"])(
    "takes %s as the name of the sender of emails",
    (name) => {
      const from = `${name} <no-reply@example.com>`;
      expect(parseConfig({ ...DEVELOPMENT, MAIL_FROM: from }).mail.from).toBe(from);
    },
  );

  it.each(wrong)("stops the Worker where %s is %j, and names it", (name, value) => {
    const faults = faultsOf({ ...DEVELOPMENT, [name]: value });
    expect(faults).toContain("Configuration error");
    expect(faults).toMatch(new RegExp(`\\n  .*\\b${name}\\b`));
  });

  it.each([
    ["PUBLIC_URL", { PUBLIC_URL: "http://auth.example.com" }],
    ["RATE_LIMITING", { RATE_LIMITING: "off" }],
    ["MAIL_TRANSPORT", { MAIL_TRANSPORT: "outbox" }],
    ["MAIL_FROM", { MAIL_FROM: "" }],
    ["SCRYPT_LN", { SCRYPT_LN: "14" }],
    ["SCRYPT_P", { SCRYPT_P: "2" }],
    ["SCRYPT_P", { SCRYPT_LN: "17", SCRYPT_P: "2" }],
    ["SMTP_HOST", { MAIL_TRANSPORT: "smtp" }],
    ["SMTP_PASSWORD", { MAIL_TRANSPORT: "smtp", SMTP_HOST: "mail.example.com", SMTP_USER: "postern" }],
    ["RESEND_API_KEY", { MAIL_TRANSPORT: "resend" }],
    ["TURNSTILE_SECRET_KEY", { TURNSTILE_SECRET_KEY: "1x0000000000000000000000000000000AA" }],
    ["TURNSTILE_SECRET_KEY", { TURNSTILE_SECRET_KEY: "2x0000000000000000000000000000000AA" }],
    ["TURNSTILE_SECRET_KEY", { TURNSTILE_SECRET_KEY: "3x0000000000000000000000000000000AA" }],
    ["TURNSTILE_SITE_KEY", { TURNSTILE_SITE_KEY: "0x4AAAAAAABkMYinukE8nzY0" }],
    ["LOG_LEVEL", { FIRST_SUPERUSER_EMAIL: "ada@example.com", LOG_LEVEL: "error" }],
    ["FIRST_SUPERUSER_EMAIL", { FIRST_SUPERUSER_EMAIL: "ada@example.com", ALLOWED_EMAIL_DOMAINS: "*.example.com" }],
  ])("stops production where %s does not go with the rest: %j", (name, change) => {
    expect(faultsOf(PRODUCTION)).toBe("");
    expect(faultsOf({ ...PRODUCTION, ...change })).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it.each([
    [{ SCRYPT_LN: "16", SCRYPT_P: "2" }],
    [{ SCRYPT_LN: "17", SCRYPT_P: "1" }],
    [{ MAIL_TRANSPORT: "smtp", SMTP_HOST: "mail.example.com", SMTP_USER: "postern", SMTP_PASSWORD: "hunter2" }],
    [{ MAIL_TRANSPORT: "resend", RESEND_API_KEY: "re_123" }],
    [{ MAIL_FROM: "no-reply@example.com" }],
    [{ TURNSTILE_SECRET_KEY: "0x4AAAAAAABkMYinukE8nzY0000000000000" }],
    [{ TURNSTILE_SECRET_KEY: "0x4AAAAAAABkMYinukE8nzY0000000000000", TURNSTILE_SITE_KEY: "0x4AAAAAAABkMYinukE8nzY0" }],
  ])("takes %j in production", (change) => {
    expect(faultsOf({ ...PRODUCTION, ...change })).toBe("");
  });

  it.each([
    ['{"verify_email":"Welcome to {product}"}', { verify_email: "Welcome to {product}" }],
    ['{"new_login":{"de":" Neue Anmeldung "}}', { new_login: { de: "Neue Anmeldung" } }],
    [`{"account_deleted":"${"x".repeat(150)}"}`, { account_deleted: "x".repeat(150) }],
    ["", {}],
    ["{}", {}],
  ])("takes %j as subjects of mails", (text, subjects) => {
    expect(parseConfig({ ...DEVELOPMENT, MAIL_SUBJECTS: text }).mail.subjects).toEqual(subjects);
  });

  it("takes subjects of mails as the table that TOML makes of one", () => {
    const { mail } = parseConfig({ ...DEVELOPMENT, MAIL_SUBJECTS: { verify_email: "Welcome" } });
    expect(mail.subjects).toEqual({ verify_email: "Welcome" });
  });

  const subject = "takes one line of 1 to 150 characters with no placeholder except {product}";
  it.each([
    [
      '{"welcome":"Hello"}',
      "MAIL_SUBJECTS has an unknown kind of email: welcome. It takes verify_email, account_exists, ",
    ],
    ['{"verify_email":""}', `MAIL_SUBJECTS.verify_email ${subject}`],
    ['{"verify_email":5}', `MAIL_SUBJECTS.verify_email ${subject}`],
    ['{"verify_email":"Hello {name}"}', `MAIL_SUBJECTS.verify_email ${subject}`],
    ['{"verify_email":"Hello\\nBcc: eve@example.com"}', `MAIL_SUBJECTS.verify_email ${subject}`],
    [`{"verify_email":"${"x".repeat(151)}"}`, `MAIL_SUBJECTS.verify_email ${subject}`],
    ['{"verify_email":{"de":"{"}}', `MAIL_SUBJECTS.verify_email.de ${subject}`],
    ['{"verify_email":{"tlh":"nuqneH"}}', "or an object that maps languages (en, de) to such lines"],
  ])("says of the subjects %j what they take", (text, says) => {
    expect(faultsOf({ ...DEVELOPMENT, MAIL_SUBJECTS: text })).toContain(says);
  });

  it("takes limits in place of ours, and leaves the others as they are", () => {
    const { limits } = parseConfig({
      ...DEVELOPMENT,
      RATE_LIMITS: " loginPerAddress=60/5m, registerPerAddress = 5/1h,refreshPerSession=1/1s,",
    });
    const chosen = {
      loginPerAddress: { budget: 60, window: 300_000 },
      registerPerAddress: { budget: 5, window: 3_600_000 },
      refreshPerSession: { budget: 1, window: 1_000 },
    };
    expect(limits.rules).toEqual({ ...LIMIT_RULES, ...chosen });
    expect(parseConfig(DEVELOPMENT).limits.rules).toEqual(LIMIT_RULES);
  });

  it.each([
    ["loginPerAddress=many/5m", "takes limits like loginPerAddress=60/5m, registerPerAddress=5/1h"],
    ["loginPerAddress=60/5", "takes limits like"],
    ["loginPerAddress=60/5d", "takes limits like"],
    ["logins=60/5m", "has an unknown limit: logins. It takes loginPerAddress, loginPerAccount, "],
    ["__proto__=60/5m", "has an unknown limit: __proto__"],
    ["loginPerAddress=0/5m", "takes a number from 1 to 100000 for loginPerAddress"],
    ["strangerMailPerRecipient=1/1h", "takes a number from 2 to 100000 for strangerMailPerRecipient"],
    ["loginPerAccount=101/30s", "takes a number from 1 to 100 for loginPerAccount"],
    ["loginPerAddress=60/0s", "takes a window from 1s to 24h for loginPerAddress"],
    ["loginPerAccount=10/2h", "takes a window from 1s to 1h for loginPerAccount"],
    ["loginPerAddress=60/25h", "takes a window from 1s to 24h for loginPerAddress"],
    ["loginPerAddress=60/5m,loginPerAddress=70/5m", "names loginPerAddress twice"],
  ])("says of the limits %j what is wrong with them", (text, says) => {
    expect(faultsOf({ ...DEVELOPMENT, RATE_LIMITS: text })).toContain(`RATE_LIMITS ${says}`);
  });

  const examples = [
    "a-secret-for-tests-that-is-long-enough-to-pass",
    "an example: the shape of the routes matters",
    "quite another secret, long enough to pass too",
    "change-me-change-it-please-really-do-it",
    "CHANGEME-3u9vX2mQ8rT5wZ1yB4nC7kD0",
    "your-secret-key-with-thirty-two-letters",
    "replace-this-by-a-text-of-32-characters",
    "openssl rand -base64 48 makes a good one",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "abcabcababcabcababcabcababcabcababcabcab",
    "d41d8cd98f00b204d41d8cd98f00b204d41d8cd9",
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "zyxwvutsrqponmlkjihgfedcba987654321",
    "12345678901234567890123456789012",
  ];
  it.each(examples)("stops production where a secret is as easily guessed as %j, and does not repeat it", (weak) => {
    for (const name of ["AUTH_SECRET", "AUTH_SECRET_PREVIOUS"]) {
      const faults = faultsOf({ ...PRODUCTION, [name]: weak });
      expect(faults).toMatch(
        new RegExp(`\\n  ${name} (looks|has|repeats|is) .*: openssl rand -base64 48 makes a good one\\.$`),
      );
      expect(faults.replace("openssl rand -base64 48 makes a good one", "")).not.toContain(weak);
      expect(faultsOf({ ...DEVELOPMENT, [name]: weak }), "development takes it").toBe("");
    }
  });

  it("stops production where the token of the metrics is easily guessed", () => {
    const weak = { METRICS_TOKEN: "change-me-change-it-please-really-do-it" };
    expect(faultsOf({ ...PRODUCTION, ...weak })).toMatch(/\n {2}METRICS_TOKEN looks .*: openssl rand -base64 48/);
    expect(faultsOf({ ...DEVELOPMENT, ...weak })).toBe("");
    const good = Buffer.from(crypto.getRandomValues(new Uint8Array(48))).toString("base64");
    expect(faultsOf({ ...PRODUCTION, METRICS_TOKEN: good })).toBe("");
  });

  it("takes every secret that a generator makes", () => {
    // The check refuses one in several million random secrets, which is acceptable. The seed avoids that in this test.
    const { bytes } = createSeededRandom(1);
    const random = (length: number) => Buffer.from(bytes(length));
    for (let round = 0; round < 2_500; round++) {
      const [short, long] = [random(32), random(48)];
      for (const good of [short.toString("base64"), long.toString("base64"), long.toString("base64url")])
        expect(weaknessOf(good), good).toBeUndefined();
      for (const good of [random(16), short, long]) expect(weaknessOf(good.toString("hex"))).toBeUndefined();
    }
    expect(faultsOf({ ...PRODUCTION, AUTH_SECRET: random(48).toString("base64") })).toBe("");
  });

  it("takes no secret for the one before itself", () => {
    const same = { AUTH_SECRET_PREVIOUS: AUTH_SECRET };
    for (const values of [DEVELOPMENT, PRODUCTION])
      expect(faultsOf({ ...values, ...same })).toContain("AUTH_SECRET_PREVIOUS is the same as AUTH_SECRET");
  });

  it("never shows the value of a secret", () => {
    const secret = "hunter2-is-short";
    const faults = faultsOf({
      ...PRODUCTION,
      AUTH_SECRET: secret,
      AUTH_SECRET_PREVIOUS: secret,
      SMTP_PASSWORD: secret,
      TURNSTILE_SECRET_KEY: "hunter2 is short",
    });
    expect(faults).not.toContain("hunter2");
    expect(faults).not.toContain(secret);
  });
});
