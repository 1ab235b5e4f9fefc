import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { environment, parseConfig, SECRET_VARIABLES } from "../../src/config/config.ts";
import { encodeBase64url } from "../../src/platform/encoding.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { appWith, get } from "../support/client.ts";
import { countingApp } from "../support/metrics.ts";
import { withStanding } from "../support/people.ts";

interface Setting {
  name: string;
  value: string | null;
  is_secret: boolean;
  is_set: boolean;
  is_default: boolean;
}

const root = withStanding("superuser");

async function read(values: Record<string, string> = {}, send = appWith(values)) {
  const { accessToken: bearer } = await root;
  const answer = await get("/api/v1/configuration", { bearer }, send);
  expect(answer.status, answer.text).toBe(200);
  const items: Setting[] = answer.json.items;
  return { text: answer.text, items, of: (name: string) => items.find((item) => item.name === name) };
}

const secret = () => encodeBase64url(systemRandom.bytes(48));

/** A valid value of each secret, and of the DSN, whose key is hidden too. */
const SECRETS: Record<string, string> = {
  ...Object.fromEntries(SECRET_VARIABLES.map((name) => [name, secret()])),
  // The real secret, because it opens the key with which the operator's token was signed.
  AUTH_SECRET: String(Reflect.get(env, "AUTH_SECRET")),
  SENTRY_DSN: "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/2",
};

describe("the configuration in force", () => {
  it("has every variable once, in the order of the documentation", async () => {
    const { items } = await read();
    expect(items.map(({ name }) => name)).toEqual(Object.keys(environment.shape));
  });

  it("says of secrets only whether they are set: no part of any value is there", async () => {
    const { text, items } = await read({}, countingApp({ ...SECRETS, SMTP_USER: "postern" }));
    const hidden = items.filter(({ is_secret }) => is_secret);
    expect(hidden.map(({ name }) => name).toSorted()).toEqual(Object.keys(SECRETS).toSorted());
    for (const { name, value, is_set } of hidden) expect([name, value, is_set]).toEqual([name, null, true]);
    for (const [name, value] of Object.entries(SECRETS)) {
      for (let at = 0; at + 8 <= value.length; at++) {
        const part = value.slice(at, at + 8);
        if (!"https://".includes(part)) expect(text.includes(part), `${name}: ${part}`).toBe(false);
      }
    }
  });

  it("keeps the value of a secret out of what the isolate keeps for this too", () => {
    const { settings } = parseConfig({ ...env, ...SECRETS, SMTP_USER: "postern" });
    const kept = JSON.stringify(settings);
    for (const value of Object.values(SECRETS)) expect(kept).not.toContain(value);
  });

  it("takes every variable whose name says so for a secret", async () => {
    for (const { name, is_secret } of (await read()).items) {
      expect(is_secret, name).toBe(/SECRET|PASSWORD$|API_KEY|TOKEN$|DSN/.test(name));
    }
  });

  it.each([
    ["SESSION_MAX_DAYS", "12", "30"],
    ["ALLOWED_ORIGINS", "https://a.example,https://b.example", ""],
    ["RATE_LIMITS", "registerPerAddress=5/1m", null],
    ["MAIL_FROM", "Ada <ada@example.com>", "Postern <no-reply@localhost>"],
    ["PRODUCT_NAME", "Ada's Notes", "Postern"],
    ["PASSWORD_MIN_LENGTH", "20", "15"],
    ["REFRESH_TOKEN_EXPIRE_DAYS", "3", "7"],
    ["VERIFY_EMAIL_URL", "https://app.example/verify", "http://localhost:8787/verify-email"],
    ["SECURITY_CONTACT", "mailto:security@example.com", null],
  ])("says what is in force for %s, and whether the environment has it", async (name, value, preset) => {
    expect((await read({ [name]: value })).of(name)).toEqual({
      ...{ name, value, is_secret: false },
      ...{ is_set: true, is_default: false },
    });
    expect((await read({ [name]: "" })).of(name)).toEqual({
      ...{ name, value: preset, is_secret: false },
      ...{ is_set: false, is_default: true },
    });
  });
});
