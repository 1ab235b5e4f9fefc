import { env } from "cloudflare:workers";
import { and, inArray } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import { users } from "../../src/db/schema.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { Hops } from "../../src/platform/hops.ts";
import { wasNeverProved } from "../../src/users/user.ts";
import { isBareRegistration } from "../../src/users/user-statements.ts";

describe("a user whose registration was never verified", () => {
  it("is the same one to the store and to the rest of the service", async () => {
    const ids: string[] = [];
    for (let bits = 0; bits < 16; bits++) {
      const id = crypto.randomUUID();
      ids.push(id);
      const [isVerified, link, login, epoch] = [1, 2, 4, 8].map((bit) => (bits & bit) !== 0);
      await env.DB.prepare(
        "INSERT INTO users (id, email, username, password_hash, is_verified, verified_by_link, last_login_at, session_epoch, created_at, updated_at) VALUES (?, ?, ?, '!', ?, ?, ?, ?, 1, 1)",
      )
        .bind(
          id,
          `${id}@example.com`,
          id.slice(0, 30),
          Number(isVerified),
          link ? id : null,
          login ? 1 : null,
          Number(epoch),
        )
        .run();
    }
    const db = openDatabase(env.DB, new Hops(systemClock));
    const isOwn = inArray(users.id, ids);
    const bare = await db.select().from(users).where(and(isOwn, isBareRegistration));
    const never = (await db.select().from(users).where(isOwn)).filter(wasNeverProved);
    expect(bare.map(({ id }) => id)).toEqual([ids[0]]);
    expect(never).toEqual(bare);
  });
});
