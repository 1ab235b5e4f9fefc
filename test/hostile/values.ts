/** Hostile values as JSON text, some of which no JSON encoder would write. */
import fc from "fast-check";
import { AUDIT_EVENT_TYPES } from "../../src/audit/event-types.ts";
import { CANARY, DOMAIN } from "./cast.ts";

/** The parts of JSON Schema that the OpenAPI document uses. */
export interface Schema {
  type?: string;
  format?: string;
  pattern?: string;
  enum?: readonly unknown[];
  anyOf?: readonly Schema[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Schema>;
  required?: readonly string[];
}

type Text = fc.Arbitrary<string>;

export const ABSENT_ID = "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071";
const MOST_DEPTH = 10_000;

/** Texts that have broken software before. */
const TEXTS = [
  "",
  " ",
  "\u0000",
  "before\u0000after",
  "\ud800",
  "\udfff\ud800 the wrong way round",
  "\u202egnp.exe\u202c",
  "\u2066isolated\u2069",
  "\ufeffmarked",
  "line\u2028separator\u2029s",
  "\r\nSet-Cookie: hostile=yes\r\n",
  "' OR '1'='1",
  '"; DROP TABLE users; --',
  "%00%0d%0a",
  "../../../../etc/passwd",
  "$" + "{7*7}#{7*7}{{7*7}}",
  "<script>alert(1)</script>",
  "__proto__",
  "constructor",
  "toString",
  "null",
  "NaN",
  "-1",
  "1e400",
  "\u0130stanbul \u0131 \u00df \ufb00 \u212a",
  "e\u0301".repeat(60),
  "Z\u0351\u036b\u0343\u036a\u0302".repeat(50),
  "\u{1f469}\u200d\u{1f469}\u200d\u{1f467}".repeat(40),
  "x".repeat(257),
  "y".repeat(1_025),
  "z".repeat(20_000),
];

export const hostileText: Text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 300 }) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 300 }) },
);

/** Deeply nested lists or objects. */
const nested: Text = fc
  .record({ depth: fc.constantFrom(2, 100, 1_000, MOST_DEPTH), isObject: fc.boolean() })
  .map(({ depth, isObject }) =>
    isObject ? `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}` : "[".repeat(depth) + "]".repeat(depth),
  );

/** Malformed secrets, which the error about their form must not repeat. */
const SPOILT_SECRETS = [CANARY, `${CANARY}\ud800`, CANARY.repeat(100)];

const isSecret = (name: string) => /password|token|code|totp/.test(name);

/** The texts to try in a field of this name. */
export const textsFor = (name: string) => (isSecret(name) ? [...TEXTS, ...SPOILT_SECRETS] : TEXTS);

export const hostileJson: Text = fc.oneof(
  fc.constantFrom("null", "true", "false", "[]", "{}", "[null]", '{"__proto__":1}', '{"toString":"x","length":-1}'),
  fc.constantFrom("0", "-0", "-1", "1.5", "1e400", "-1e400", "1e-400", "9007199254740993", "1".repeat(400)),
  { weight: 4, arbitrary: hostileText.map((text) => JSON.stringify(text)) },
  fc.jsonValue().map((value) => JSON.stringify(value)),
  nested,
);

const spoiltSecret: Text = fc
  .constantFrom(...SPOILT_SECRETS, [CANARY], { secret: CANARY })
  .map((value) => JSON.stringify(value));

/** A hostile value for a field of this name. */
export const hostileFor = (name: string): Text => (isSecret(name) ? fc.oneof(hostileJson, spoiltSecret) : hostileJson);

/** Names of members: those that every JavaScript object has, and some that a schema does not expect. */
export const hostileName: Text = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "id", "role", ""),
  fc.constantFrom("is_superuser", "isSuperuser", "password_hash", "EMAIL", "email ", "email\u0000", "\ud800"),
  fc.string({ unit: "grapheme", maxLength: 80 }),
);

/** `own` is the user whose token the request carries. */
const person = fc.constantFrom("own", "own", "own", "own", "user", "superuser", "target", "anchor");
const emails: Text = fc.oneof(
  person.map((name) => `<<${name}.email>>`),
  fc.nat().map((number) => `fresh-${number}@${DOMAIN}`),
  fc.constantFrom(`NOBODY@${DOMAIN}`, `nobody@${DOMAIN}`, "<<invitation.email>>", "<<invitation.email>>"),
);
const refreshTokens: Text = fc.oneof(
  person.map((name) => `<<${name}.refresh>>`),
  fc.constantFrom("<<user.access>>", "<<reset.link>>", `prt_${CANARY}`, "<<user.refresh>>A"),
);
const linkTokens: Text = fc.oneof(
  fc.constantFrom("verify", "reset", "confirm", "undo", "invitation").map((kind) => `<<${kind}.link>>`),
  fc.constantFrom("<<user.refresh>>", "<<user.access>>", CANARY, "<<reset.link>>A"),
);

const pendingTokens: Text = fc.constantFrom(
  "<<holder.pending>>",
  "<<holder.pending>>",
  "<<holder.access>>",
  `ppt_${CANARY}`,
  "<<holder.pending>>A",
);
const enrolmentTokens: Text = fc.constantFrom(
  "<<recruit.enrolment>>",
  "<<recruit.enrolment>>",
  "<<holder.pending>>",
  `pet_${CANARY}`,
  "<<recruit.enrolment>>A",
);
const codes: Text = fc.constantFrom(
  "<<holder.totp>>",
  "<<holder.confirmation>>",
  "<<recruit.code>>",
  "000000",
  " 000 000",
);

/** Values that mean something to this service, by the name of the field. */
const MEANINGFUL: Record<string, Text> = {
  email: emails,
  username: fc.oneof(
    person.map((name) => `<<${name}.username>>`),
    fc.nat().map((number) => `fresh-${number}`),
  ),
  password: fc.oneof(
    { weight: 3, arbitrary: person.map((name) => `<<${name}.password>>`) },
    { weight: 1, arbitrary: fc.constant(`${CANARY} a wrong password`) },
  ),
  new_password: fc.constantFrom(`${CANARY} a new password`, `e\u0301 ${CANARY} composed`),
  token: linkTokens,
  refresh_token: refreshTokens,
  pending_token: pendingTokens,
  enrolment_token: enrolmentTokens,
  totp: codes,
  code: codes,
  recovery_code: fc.constantFrom("<<holder.recovery>>", "aaaa-bbbb-cccc-dddd"),
  type: fc.constantFrom(...Object.keys(AUDIT_EVENT_TYPES)),
  key: fc.oneof(
    person.map((name) => `<<${name}.email>>`),
    person.map((name) => `<<${name}.id>>`),
    fc.ipV4(),
    fc.ipV6(),
  ),
  id: fc.oneof(
    person.map((name) => `<<${name}.id>>`),
    fc.constantFrom(ABSENT_ID, "<<user.session>>", "<<target.session>>"),
  ),
};

/** A value that the schema allows, as JSON text. If the name is in `MEANINGFUL`, the value is from there. */
export function fitting(name: string, schema: Schema): Text {
  const meaningful = MEANINGFUL[name === "current_password" ? "password" : /_?id$|cursor/.test(name) ? "id" : name];
  return meaningful === undefined ? ofSchema(schema) : meaningful.map((text) => JSON.stringify(text));
}

function ofSchema(schema: Schema): Text {
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(ofSchema));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum).map((value) => JSON.stringify(value));
  switch (schema.type) {
    case "null":
      return fc.constant("null");
    case "boolean":
      return fc.constantFrom("true", "false");
    case "integer":
      return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 1_000 }).map(String);
    default:
      return textOf(schema).map((text) => JSON.stringify(text));
  }
}

function textOf({ format, pattern, minLength = 0, maxLength = 64 }: Schema): Text {
  if (format === "date-time")
    return fc
      .date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })
      .map((date) => date.toISOString());
  if (format === "uuid") return fc.uuid();
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  return fc.string({ unit: "grapheme", minLength, maxLength });
}

/** Makes `usual` nine times out of ten, and `odd` in the other cases. */
export function rarely<Value>(
  usual: Value,
  odd: fc.Arbitrary<Value> | (() => fc.Arbitrary<Value>),
): fc.Arbitrary<Value> {
  const arbitrary = typeof odd === "function" ? odd() : odd;
  return fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary });
}
