/** The signing keys: their age, whether a rotation is overdue, and whether AUTH_SECRET opens them. */
import * as z from "zod";
import { databaseNow } from "../../db/client.ts";
import { openPrivateJwk } from "../../keys/sealed-key.ts";
import { readSigningKeys, type SigningKeyRow } from "../../keys/signing-key-rows.ts";
import { DAY, toIsoTime } from "../../platform/clock.ts";
import { createSecrets } from "../../platform/crypto.ts";
import { isAbsent } from "./absent.ts";
import { CRON_PATIENCE, counted, RUN_CRON_HERE } from "./database.ts";
import { type Examination, isOnlyHttp, type Wish, withDatabase, withService } from "./examination.ts";
import { type Finding, failed, ok, skipped, warning } from "./finding.ts";
import type { Service } from "./service.ts";

export async function checkSigningKeys(examination: Examination): Promise<Finding | Finding[]> {
  const { wish } = examination;
  if (isOnlyHttp(wish)) return withService(examination, checkPublished);
  return withDatabase(examination, async (db) => {
    const { rows } = await readSigningKeys(db);
    const newest = rows
      .filter(({ revokedAt }) => revokedAt === null)
      .toSorted(bySignsFrom)
      .at(-1);
    if (newest === undefined)
      return rows.length === 0
        ? ok("There is no signing key yet: the first login makes one.")
        : warning("Every signing key is revoked.", "The next login makes a new one, which signs at once.");
    return [
      judgeAge(newest, await databaseNow(db), wish.kind),
      ...(await judgeSeal(newest, examination)),
      ...(await judgePlace(rows, examination)),
    ];
  });
}

function bySignsFrom(left: SigningKeyRow, right: SigningKeyRow): number {
  return left.signsFrom - right.signsFrom || left.sequence - right.sequence;
}

function judgeAge({ id, signsFrom, rotatesAt }: SigningKeyRow, now: number, kind: Wish["kind"]): Finding {
  const name = `The newest signing key ${id.slice(0, 8)}…`;
  if (signsFrom > now) return ok(`${name} is published, and signs from ${toIsoTime(signsFrom)}.`);
  const message = `${name} has signed for ${counted(Math.floor((now - signsFrom) / DAY), "day")}`;
  if (rotatesAt > now) return ok(`${message}; its successor is due on ${toIsoTime(rotatesAt)}.`);
  const overdue = `${message}, and should have had a successor since ${toIsoTime(rotatesAt)}.`;
  if (rotatesAt > now - CRON_PATIENCE) return ok(overdue);
  return kind === "local"
    ? warning(overdue, RUN_CRON_HERE)
    : failed(
        overdue,
        "The cron trigger makes it. Check [triggers] crons, and look for tasks_ran and task_failed in the log.",
      );
}

async function judgeSeal(key: SigningKeyRow, { parts }: Examination): Promise<Finding[]> {
  const [given, config] = [await parts.variables, await parts.config];
  // The secrets of a deployed service can't be read.
  if (config === undefined || isAbsent(given) || given.secrets === "named") return [];
  const opened = await openPrivateJwk(key, createSecrets(config.secret.current, config.secret.previous));
  if (opened === undefined)
    return [
      failed(
        "AUTH_SECRET does not open the newest signing key: it was sealed with another secret.",
        "Set AUTH_SECRET_PREVIOUS to that secret. If it is lost, all users have to log in again, and the next login makes a new key.",
      ),
    ];
  return opened.isCurrent
    ? []
    : [
        warning(
          "Only AUTH_SECRET_PREVIOUS opens the newest signing key.",
          "Run the cron job, which seals it with AUTH_SECRET, before you remove the old secret.",
        ),
      ];
}

const jwksSchema = z.object({ keys: z.array(z.looseObject({ kid: z.string(), alg: z.string() })).min(1) });

/** Checks whether the service publishes keys of this database. If it does not, it uses another database. */
async function judgePlace(rows: readonly SigningKeyRow[], { parts, wish }: Examination): Promise<Finding[]> {
  const service = await parts.service;
  if (isAbsent(service)) return [];
  const jwks = jwksSchema.safeParse((await service.request("/.well-known/jwks.json")).json);
  const isShared = jwks.data?.keys.some(({ kid }) => rows.some(({ id }) => id === kid)) ?? true;
  if (isShared) return [];
  return [
    warning(
      `${service.origin} publishes none of the keys in this database: it uses another one.`,
      wish.kind === "local"
        ? "Pass the same --persist-to as to `npm run dev`."
        : "Check database_id or --volume, or pass the right --url.",
    ),
  ];
}

/** Checks only the JWKS, which has the keys but not their age. */
async function checkPublished(service: Service): Promise<Finding[]> {
  const { status, json } = await service.request("/.well-known/jwks.json");
  const jwks = jwksSchema.safeParse(json);
  if (!jwks.success)
    return [failed(`The JWKS has no key (status ${status}).`, "Look for failure in the service's log.")];
  const { keys } = jwks.data;
  if (keys.some((key) => "d" in key || "k" in key))
    return [
      failed(
        "The JWKS contains a private key.",
        "Take the service off the network, and revoke its keys: `npm run keys:rotate -- --emergency`.",
      ),
    ];
  const names = keys.map(({ alg, kid }) => `${alg} ${kid.slice(0, 8)}…`);
  return [
    ok(`${counted(keys.length, "key")} published: ${names.join(", ")}.`),
    skipped(
      "HTTP does not show the age of keys.",
      "Run this with --remote, in the checkout that the service was deployed from, or with --volume.",
    ),
  ];
}
