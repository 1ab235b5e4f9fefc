/**
 * What only a real isolate shows: a Worker verifies over the network, with an issuer that answers when a test wants it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Service, useClone } from "./live-service.ts";
import { freePort } from "./loopback.ts";

const WORKER = `
import { createVerifier } from "../src/verify/index.ts";
/** How far the verifier's clock is ahead. */
let ahead = 0;
const now = () => Date.now() + ahead;
export default {
  async fetch(request, env, ctx) {
    if (request.url.endsWith("/later")) {
      ahead += 10_000;
      return new Response("later");
    }
    const token = request.headers.get("Authorization").slice("Bearer ".length);
    const verify = createVerifier({ issuer: env.ISSUER, audience: "tests", now });
    if (request.url.endsWith("/leave")) {
      // The runtime cancels what a request has begun and not handed to waitUntil, as when its client goes away.
      verify(token).catch(() => {});
      while ((await (await fetch(env.ISSUER + "/asked")).text()) === "0");
      return new Response("left");
    }
    try {
      const { sub } = await verify(token, ctx);
      return new Response(sub);
    } catch (error) {
      return new Response(error.code, { status: 401 });
    }
  },
};
`;
const CONFIGURATION = `
name = "verifier"
main = "index.ts"
compatibility_date = "2026-10-23"
`;
const KID = "k".repeat(43);

const clone = useClone();
const { publicKey, privateKey } = await generateKeyPair("ES256");
/** Answers that the issuer has not given yet. */
let open: ServerResponse[] = [];
let asked = 0;
const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: KID, alg: "ES256" }] });
const issuer = createServer(({ url: path }, response) => {
  if (path === "/asked") return response.end(`${asked}`);
  asked += 1;
  open.push(response);
});
let url: string;
let worker: Service;

/** Sends all answers that the issuer has not given yet. */
function answer(): void {
  for (const response of open) response.setHeader("Cache-Control", "max-age=60").end(jwks);
  open = [];
}

beforeAll(async () => {
  const port = await freePort();
  url = `http://localhost:${port}`;
  await new Promise<void>((listening) => issuer.listen(port, listening));
  const folder = join(clone.folder, "verifier");
  mkdirSync(folder);
  writeFileSync(join(folder, "index.ts"), WORKER);
  writeFileSync(join(folder, "wrangler.toml"), CONFIGURATION);
  worker = await clone.startBeside({ state: join(clone.folder, "state") }, "verifier/wrangler.toml", { ISSUER: url });
});

afterAll(() => {
  issuer.closeAllConnections();
  issuer.close();
});

const mint = (subject: string, kid = KID) =>
  new SignJWT({ sid: crypto.randomUUID(), role: "user", email_verified: true, client_id: "postern" })
    .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid })
    .setIssuer(url)
    .setAudience("tests")
    .setSubject(subject)
    .setJti(crypto.randomUUID())
    .setIssuedAt()
    .setExpirationTime("5 min")
    .sign(privateKey);

const ask = async (token: string, path = "/") => {
  const response = await fetch(`${worker.origin}${path}`, { headers: { Authorization: `Bearer ${token}` } });
  return response.text();
};

/** Sets the verifier's clock forward. */
const tenSecondsLater = async () => expect(await (await fetch(`${worker.origin}/later`)).text()).toBe("later");

describe("createVerifier in a real isolate", () => {
  it("answers all clients even if the request that was reading the keys is cancelled", async () => {
    const id = crypto.randomUUID();
    const token = await mint(id);
    expect(await ask(token, "/leave")).toBe("left");
    expect(asked).toBe(1);
    const waiting = Array.from({ length: 20 }, () => ask(token));
    // The cancelled request never gets its answer. So after some seconds, one of the waiting requests asks again.
    await tenSecondsLater();
    await eventually(() => expect(asked).toBe(2));
    answer();
    expect(await Promise.all(waiting)).toEqual(Array(20).fill(id));
    expect(asked, "by one of them, not by each").toBe(2);
  });

  it("looks a key up once that it does not know, while tokens under known keys are verified", async () => {
    const id = crypto.randomUUID();
    const unknown = await mint(id, "u".repeat(43));
    expect(await ask(unknown), "in the pause after a reading of the keys").toBe("unknown_key");
    expect(asked).toBe(2);
    await tenSecondsLater();
    const lookedUp = ask(unknown);
    await eventually(() => expect(asked).toBe(3));
    expect(await ask(await mint(id))).toBe(id);
    answer();
    expect(await lookedUp).toBe("unknown_key");
    expect(await ask(await mint(id, "v".repeat(43)))).toBe("unknown_key");
    expect(asked).toBe(3);
  });
});
