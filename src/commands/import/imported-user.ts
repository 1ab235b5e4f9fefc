/** One line of an import: a user of another service, checked field by field. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { fieldErrors } from "../../http/field-errors.ts";
import { NO_PASSWORD } from "../../passwords/passwords.ts";
import { readStoredHash } from "../../passwords/read-hash.ts";
import { asImported } from "../../passwords/scrypt.ts";
import { cutText } from "../../platform/cut-text.ts";
import { encodeBase64url, parseJson } from "../../platform/encoding.ts";
import { createId } from "../../platform/random.ts";
import { type FieldError, isRefusal } from "../../platform/refusal.ts";
import { emailAddress, locale, role, username } from "../../users/fields.ts";
import { newProfile, profileShape } from "../../users/profile-fields.ts";
import type { Arrival } from "../../users/provisioning.ts";
import { NEW_USER } from "../../users/user.ts";
import { factorFields, faultOfFactors, type UnsealedFactors, unsealedFactors } from "./imported-factors.ts";
import { type Line, MOST_LINE_BYTES } from "./lines.ts";

const passwordHash = z.string().transform((text, context) => {
  const reading = readStoredHash(text);
  if (!isRefusal(reading)) return { text: asImported(text), scheme: reading.scheme };
  context.addIssue({ code: "custom", message: reading.details.reason, params: { code: "unusable_hash" } });
  return z.NEVER;
});

type LineFields = z.output<ReturnType<typeof lineShape>>;

/**
 * The fields that a line may have: those of the API's `User`, the hash and the second factors. No time may be later
 * than `now`, the start of the import.
 */
function lineShape(now: number, rpId: string | undefined) {
  const time = z.iso
    .datetime({ offset: true, error: "This takes a time like 2026-11-22T09:30:00Z." })
    .transform((text) => Date.parse(text))
    .refine((milliseconds) => milliseconds >= 0, "This takes a time since 1970.")
    .refine((milliseconds) => milliseconds <= now, "This lies in the future.")
    .nullish();
  return z
    .strictObject({
      id: z
        .uuid("This takes a UUID. Leave it out, and the user gets a new one.")
        .transform((id) => id.toLowerCase())
        .optional(),
      email: emailAddress,
      username: username.nullish(),
      password_hash: passwordHash.nullish(),
      ...profileShape,
      locale: locale.nullish(),
      role: role.default("user"),
      is_active: z.boolean().default(true),
      is_verified: z.boolean(),
      is_superuser: z.boolean().default(false),
      created_at: time,
      updated_at: time,
      last_login: time,
      ...factorFields(time, rpId),
    })
    .refine((user) => user.is_verified || (user.role === "user" && !user.is_superuser), {
      path: ["is_verified"],
      params: { code: "operator_not_verified" },
      message:
        "An operator's address must be verified: otherwise the person who verifies it later would have the role.",
    })
    .superRefine((user, context) => {
      const fault = faultOfFactors(user, rpId);
      if (fault === undefined) return;
      const { field, code, message } = fault;
      context.addIssue({ code: "custom", path: [field], params: { code }, message });
    });
}

/** A refused line, as it is in the report. Never contains a password hash. */
export interface RefusedLine {
  line: number;
  email?: string;
  errors: FieldError[];
}

/** The seed of an import. Ids are made from the seed and the line, so the same line gets the same ids in every run. */
export interface ImportSeed {
  seed: string;
  /** When the import began, in milliseconds since the epoch. */
  startedAt: number;
}

/** A user whose second factors are not sealed yet. */
export interface ReadUser extends Arrival {
  factors: UnsealedFactors | undefined;
}

/**
 * Creates the reader of an import. The reader parses and checks one line, and returns `undefined` for an empty line.
 * `rpId` is the domain of the service's passkeys, if the operator has given it.
 */
export function createUserReader(seed: ImportSeed, rpId?: string) {
  const shape = lineShape(seed.startedAt, rpId);
  return (line: Line): ReadUser | RefusedLine | undefined => {
    const number = line.number;
    if (line.bytes === undefined)
      return refuse(number, "too_long", `A line has at most ${MOST_LINE_BYTES} bytes. Is it one user to a line?`);
    const text = decode(line.bytes, number);
    if (text === undefined) return refuse(number, "invalid_encoding", "This line is not UTF-8.");
    if (text.trim() === "") return undefined;
    const value = parseJson(text);
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return refuse(number, "invalid_json", "This line is not a JSON object.");

    const parsed = shape.safeParse(value);
    if (parsed.success) return arrivalOf(parsed.data, `${number} ${text}`, seed);
    const email = "email" in value && typeof value.email === "string" ? { email: cutText(value.email, 254) } : {};
    return { line: number, ...email, errors: fieldErrors(parsed.error.issues, value) };
  };
}

function arrivalOf(fields: LineFields, line: string, { seed, startedAt }: ImportSeed): ReadUser {
  /** Makes a UUIDv7 whose random bits are derived from the purpose, the seed and the line. */
  const idFor = (purpose: string, time: number) => {
    const bytes = createHash("sha256").update(`${purpose} ${seed} ${line}`).digest();
    return createId(time, { bytes: (length) => new Uint8Array(bytes.subarray(0, length)) });
  };
  const createdAt = fields.created_at ?? startedAt;
  const handle = fields.passkey_user_handle ? encodeBase64url(fields.passkey_user_handle) : undefined;
  const factors = unsealedFactors(fields, createdAt, idFor, handle);
  const user = {
    ...NEW_USER,
    id: fields.id ?? idFor("user", createdAt),
    email: fields.email,
    username: fields.username ?? `user-${idFor("username", 0).slice(-12)}`,
    passwordHash: fields.password_hash?.text ?? NO_PASSWORD,
    ...newProfile(fields),
    locale: fields.locale ?? NEW_USER.locale,
    role: fields.role,
    isActive: fields.is_active,
    isVerified: fields.is_verified,
    isSuperuser: fields.is_superuser,
    userHandle: handle ?? null,
    createdAt,
    updatedAt: fields.updated_at ?? createdAt,
    // A user with an unverified address is treated like a new registration, which has never logged in.
    lastLoginAt: fields.is_verified ? (fields.last_login ?? null) : null,
  };
  const scheme = fields.password_hash?.scheme ?? "none";
  const details = factors === undefined ? { scheme } : { scheme, second_factors: factors.factors.length };
  const event = { id: idFor("event", startedAt), type: "account_imported", occurredAt: startedAt, details } as const;
  return { user, event, factors };
}

function decode(bytes: Buffer, number: number): string | undefined {
  try {
    // A byte order mark is allowed only at the start of a file.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: number !== 1 }).decode(bytes);
  } catch {
    return undefined;
  }
}

function refuse(line: number, code: string, message: string): RefusedLine {
  return { line, errors: [{ field: "", code, message }] };
}
