import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeProtectedHeader } from "jose";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { logIn, mailedToken, post, publishedKeys, readMe, refresh, register } from "./live-person.ts";
import { useClone } from "./live-service.ts";
import { plainEnvironment } from "./run-program.ts";

const clone = useClone();
/** The three commands in docs/operate.md for the operator of a local service. */
const [, block = ""] =
  /^## Rotate `AUTH_SECRET`\n.*?```sh\n(.*?)```/ms.exec(readFileSync("docs/operate.md", "utf8")) ?? [];
const steps = block.trimEnd().split("\n");

const secretNames = () => readFileSync(join(clone.folder, ".dev.vars"), "utf8").match(/^\w+(?==)/gm);

/** Asks for a link that resets the password, and returns its token. */
async function resetToken(origin: string, email: string): Promise<string> {
  await post(origin, "/api/v1/auth/forgot-password", { email });
  return mailedToken(origin, email, "reset-password");
}

describe("npm run secret:rotate beside a service that is restarted", () => {
  it("keeps users logged in, links in earlier emails usable and the signing key unchanged, until the finish and after it", async () => {
    const first = await clone.serve();
    // The address stays the same, because it is the issuer of the tokens.
    const fixed = ["--var", `PUBLIC_URL:${first.origin}`];
    const take = (step: number, origin: string) =>
      execFileSync("bash", ["-e"], {
        cwd: clone.folder,
        env: plainEnvironment(),
        encoding: "utf8",
        input: (steps[step] ?? "")
          .replace("http://localhost:8787", origin)
          .replace(/secret:rotate( --)?/, `secret:rotate -- --persist-to ${first.state}`),
      });
    expect(steps).toHaveLength(3);
    const person = await register(first.origin);
    const before = await logIn(first.origin, person);
    const idle = await logIn(first.origin, person);
    const kid = decodeProtectedHeader(before.access_token).kid;
    const link = await resetToken(first.origin, person.email);
    const forgetful = await register(first.origin);
    const usedLater = await resetToken(first.origin, forgetful.email);

    expect(take(0, first.origin)).toContain(".dev.vars has a fresh AUTH_SECRET");
    expect(secretNames()).toEqual(["ENVIRONMENT", "AUTH_SECRET", "AUTH_SECRET_PREVIOUS"]);
    await first.stop();

    const second = await clone.serve(fixed, first.state);
    expect((await readMe(second.origin, before.access_token)).status).toBe(200);
    const password = "another fine password";
    const reset = await post(second.origin, "/api/v1/auth/reset-password", {
      token: usedLater,
      new_password: password,
    });
    expect(reset.status).toBe(204);
    expect((await logIn(second.origin, { ...forgetful, password })).session_id).toBeDefined();
    const refreshed = await refresh(second.origin, before.refresh_token);
    expect(decodeProtectedHeader(refreshed.access_token).kid).toBe(kid);

    expect(take(1, second.origin)).toBe("ok");
    const resealed = new RegExp(`"event":"signing_key_resealed",.*"key_id":"${kid}"`);
    await eventually(() => expect(second.output()).toMatch(resealed));
    expect(take(2, second.origin)).toContain("AUTH_SECRET_PREVIOUS is gone");
    expect(secretNames()).toEqual(["ENVIRONMENT", "AUTH_SECRET"]);
    await second.stop();

    const third = await clone.serve(fixed, first.state);
    expect(await publishedKeys(third.origin)).toEqual([kid]);
    expect((await readMe(third.origin, before.access_token)).status).toBe(200);
    const later = await refresh(third.origin, refreshed.refresh_token);
    expect(decodeProtectedHeader(later.access_token).kid).toBe(kid);
    const lost = await post(third.origin, "/api/v1/auth/refresh", { refresh_token: idle.refresh_token });
    expect(lost.status, "what was sealed under the old secret alone is gone").toBe(401);
    const dead = { token: link, new_password: "another fine password" };
    expect((await post(third.origin, "/api/v1/auth/reset-password", dead)).status).toBe(400);
  }, 400_000);
});
