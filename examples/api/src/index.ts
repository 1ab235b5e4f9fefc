/** An API that Postern's access tokens open: notes, a list for each user. */
import { Hono } from "hono";
import { cors } from "hono/cors";
import { type AuthService, type AuthVariables, requireAuth } from "postern/verify";

interface Env {
  ISSUER: string;
  AUDIENCE: string;
  ALLOWED_ORIGIN: string;
  AUTH: AuthService;
  REVOCATIONS: KVNamespace;
  NOTES: KVNamespace;
}

const app = new Hono<{ Bindings: Env; Variables: AuthVariables }>();

app.use((c, next) => cors({ origin: c.env.ALLOWED_ORIGIN, allowHeaders: ["Authorization", "Content-Type"] })(c, next));

/** What every route below needs: a good access token. Where it is warm, nothing but KV's local copy is read. */
const options = ({ env }: { env: Env }) => ({
  issuer: env.ISSUER,
  audience: env.AUDIENCE,
  fetcher: env.AUTH,
  revocations: env.REVOCATIONS,
});

app.get("/notes", requireAuth<Env>(options), async (c) => {
  const { keys } = await c.env.NOTES.list<{ text: string }>({ prefix: `${c.get("auth").sub}:`, limit: 50 });
  return c.json({ items: keys.map(({ name, metadata }) => ({ id: name.split(":")[1], text: metadata?.text ?? "" })) });
});

app.post("/notes", requireAuth<Env>(options), async (c) => {
  const { text } = await c.req.json<{ text?: unknown }>();
  if (typeof text !== "string" || text.trim() === "" || text.length > 300) {
    return c.json({ code: "validation_failed", detail: "A note is a text of 1 to 300 characters." }, 422);
  }
  const id = crypto.randomUUID();
  await c.env.NOTES.put(`${c.get("auth").sub}:${id}`, "", { metadata: { text: text.trim() } });
  return c.json({ id, text: text.trim() }, 201);
});

// For moderators and admins alone.
app.get(
  "/statistics",
  requireAuth<Env>((c) => ({ ...options(c), role: "moderator" })),
  async (c) => c.json({ notes: (await c.env.NOTES.list()).keys.length }),
);

// What can't be undone asks Postern itself: a session that ended a moment ago is refused at once.
app.delete("/notes", async (c) => {
  const token = c.req.header("Authorization")?.replace(/^Bearer /, "") ?? "";
  const claims = await c.env.AUTH.verify(token);
  if (claims === null) return c.json({ code: "invalid_access_token" }, 401);
  const { keys } = await c.env.NOTES.list({ prefix: `${claims.sub}:` });
  await Promise.all(keys.map(({ name }) => c.env.NOTES.delete(name)));
  return c.body(null, 204);
});

export default app;
