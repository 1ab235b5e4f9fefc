/** An API that accepts Postern's access tokens: a list of notes for each user. */
import { zValidator } from "@hono/zod-validator";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { type AuthService, type AuthVariables, requireAuth } from "postern/verify";
import * as z from "zod";
import { countNotes, deleteNotes, keepNote, listNotes, MOST_NOTES } from "./notes.ts";

export interface Env {
  ISSUER: string;
  AUDIENCE: string;
  ALLOWED_ORIGIN: string;
  AUTH: AuthService;
  REVOCATIONS: KVNamespace;
  NOTES: KVNamespace;
}

const app = new Hono<{ Bindings: Env; Variables: AuthVariables }>();

app.use((c, next) => cors({ origin: c.env.ALLOWED_ORIGIN, allowHeaders: ["Authorization", "Content-Type"] })(c, next));

/** The options of `requireAuth` for every route below. Once the keys are cached, checking a token only reads KV. */
const options = ({ env }: { env: Env }) => ({
  issuer: env.ISSUER,
  audience: env.AUDIENCE,
  fetcher: env.AUTH,
  revocations: env.REVOCATIONS,
});

app.get("/notes", requireAuth<Env>(options), async (c) =>
  c.json({ items: await listNotes(c.env.NOTES, c.get("auth").sub) }),
);

/** The format of Postern's errors (RFC 9457), so that clients can read all errors in the same way. */
const PROBLEM = { "Content-Type": "application/problem+json" };

// KV metadata holds at most 1,024 bytes of JSON, in which a control character or a lone surrogate takes six bytes.
const textSchema = z
  .string()
  .trim()
  .min(1)
  .max(300)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u);
const noteSchema = z.object({ text: textSchema });

app.post(
  "/notes",
  requireAuth<Env>(options),
  bodyLimit({ maxSize: 4 * 1024 }),
  zValidator("json", noteSchema, (parsed, c) => {
    const detail = "Enter a note of 1 to 300 characters, on one line.";
    return parsed.success ? undefined : c.json({ code: "validation_failed", detail }, 422, PROBLEM);
  }),
  async (c) => {
    const note = await keepNote(c.env.NOTES, c.get("auth").sub, c.req.valid("json").text);
    if (note !== undefined) return c.json(note, 201);
    const detail = `You can have at most ${MOST_NOTES} notes. Delete some first.`;
    return c.json({ code: "too_many_notes", detail }, 409, PROBLEM);
  },
);

// For moderators and admins only.
app.get(
  "/statistics",
  requireAuth<Env>((c) => ({ ...options(c), role: "moderator" })),
  async (c) => c.json({ notes: await countNotes(c.env.NOTES) }),
);

// Deleting can't be undone, so Postern itself checks the token: a session that has just ended is refused at once.
app.delete(
  "/notes",
  requireAuth<Env>((c) => ({ ...options(c), strict: c.env.AUTH })),
  async (c) => {
    await deleteNotes(c.env.NOTES, c.get("auth").sub);
    return c.body(null, 204);
  },
);

// Hono's own errors, in the same format. Everything else is a bug.
app.onError((error, c) => {
  const status = error instanceof HTTPException ? error.status : 500;
  if (status === 400) return c.json({ code: "invalid_json", detail: "The body is not valid JSON." }, 400, PROBLEM);
  if (status === 413)
    return c.json({ code: "payload_too_large", detail: "A body can have at most 4 KiB." }, 413, PROBLEM);
  // biome-ignore lint/suspicious/noConsole: Cloudflare shows these logs.
  console.error(error);
  return c.json({ code: "internal_error", detail: "Something went wrong. Try again in a moment." }, 500, PROBLEM);
});

export default app;
