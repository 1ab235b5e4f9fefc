/** One line of an import: a user of another service, judged field by field. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { fieldErrors } from "../../http/field-errors.ts";
import { judgeHash } from "../../passwords/judge-hash.ts";
import { NO_PASSWORD } from "../../passwords/passwords.ts";
import { createId } from "../../platform/random.ts";
import type { FieldError } from "../../platform/refusal.ts";
import { emailAddress, locale, personName, phoneNumber, username } from "../../users/fields.ts";
import { usernameDigest } from "../../users/retired-usernames.ts";
import { ROLES } from "../../verify/claims.ts";
import { type Line, MOST_LINE_BYTES } from "./lines.ts";

const passwordHash = z.string().transform((text, context) => {
  const judgement = judgeHash(text);
  if ("scheme" in judgement) return { text, scheme: judgement.scheme };
  context.addIssue({ code: "custom", message: judgement.refused, params: { code: "unusable_hash" } });
  return z.NEVER;
});

/** What a line may hold: the fields of the API's `User`, and the hash. Nothing in it happened after `now`. */
function lineShape(now: number) {
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
      first_name: personName.nullish(),
      last_name: personName.nullish(),
      phone: phoneNumber.nullish(),
      locale: locale.nullish(),
      role: z.enum(ROLES, `This takes one of ${ROLES.join(", ")}.`).default("user"),
      is_active: z.boolean().default(true),
      is_verified: z.boolean(),
      is_superuser: z.boolean().default(false),
      created_at: time,
      updated_at: time,
      last_login: time,
    })
    .refine((user) => user.is_verified || (user.role === "user" && !user.is_superuser), {
      path: ["is_verified"],
      params: { code: "operator_not_verified" },
      message: "An operator's address must be proved: whoever proves it later would have the role.",
    });
}

/** A user as the statements write one; names are those of the columns. Times are milliseconds since the epoch. */
export interface ImportedUser {
  id: string;
  email: string;
  username: string;
  password_hash: string;
  first_name: string | null;
  last_name: string | null;
  phone: string | null;
  locale: string;
  role: string;
  is_active: number;
  is_verified: number;
  is_superuser: number;
  created_at: number;
  updated_at: number;
  last_login_at: number | null;
  /** What keeps a username from being borne that was a deleted account's. */
  username_digest: string;
  /** How the password was hashed, for the audit log. */
  scheme: string;
  event_id: string;
}

/** A line that was refused, as the report has it. Never holds a hash. */
export interface RefusedLine {
  line: number;
  email?: string;
  errors: FieldError[];
}

/** What the ids of one import are made of: the same line gets the same ones, however often it is tried. */
export interface ImportSeed {
  seed: string;
  /** When the import began, in milliseconds since the epoch. */
  startedAt: number;
}

/** Judges a line. `undefined` for an empty one. */
export type UserReader = (line: Line) => { user: ImportedUser } | { refused: RefusedLine } | undefined;

/** The reader of one import. */
export function createUserReader(seed: ImportSeed): UserReader {
  const shape = lineShape(seed.startedAt);
  return (line) => {
    const number = line.number;
    if (line.bytes === undefined)
      return refuse(number, "too_long", `A line has at most ${MOST_LINE_BYTES} bytes. Is it one user to a line?`);
    const text = decode(line);
    if (text === undefined) return refuse(number, "invalid_encoding", "This line is not UTF-8.");
    if (text.trim() === "") return undefined;
    const value = parseJson(text);
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return refuse(number, "invalid_json", "This line is not a JSON object.");

    const parsed = shape.safeParse(value);
    if (parsed.success) return { user: toRow(parsed.data, number, seed) };
    const email = "email" in value && typeof value.email === "string" ? { email: value.email.slice(0, 254) } : {};
    return { refused: { line: number, ...email, errors: fieldErrors(parsed.error.issues, value) } };
  };
}

function toRow(fields: z.output<ReturnType<typeof lineShape>>, line: number, seed: ImportSeed): ImportedUser {
  const createdAt = fields.created_at ?? seed.startedAt;
  const id = fields.id ?? idOf("user", line, createdAt, seed);
  const name = fields.username ?? `user-${idOf("username", line, 0, seed).slice(-12)}`;
  return {
    id,
    email: fields.email,
    username: name,
    password_hash: fields.password_hash?.text ?? NO_PASSWORD,
    first_name: fields.first_name ?? null,
    last_name: fields.last_name ?? null,
    phone: fields.phone ?? null,
    locale: fields.locale ?? "en",
    role: fields.role,
    is_active: Number(fields.is_active),
    is_verified: Number(fields.is_verified),
    is_superuser: Number(fields.is_superuser),
    created_at: createdAt,
    updated_at: fields.updated_at ?? createdAt,
    // Whoever has not proved their address has never been in: they wait as one who has just registered.
    last_login_at: fields.is_verified ? (fields.last_login ?? null) : null,
    username_digest: usernameDigest(name),
    scheme: fields.password_hash?.scheme ?? "none",
    event_id: importEventId(line, seed),
  };
}

/** The id of the audit event of a line. In one import they sort as the lines do, so that a range names a batch. */
function importEventId(line: number, { seed, startedAt }: ImportSeed): string {
  const bytes = digest(`event ${seed}`);
  bytes.writeUInt32BE(line, 12);
  return createId(startedAt, { bytes: (length) => new Uint8Array(bytes.subarray(0, length)) });
}

/** A UUIDv7 whose random bits follow from the seed and the line. */
function idOf(purpose: string, line: number, time: number, { seed }: ImportSeed): string {
  const bytes = digest(`${purpose} ${line} ${seed}`);
  return createId(time, { bytes: (length) => new Uint8Array(bytes.subarray(0, length)) });
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function decode({ bytes, number }: Line): string | undefined {
  try {
    // A byte order mark may stand at the start of a file, and nowhere else.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: number !== 1 }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refuse(line: number, code: string, message: string): { refused: RefusedLine } {
  return { refused: { line, errors: [{ field: "", code, message }] } };
}
