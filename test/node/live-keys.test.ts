import { decodeProtectedHeader } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { logIn, type Person, publishedKeys, readMe, refresh, register, verifyAsStranger } from "./live-person.ts";
import { type Service, useClone } from "./live-service.ts";

const clone = useClone();
let service: Service;
let person: Person;

beforeAll(async () => {
  service = await clone.serve();
  person = await register(service.origin);
});

const rotateKeys = (...flags: string[]) => clone.run("keys:rotate", "--persist-to", service.state, ...flags);
const fireCron = () => fetch(`${service.origin}/cdn-cgi/handler/scheduled`);

describe("npm run keys:rotate beside a running service", () => {
  it("publishes a successor at the next cron trigger, while the first key goes on to sign", async () => {
    const { origin } = service;
    const tokens = await logIn(origin, person);
    const [first] = await publishedKeys(origin);
    expect(decodeProtectedHeader(tokens.access_token).kid).toBe(first);

    const rotated = await rotateKeys();
    expect(rotated.output).toContain(`1 key is due for a successor now: ${first}`);
    expect(rotated.code).toBe(0);
    expect(await publishedKeys(origin)).toEqual([first]);

    expect((await fireCron()).status).toBe(200);
    const published = await publishedKeys(origin);
    expect(published).toHaveLength(2);
    expect(published).toContain(first);

    // Old tokens verify. The first key still signs new ones, because caches may not have the second key yet.
    await verifyAsStranger(origin, tokens.access_token);
    expect((await readMe(origin, tokens.access_token)).status).toBe(200);
    const later = await logIn(origin, person);
    expect(decodeProtectedHeader(later.access_token).kid).toBe(first);

    const again = await rotateKeys();
    expect(again.output).toContain("A successor is published already");
    await fireCron();
    expect(await publishedKeys(origin)).toEqual(published);
  });

  it("stops trusting one key at once in an emergency, and goes on with another", async () => {
    const { origin } = service;
    const tokens = await logIn(origin, person);
    const kid = decodeProtectedHeader(tokens.access_token).kid ?? "";
    const revoked = await rotateKeys("--emergency", "--kid", kid);
    expect(revoked.output).toContain(`1 key is revoked: ${kid}`);
    expect((await readMe(origin, tokens.access_token)).status).toBe(401);
    const next = await refresh(origin, tokens.refresh_token);
    expect(decodeProtectedHeader(next.access_token).kid).not.toBe(kid);
    expect((await readMe(origin, next.access_token)).status).toBe(200);
  });

  it("stops trusting every key at once in an emergency, and the next login makes a new one", async () => {
    const { origin } = service;
    const tokens = await logIn(origin, person);
    expect((await readMe(origin, tokens.access_token)).status).toBe(200);

    const revoked = await rotateKeys("--emergency");
    expect(revoked.output).toMatch(/keys? (is|are) revoked/);
    expect(revoked.code).toBe(0);
    expect((await readMe(origin, tokens.access_token)).status).toBe(401);

    const fresh = await logIn(origin, person);
    expect((await readMe(origin, fresh.access_token)).status).toBe(200);
    const kid = decodeProtectedHeader(fresh.access_token).kid;
    expect(kid).not.toBe(decodeProtectedHeader(tokens.access_token).kid);
    expect(await publishedKeys(origin)).toEqual([kid]);
    await verifyAsStranger(origin, fresh.access_token);
    await expect(verifyAsStranger(origin, tokens.access_token)).rejects.toMatchObject({
      code: "ERR_JWKS_NO_MATCHING_KEY",
    });
    expect((await readMe(origin, tokens.access_token)).status).toBe(401);
  });
});
