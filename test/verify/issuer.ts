/** An issuer that the test controls: its keys, its responses, and the number of requests. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { Fetcher } from "../../src/verify/index.ts";

export interface Issuer {
  url: string;
  /** The verifier's clock, in milliseconds since the epoch. */
  time: number;
  fetcher: Fetcher;
  /** The usual answer: the published keys. */
  sendKeys: () => Response;
  /** How often the key set was requested. */
  asked: number;
  /** Answers a request. While its promise is pending, the read is in progress. */
  answers: () => Response | Promise<Response>;
  publish(id: string): Promise<void>;
  withdraw(id: string): void;
  token(id: string, changes?: Record<string, unknown>): Promise<string>;
}

let issuers = 0;

/** An issuer with a new address, so that no isolate has its keys. */
export async function startIssuer(headers: Record<string, string> = { "Cache-Control": "public, max-age=300" }) {
  issuers += 1;
  const pairs = new Map<string, CryptoKeyPair>();
  const published = new Map<string, object>();
  const issuer: Issuer = {
    url: `https://issuer-${issuers}.example`,
    time: Date.parse("2026-11-25T12:00:00Z"),
    asked: 0,
    fetcher: {
      async fetch(address) {
        if (address !== `${issuer.url}/.well-known/jwks.json`)
          throw new Error(`The verifier must not request ${address}.`);
        issuer.asked += 1;
        return issuer.answers();
      },
    },
    sendKeys: () => Response.json({ keys: [...published.values()] }, { headers }),
    answers: () => issuer.sendKeys(),
    async publish(id) {
      const pair = await generateKeyPair("ES256", { extractable: true });
      pairs.set(keyId(id), pair);
      published.set(keyId(id), { ...(await exportJWK(pair.publicKey)), kid: keyId(id), alg: "ES256", use: "sig" });
    },
    withdraw: (id) => published.delete(keyId(id)),
    async token(id, changes = {}) {
      const key = pairs.get(keyId(id))?.privateKey;
      if (key === undefined) throw new Error(`There is no key ${id}.`);
      const now = Math.floor(issuer.time / 1000);
      return new SignJWT({
        iss: issuer.url,
        aud: issuer.url,
        sub: crypto.randomUUID(),
        sid: crypto.randomUUID(),
        jti: crypto.randomUUID(),
        iat: now,
        exp: now + 1_800,
        client_id: "postern",
        role: "user",
        email_verified: true,
        ...changes,
      })
        .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: keyId(id) })
        .sign(key);
    },
  };
  await issuer.publish("first");
  return issuer;
}

/** An id that is as long as a thumbprint. */
function keyId(name: string): string {
  return name.padEnd(43, "-");
}
