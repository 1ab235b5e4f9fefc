import { describe, expect, it } from "vitest";
import { createVerifier, type VerificationContext } from "../../src/verify/index.ts";
import { type Issuer, startIssuer } from "./issuer.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const verifierOf = (issuer: Issuer) =>
  createVerifier({ issuer: issuer.url, audience: issuer.url, fetcher: issuer.fetcher, now: () => issuer.time });

/** A request's context. `settled` waits until all of its background work is done. */
function context(): VerificationContext & { settled(): Promise<unknown> } {
  const works: Promise<unknown>[] = [];
  return { waitUntil: (work) => works.push(work), settled: () => Promise.all(works) };
}

/** Delays the responses until the returned function is called. */
function hold(issuer: Issuer): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  issuer.answers = () => promise.then(issuer.sendKeys);
  return resolve;
}

/** An issuer, a verifier of its tokens, and one token. */
async function start(headers?: Record<string, string>) {
  const issuer = await startIssuer(headers);
  return { issuer, verify: verifierOf(issuer), token: await issuer.token("first") };
}

const down = () => {
  throw new Error("The issuer is down.");
};

describe("the keys of an issuer", () => {
  it("are read once for all verifiers of this isolate", async () => {
    const issuer = await startIssuer();
    for (let times = 0; times < 5; times++) await verifierOf(issuer)(await issuer.token("first"));
    expect(issuer.asked).toBe(1);
  });

  it("are read once for fifty requests at once", async () => {
    const { issuer, verify, token } = await start();
    const release = hold(issuer);
    const all = Array.from({ length: 50 }, () => verify(token));
    release();
    expect((await Promise.all(all)).map(({ iss }) => iss)).toEqual(Array(50).fill(issuer.url));
    expect(issuer.asked).toBe(1);
  });

  it("are read by the next request if the one that was reading them is cancelled", async () => {
    const { issuer, verify, token } = await start();
    issuer.answers = () => new Promise(() => {});
    verify(token).catch(() => undefined);
    issuer.answers = issuer.sendKeys;
    const waiting = verify(token);
    issuer.time += 5 * SECOND;
    expect(await waiting).toMatchObject({ iss: issuer.url });
    expect(issuer.asked).toBe(2);
  });

  it("are renewed before they go stale, in the background", async () => {
    const { issuer, verify, token } = await start();
    await verify(token);
    issuer.time += 3 * MINUTE;
    await verify(token, context());
    expect(issuer.asked, "fresh").toBe(1);

    issuer.time += 1.5 * MINUTE;
    const release = hold(issuer);
    const request = context();
    await verify(token, request);
    await verify(token, context());
    expect(issuer.asked, "one flight, and no request waits").toBe(2);
    release();
    await request.settled();
    issuer.time += 3 * MINUTE;
    await verify(token, context());
    expect(issuer.asked, "fresh again").toBe(2);
  });

  it("are renewed by a request that waits, where it has no context to leave work to", async () => {
    const { issuer, verify, token } = await start();
    await verify(token);
    issuer.time += 4.5 * MINUTE;
    const release = hold(issuer);
    let isVerified = false;
    const waiting = verify(token).then(() => {
      isVerified = true;
    });
    // Later requests do not wait, because they have a context, and are answered at once.
    await verify(token, context());
    await verify(token, context());
    expect(isVerified).toBe(false);
    release();
    await waiting;
    issuer.time += 3 * MINUTE;
    await verify(token);
    expect(issuer.asked).toBe(2);
  });

  it("are read again before they are believed after a lull, in which one may have been revoked", async () => {
    const { issuer, verify, token } = await start();
    await issuer.publish("second");
    await verify(token);
    issuer.withdraw("first");
    issuer.time += 6 * MINUTE;
    await expect(verify(token, context())).rejects.toMatchObject({ code: "unknown_key" });
    await verify(await issuer.token("second"), context());
    expect(issuer.asked).toBe(2);
  });

  it("stay the last good ones while the issuer is down, and no request waits", async () => {
    const { issuer, verify, token: known } = await start();
    await verify(known);
    issuer.answers = down;
    issuer.time += HOUR;
    const token = await issuer.token("first");
    await verify(token, context());
    expect(issuer.asked).toBe(2);
    issuer.answers = () => new Promise(() => {});
    issuer.time += 3 * SECOND;
    await verify(token, context());
    expect(issuer.asked, "asked again in the background").toBe(3);
    await verify(token, context());
    expect(issuer.asked, "by one at a time").toBe(3);
    issuer.time += 10 * SECOND;
    issuer.answers = issuer.sendKeys;
    const request = context();
    await verify(token, request);
    await request.settled();
    issuer.time += MINUTE;
    await verify(token, context());
    expect(issuer.asked, "until it answers").toBe(4);
  });

  it("are read again before they are believed after a lull, though the last try before it failed", async () => {
    const { issuer, verify } = await start();
    const token = await issuer.token("first", { exp: Math.floor(issuer.time / SECOND) + 12 * 3_600 });
    await issuer.publish("second");
    await verify(token);
    issuer.answers = down;
    issuer.time += 4.5 * MINUTE;
    await verify(token);
    issuer.answers = issuer.sendKeys;
    issuer.withdraw("first");
    issuer.time += 10 * HOUR;
    await expect(verify(token, context())).rejects.toMatchObject({ code: "unknown_key" });
  });

  it("are read again after the clock was set back", async () => {
    const { issuer, verify } = await start();
    // The first read never ends, as if its request was cancelled. The next read fails.
    issuer.answers = () => new Promise(() => {});
    verify(await issuer.token("first")).catch(() => undefined);
    issuer.time -= HOUR;
    issuer.answers = down;
    await expect(verify(await issuer.token("first"))).rejects.toMatchObject({ code: "keys_unavailable" });
    issuer.time -= HOUR;
    issuer.answers = issuer.sendKeys;
    await verify(await issuer.token("first"));
    expect(issuer.asked).toBe(3);
    issuer.time -= HOUR;
    issuer.withdraw("first");
    await issuer.publish("second");
    await expect(verify(await issuer.token("first"))).rejects.toMatchObject({ code: "unknown_key" });
  });

  it("are not replaced by an answer that comes after a later one", async () => {
    const issuer = await startIssuer();
    await issuer.publish("second");
    const [late, old] = [Promise.withResolvers<Response>(), issuer.sendKeys()];
    issuer.answers = () => late.promise;
    const verify = verifierOf(issuer);
    const token = await issuer.token("first");
    const waiting = verify(token);
    issuer.withdraw("first");
    issuer.answers = issuer.sendKeys;
    issuer.time += 5 * SECOND;
    await verify(await issuer.token("second"));
    late.resolve(old);
    await expect(waiting).rejects.toMatchObject({ code: "unknown_key" });
    await expect(verify(token)).rejects.toMatchObject({ code: "unknown_key" });
  });

  it.each([
    ["an error", () => new Response("no", { status: 500 })],
    ["a redirect", () => new Response(null, { status: 302, headers: { Location: "https://evil.example/" } })],
    ["something that is no JSON", () => new Response("<!doctype html>")],
    ["an empty set", () => Response.json({ keys: [] })],
    ["no set", () => Response.json(null)],
    [
      "keys of a kind that Postern has not",
      () => Response.json({ keys: [{ kid: "x", alg: "HS256", k: "c2VjcmV0" }, 1] }),
    ],
    ["a broken key", () => Response.json({ keys: [{ kid: "x", alg: "ES256", kty: "EC", crv: "P-256", x: "AA" }] })],
  ])("are not replaced by %s", async (_, answer) => {
    const { issuer, verify, token } = await start();
    await verify(token);
    issuer.answers = answer;
    issuer.time += 6 * MINUTE;
    await verify(token);
    expect(issuer.asked).toBe(2);
  });

  it("are believed for a day at most when the issuer is down", async () => {
    const { issuer, verify, token } = await start();
    await verify(token);
    issuer.answers = down;
    issuer.time += 23 * HOUR;
    await verify(await issuer.token("first"));
    issuer.time += HOUR;
    await expect(verify(await issuer.token("first"))).rejects.toMatchObject({ code: "keys_unavailable" });
  });

  it("are missed with a code of their own where they could never be read, and asked for again soon", async () => {
    const { issuer, verify } = await start();
    issuer.answers = down;
    const token = await issuer.token("first");
    for (let times = 0; times < 3; times++) {
      await expect(verify(token)).rejects.toMatchObject({ code: "keys_unavailable", isTemporary: true });
    }
    expect(issuer.asked, "left alone after a failure").toBe(1);
    issuer.answers = issuer.sendKeys;
    issuer.time += 2 * SECOND;
    await verify(token);
  });

  it("are looked up once for an id that is not among them, and then not for a while", async () => {
    const { issuer, verify, token: known } = await start();
    await verify(known);
    await issuer.publish("second");
    const token = await issuer.token("second");
    await expect(verify(token), "just read").rejects.toMatchObject({ code: "unknown_key" });
    issuer.time += 10 * SECOND;
    await verify(token);
    expect(issuer.asked).toBe(2);

    const forgeries = await startIssuer();
    for (let number = 0; number < 20; number++) {
      await forgeries.publish(`forged-${number}`);
      const forged = await forgeries.token(`forged-${number}`, { iss: issuer.url, aud: issuer.url });
      await expect(verify(forged)).rejects.toMatchObject({ code: "unknown_key" });
    }
    expect(issuer.asked, "forged ids make no work").toBe(2);
  });

  it("are looked up every two seconds at most for ids that are not among them while the issuer is down", async () => {
    const { issuer, verify } = await start();
    const known = await issuer.token("first");
    await verify(known);
    await issuer.publish("second");
    const token = await issuer.token("second");
    issuer.answers = down;
    issuer.time += 10 * SECOND;
    for (const asked of [2, 3]) {
      for (let times = 0; times < 5; times++) {
        await expect(verify(token)).rejects.toMatchObject({ code: "unknown_key" });
        await verify(known);
      }
      expect(issuer.asked).toBe(asked);
      issuer.time += 2 * SECOND;
    }
    issuer.answers = issuer.sendKeys;
    await verify(token);
  });

  it.each([
    ["an hour", { "Cache-Control": "public, max-age=86400" }, HOUR],
    ["five minutes, where it names none", { "Cache-Control": "no-store" }, 5 * MINUTE],
    ["five minutes", {}, 5 * MINUTE],
    ["what is left", { "Cache-Control": "max-age=600", Age: "480" }, 2 * MINUTE],
    ["a minute, where nothing is left", { "Cache-Control": "max-age=600", Age: "900" }, MINUTE],
  ])("are kept for %s by the issuer's word", async (_, headers, lifetime) => {
    const { issuer, verify, token } = await start(headers);
    await verify(token);
    issuer.time += lifetime * 0.8 - SECOND;
    await verify(await issuer.token("first"));
    expect(issuer.asked).toBe(1);
    issuer.time += SECOND;
    await verify(await issuer.token("first"));
    expect(issuer.asked).toBe(2);
  });
});
