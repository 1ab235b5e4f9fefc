import fc from "fast-check";
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { ConfigurationError, environment, parseConfig } from "../../src/config/config.ts";
import { mailSubjects } from "../../src/config/email-subjects.ts";
import { chooseLocale, SUPPORTED_LOCALES } from "../../src/config/languages.ts";
import { clientNetwork } from "../../src/http/client-address.ts";
import { pageQuery, toPage } from "../../src/http/paging.ts";
import { type LinkPurpose, signLink, verifyLink } from "../../src/links/link-tokens.ts";
import { quoteClient } from "../../src/mail/client-words.ts";
import { readStoredHash } from "../../src/passwords/read-hash.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { unicodeEmail } from "../../src/platform/email-address.ts";
import {
  decodeBase64,
  decodeBase64url,
  decodeHex,
  encodeBase64,
  encodeBase64url,
  formatUuid,
  parseUuid,
} from "../../src/platform/encoding.ts";
import { describeError } from "../../src/platform/log.ts";
import { isRefusal } from "../../src/platform/refusal.ts";
import { signRefreshToken, verifyRefreshToken } from "../../src/sessions/refresh-token.ts";
import { emailAddress, personName, phoneNumber, username } from "../../src/users/fields.ts";
import { expectedVersion } from "../../src/users/user.ts";
import { MORE, ONE_OF_EACH } from "../passwords/foreign-vectors.ts";
import { CANARY } from "./cast.ts";
import { runs } from "./runs.ts";
import { hostileText } from "./values.ts";

/** A tenth of the requests that the run asks for (runs.ts). */
const tries = runs(1 / 10);
const check = <Values>(property: fc.IProperty<Values>) => fc.assert(property, tries);
const text = fc.oneof(hostileText, fc.string({ unit: "binary" }), fc.string());
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** A text in which one part is replaced. */
const edited = (texts: fc.Arbitrary<string>) =>
  fc
    .tuple(texts, fc.nat(), fc.nat(12), fc.oneof(text, fc.constantFrom("$", "=", ",", "0", "9".repeat(20), "+", "\n")))
    .map(([original, at, removed, added]) => {
      const from = at % (original.length + 1);
      return original.slice(0, from) + added + original.slice(from + removed);
    });

const codeOf = (outcome: object) => ("code" in outcome ? outcome.code : undefined);

describe("encodings", () => {
  it("go there and back", () => {
    check(
      fc.property(fc.uint8Array(), (value) => {
        expect(decodeBase64url(encodeBase64url(value))).toEqual(value);
        expect(decodeBase64(encodeBase64(value))).toEqual(value);
      }),
    );
    check(
      fc.property(bytes(16), (value) => {
        expect(parseUuid(formatUuid(value))).toEqual(value);
      }),
    );
  });

  it("take no second spelling of anything, and throw at nothing", () => {
    const base64url = fc.string({ unit: fc.constantFrom(..."AZaz09-_+/= \n") });
    check(
      fc.property(fc.oneof(text, base64url), (value) => {
        const decoded = [decodeBase64url(value), decodeBase64(value), parseUuid(value)];
        const encoders = [encodeBase64url, encodeBase64, formatUuid];
        for (const [index, one] of decoded.entries()) if (one !== undefined) expect(encoders[index]?.(one)).toBe(value);
        decodeHex(value);
      }),
    );
  });
});

describe("signed tokens", () => {
  const secrets = createSecrets("a secret of these tests that is long enough");
  const id = fc.uuid();
  const purposes: LinkPurpose[] = ["verify-email", "reset-password", "confirm-email", "undo-email-change"];
  /** Changes that an attacker may make to the bytes of a token. */
  const tampering = fc.oneof(
    fc.record({ bit: fc.nat(8 * 150) }).map(
      ({ bit }) =>
        (token: Uint8Array) =>
          token.map((byte, index) => (index === (bit >> 3) % token.length ? byte ^ (1 << (bit & 7)) : byte)),
    ),
    fc.nat(200).map((length) => (token: Uint8Array) => token.slice(0, length % token.length)),
    fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((more) => (token: Uint8Array) => Uint8Array.from([...token, ...more])),
    fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((more) => (token: Uint8Array) => Uint8Array.from([...more, ...token])),
  );

  it("for refreshing open as they were signed, and not once a bit, the end or the beginning is another", () => {
    const content = fc.record({ userId: id, sessionId: id, generation: fc.integer({ min: 0, max: 2 ** 32 - 1 }) });
    check(
      fc.property(content, tampering, text, (value, tamper, garbage) => {
        const token = signRefreshToken(value, secrets);
        expect(verifyRefreshToken(token, secrets)).toEqual(value);
        const signed = decodeBase64url(token.slice(4)) ?? new Uint8Array();
        expect(verifyRefreshToken(`prt_${encodeBase64url(tamper(signed))}`, secrets)).toBeUndefined();
        for (const wrong of [
          garbage,
          `prt_${garbage}`,
          `${token}${garbage || "="}`,
          token.toUpperCase(),
          token.slice(4),
        ])
          expect(verifyRefreshToken(wrong, secrets)).toBeUndefined();
      }),
    );
  });

  it("of links open as they were signed, for their purpose alone, and not once anything of them is another", () => {
    const link = fc.record({
      subjectId: id,
      mailId: id,
      expiresAt: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
      state: fc.array(fc.oneof(text, fc.integer())),
    });
    check(
      fc.property(link, fc.constantFrom(...purposes), tampering, text, (value, purpose, tamper, garbage) => {
        const token = signLink(purpose, value, secrets);
        const open = (spelling: string, for_ = purpose, at = 0) =>
          codeOf(verifyLink(for_, spelling, { secrets, clock: { now: () => at } }));
        expect(verifyLink(purpose, token, { secrets, clock: { now: () => value.expiresAt - 1 } })).toMatchObject({
          subjectId: value.subjectId,
        });
        expect(open(token, purpose, value.expiresAt)).toBe("expired_token");
        const signed = decodeBase64url(token) ?? new Uint8Array();
        for (const wrong of [encodeBase64url(tamper(signed)), garbage, `${token}${garbage || "="}`])
          expect(open(wrong)).toBe("invalid_token");
        for (const other of purposes.filter((one) => one !== purpose)) expect(open(token, other)).toBe("invalid_token");
      }),
    );
  });
});

describe("the client's network", () => {
  const app = new Hono().get("/", (c) => c.text(clientNetwork(c)));
  const networkOf = async (address: string) => {
    const response = await app.request("/", { headers: { "CF-Connecting-IP": address } });
    return response.text();
  };
  /** Writes sixteen bytes in one of the spellings of an IPv6 address (RFC 4291 §2.2). */
  const spelled = (value: Uint8Array, style: "long" | "short" | "capital" | "canonical") => {
    const groups = Array.from(
      { length: 8 },
      (_, index) => ((value[2 * index] ?? 0) << 8) | (value[2 * index + 1] ?? 0),
    );
    const hex = groups.map((group) => group.toString(16));
    if (style === "long") return hex.map((group) => group.padStart(4, "0")).join(":");
    if (style === "capital") return hex.join(":").toUpperCase();
    if (style === "canonical") return new URL(`http://[${hex.join(":")}]`).hostname.slice(1, -1);
    return hex.join(":");
  };

  it("is the same for every spelling of one /64, and another for every other", async () => {
    // Has many zeros, because the spellings differ in how they write zeros.
    const half = fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 8, maxLength: 8 });
    const style = fc.constantFrom("long" as const, "short" as const, "capital" as const, "canonical" as const);
    await fc.assert(
      fc.asyncProperty(half, half, half, style, style, async (head, tail, otherTail, one, other) => {
        const address = spelled(Uint8Array.from([...head, ...tail]), one);
        const neighbour = spelled(Uint8Array.from([...head, ...otherTail]), other);
        const stranger = spelled(Uint8Array.from([...head.with(7, (head[7] ?? 0) ^ 1), ...tail]), other);
        const network = await networkOf(address);
        expect(network).toMatch(/^([0-9a-f]{1,4}:){4}:\/64$/);
        expect(await networkOf(neighbour)).toBe(network);
        expect(await networkOf(stranger)).not.toBe(network);
      }),
      tries,
    );
  });

  it("reads addresses that end like an IPv4 one, and throws at nothing that a header can hold", async () => {
    await fc.assert(
      fc.asyncProperty(fc.ipV6(), async (address) => {
        const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
        fc.pre(!canonical.startsWith("::ffff:"));
        expect(await networkOf(address)).toBe(await networkOf(canonical));
      }),
      tries,
    );
    const printable = fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEF:.%/ ,[]x") });
    await fc.assert(
      fc.asyncProperty(fc.oneof(printable, fc.ipV4(), fc.ipV6()), async (address) => {
        expect(await networkOf(address)).not.toContain("undefined");
      }),
      tries,
    );
  });
});

describe("Accept-Language", () => {
  const range = fc.stringMatching(/^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8}){0,2}$/);
  const element = fc
    .tuple(range, fc.constantFrom("", ";q=1", ";q=0.5", " ; Q=0.001", ";q=2", ";q=x", ";q=0"))
    .map((both) => both.join(""));

  it("is a supported language for every header", () => {
    const header = fc.oneof(
      text,
      fc.array(element).map((list) => list.join(",")),
    );
    check(fc.property(header, (value) => SUPPORTED_LOCALES.includes(chooseLocale(value))));
  });

  it("is the first requested language, in any case and region", () => {
    const region = fc.stringMatching(/^(-[a-zA-Z0-9]{1,8}){0,3}$/);
    const others = fc.array(range.map((one) => `${one};q=0.9`)).map((list) => list.join(","));
    check(
      fc.property(
        fc.constantFrom(...SUPPORTED_LOCALES),
        region,
        fc.boolean(),
        others,
        (locale, subtags, isLoud, rest) => {
          const asked = isLoud ? locale.toUpperCase() : locale;
          expect(chooseLocale(`${asked}${subtags},${rest}`)).toBe(locale);
        },
      ),
    );
  });
});

describe("If-Match", () => {
  const user = { updatedAt: 1_700_000_000_000, lastLoginAt: null, secondFactorSince: null } as Parameters<
    typeof expectedVersion
  >[0];
  const etag = `"${user.updatedAt}-0"`;

  it("means this version where it names it, any where it says so, and no other", () => {
    // The comparison is weak: if a proxy compresses the response, it weakens the ETag, but the version is the same.
    const names = [etag, `W/${etag}`];
    const others = ["*", "W/*", `w/${etag}`, `W/W/${etag}`, `W/ ${etag}`, etag.slice(1, -1)];
    const validators = fc.array(fc.oneof(text, fc.constantFrom(...names, ...others)));
    check(
      fc.property(validators, (list) => {
        const header = list.join(",");
        const named = header.split(",").map((one) => one.trim());
        const isNamed = names.some((name) => named.includes(name));
        const expected = named.includes("*") ? undefined : isNamed ? user.updatedAt : "other";
        expect(expectedVersion(user, header)).toBe(expected);
      }),
    );
  });
});

describe("pages", () => {
  it("show every item once, in order, for every page size", () => {
    const items = fc.uniqueArray(fc.uuid()).map((ids) => ids.toSorted().reverse());
    check(
      fc.property(items, fc.integer({ min: 1, max: 100 }), (ids, limit) => {
        const seen: string[] = [];
        let cursor: string | null | undefined;
        do {
          const rest = ids.filter((id) => typeof cursor !== "string" || id < cursor);
          const page = toPage(
            rest.slice(0, limit + 1).map((id) => ({ id })),
            limit,
            (row) => row,
          );
          seen.push(...page.items.map(({ id }) => id));
          cursor = page.next_cursor;
        } while (cursor !== null);
        expect(seen).toEqual(ids);
      }),
    );
  });

  it("have a limit from 1 to 100 and a cursor that is an id, or are refused", () => {
    const query = z.strictObject(pageQuery);
    const limit = fc.oneof(
      text,
      fc.double().map(String),
      fc.array(text),
      fc.constantFrom("1e2", "0x10", " 5 ", "", "١"),
    );
    check(
      fc.property(limit, fc.oneof(text, fc.uuid()), (one, other) => {
        const parsed = query.safeParse({ limit: one, cursor: other });
        if (!parsed.success) return;
        expect(Number.isInteger(parsed.data.limit) && parsed.data.limit >= 1 && parsed.data.limit <= 100).toBe(true);
        expect(other).toMatch(/^[0-9a-fA-F-]{36}$/);
      }),
    );
  });
});

describe("stored hashes", () => {
  it("are read or refused with a reason; nothing is computed and nothing throws", () => {
    const hashes = fc.constantFrom(...[...ONE_OF_EACH, ...MORE].map(({ hash }) => hash));
    const prefixed = fc.tuple(fc.constantFrom("$argon2id$", "$2b$", "pbkdf2_sha256$", "$pbkdf2$", "$scrypt$"), text);
    check(
      fc.property(
        fc.oneof(
          text,
          edited(hashes),
          edited(edited(hashes)),
          prefixed.map((both) => both.join("")),
        ),
        (hash) => {
          const reading = readStoredHash(hash);
          if (isRefusal(reading)) expect(reading.details.reason).toMatch(/[.…]$/);
          else expect(hash.length).toBeLessThanOrEqual(256);
        },
      ),
    );
  });
});

describe("the configuration", () => {
  const names = Object.keys(environment.shape);
  const isSecret = (name: string) => /SECRET|PASSWORD$|API_KEY/.test(name);
  const url = fc.oneof(
    text,
    fc.webUrl(),
    fc.constantFrom("http:/", "https://a/", "http://[::1]", "http:///x//", "http:x/"),
  );
  const value = fc.oneof(
    text,
    fc.integer().map(String),
    url,
    fc.constantFrom("development", "outbox", "smtp", "resend", "none", "off", "ES256"),
  );

  it("is parsed, or refused with a message that names variables and holds no secret", () => {
    const assignment = fc.tuple(fc.constantFrom(...names), value);
    check(
      fc.property(fc.array(assignment, { maxLength: 8 }), (list) => {
        const entries = list.map(([name, one]): [string, string] => [name, isSecret(name) ? `${CANARY}${one}` : one]);
        const source = {
          ENVIRONMENT: "development",
          AUTH_SECRET: `${CANARY} long enough for a secret`,
          ...Object.fromEntries(entries),
        };
        try {
          expect(parseConfig(source).secret.current).toContain(CANARY);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigurationError);
          if (!(error instanceof ConfigurationError)) throw error;
          expect(error.message).toMatch(/\n {2}[A-Z_]+[ =]/);
          const withoutSubjects = error.message.replaceAll(/MAIL_SUBJECTS.*/g, "");
          expect(withoutSubjects).not.toContain(CANARY);
        }
      }),
    );
  });

  it("takes the subjects of mails from any text, or refuses them", () => {
    const json = fc.oneof(
      text,
      fc.jsonValue().map((one) => JSON.stringify(one)),
      fc
        .dictionary(
          fc.constantFrom("verify_email", "new_login", "__proto__"),
          fc.oneof(text, fc.dictionary(fc.constantFrom("en", "de"), text)),
        )
        .map((one) => JSON.stringify(one)),
    );
    check(
      fc.property(json, (one) => {
        const parsed = mailSubjects.safeParse(one);
        for (const subject of parsed.success ? Object.values(parsed.data) : [])
          for (const line of typeof subject === "string" ? [subject] : Object.values(subject ?? {}))
            expect(line).toMatch(/^[^\p{Cc}\u2028\u2029]{1,150}$/u);
      }),
    );
  });
});

describe("what people type about themselves", () => {
  it("is kept as it is parsed: parsing it again changes nothing", () => {
    check(
      fc.property(
        fc.constantFrom(emailAddress, username, personName, phoneNumber),
        fc.oneof(text, fc.emailAddress()),
        (field, typed) => {
          const parsed = field.safeParse(typed);
          if (!parsed.success) return;
          expect(field.parse(parsed.data)).toBe(parsed.data);
          expect(parsed.data.isWellFormed() && !/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(parsed.data)).toBe(true);
        },
      ),
    );
  });

  it("is stored in ASCII where it is an address at an international domain, and read back from what is shown", () => {
    const letter = fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(..."abcxyz-àéîöüßøłžαβγабв例日本語") },
      { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }) },
    );
    const label = fc.array(letter, { minLength: 1, maxLength: 8 }).map((letters) => letters.join(""));
    let accepted = 0;
    check(
      fc.property(label, label, (name, end) => {
        const parsed = emailAddress.safeParse(`ada@${name}.${end}`);
        if (!parsed.success) return;
        accepted += 1;
        expect(parsed.data).toMatch(/^ada@[a-z0-9.-]+$/);
        expect(emailAddress.parse(unicodeEmail(parsed.data))).toBe(parsed.data);
      }),
    );
    expect(accepted).toBeGreaterThan(10);
  });

  it("stands in mails as one short line without a link", () => {
    check(
      fc.property(fc.oneof(text, fc.webUrl()), (words) => {
        const line = quoteClient(words) ?? "";
        expect(line).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]|:\/\/|[.@]\p{L}/u);
        // Spaces that break up links are not counted.
        expect([...line.replaceAll(" ", "")].length).toBeLessThanOrEqual(160);
      }),
    );
  });
});

describe("what is logged of an error", () => {
  it("is short, and holds nothing that stood in quotes or in an error around it", () => {
    const thrown = fc.tuple(text, fc.constantFrom("'", '"', "`")).map(([words, quote]) => {
      const inner = new Error(`no ${quote}${CANARY}${words.replaceAll(/["'`]/g, "")}${quote} here`);
      return new Error(`Failed query: ${CANARY} ${words}`, { cause: inner });
    });
    check(
      fc.property(fc.oneof(thrown, fc.anything()), (error) => {
        const said = describeError(error);
        expect(said.length).toBeLessThanOrEqual(500);
        expect(said).not.toContain(CANARY);
      }),
    );
  });
});
