import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { runCronTasks } from "../../src/cron-tasks.ts";
import { readMe, refresh } from "../support/account.ts";
import { appWith, atOnce, post } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import { registered } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const OLD = { AUTH_SECRET: env.AUTH_SECRET };
const NEW = { AUTH_SECRET: "quite another secret, long enough to pass too" };
const ROTATING = { ...NEW, AUTH_SECRET_PREVIOUS: OLD.AUTH_SECRET };

const sealOf = async (id: string) =>
  (
    await env.DB.prepare("SELECT sealed_private_jwk AS seal FROM signing_keys WHERE id = ?")
      .bind(id)
      .first<{ seal: string }>()
  )?.seal;

const signerOf = async (values: Record<string, string>) => (await coldIsolate(values).keyring.signingKey()).id;

afterAll(async () => {
  await env.DB.exec("DELETE FROM signing_keys");
});

describe("after a rotation of AUTH_SECRET the cron trigger", () => {
  beforeEach(async () => {
    await env.DB.exec("DELETE FROM signing_keys");
  });

  it("seals the signing keys under the new secret, so that they outlive the old one", async () => {
    const id = await signerOf(OLD);
    expect(await signerOf(ROTATING)).toBe(id);
    const logs = recordLogs();
    await runCronTasks(coldIsolate(ROTATING));
    expect(logs()).toContainEqual({ level: "info", event: "signing_key_resealed", key_id: id });
    expect(await signerOf(NEW)).toBe(id);
    const { results } = await env.DB.prepare("SELECT id FROM signing_keys").all();
    expect(results, "no key was made meanwhile").toEqual([{ id }]);
  });

  it("leaves what is sealed under the new secret as it is, and seals nothing where no old one is left", async () => {
    const id = await signerOf(OLD);
    await runCronTasks(coldIsolate(ROTATING));
    const seal = await sealOf(id);
    const logs = recordLogs();
    await runCronTasks(coldIsolate(ROTATING));
    await runCronTasks(coldIsolate(NEW));
    expect(await sealOf(id)).toBe(seal);
    expect(logs().filter(({ event }) => event !== "tasks_ran")).toEqual([]);
  });

  it("seals each key once, even if many isolates do it at once", async () => {
    const id = await signerOf(OLD);
    const logs = recordLogs();
    await atOnce(8, () => runCronTasks(coldIsolate(ROTATING)));
    expect(logs().filter(({ event }) => event === "signing_key_resealed")).toHaveLength(1);
    expect(await signerOf(NEW)).toBe(id);
  });

  it("goes round a key that neither secret opens, and seals the others", async () => {
    const id = await signerOf(OLD);
    await env.DB.exec(
      "INSERT INTO signing_keys SELECT 99, 'lost', algorithm, public_jwk, 'bm90IGEgc2VhbA', created_at, 0, rotates_at, 1 FROM signing_keys",
    );
    await runCronTasks(coldIsolate(ROTATING));
    expect(await signerOf(NEW)).toBe(id);
    expect(await sealOf("lost")).toBe("bm90IGEgc2VhbA");
  });

  it("records it in the audit log in the batch that seals a key", async () => {
    const id = await signerOf(OLD);
    await runCronTasks(coldIsolate(ROTATING));
    const query = "SELECT actor_id, user_id, details FROM audit_events WHERE type = 'signing_key_resealed'";
    const { results } = await env.DB.prepare(query).all();
    expect(results).toContainEqual({ actor_id: null, user_id: null, details: JSON.stringify({ key_id: id }) });
  });

  it("keeps users logged in: tokens from before and after work under either secret", async () => {
    const { email, password } = await registered();
    const logIn = async (send: ReturnType<typeof appWith>) =>
      (await post("/api/v1/auth/login", { email, password }, {}, send)).json;
    const before = await logIn(appWith(OLD));
    await runCronTasks(coldIsolate(ROTATING));
    // One isolate has both secrets, and the other one has only the new secret.
    for (const send of [appWith(ROTATING), appWith(NEW)]) {
      expect((await readMe(before.access_token, send)).status).toBe(200);
    }
    const rotated = appWith(ROTATING);
    const { json } = await refresh(before.refresh_token, rotated);
    const after = await refresh(json.refresh_token, appWith(NEW));
    expect(after.status).toBe(200);
    expect((await readMe(after.json.access_token, appWith(NEW))).status).toBe(200);
  });
});
