/** Runs the programs of docs/other-languages.md with tokens of the service, and with tokens that they must refuse. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { logIn, register } from "./live-person.ts";
import { useSharedService } from "./live-service.ts";
import { freePort } from "./loopback.ts";
import { readBlocks } from "./markdown.ts";
import { plainEnvironment } from "./run-program.ts";
import { TREE } from "./tree-files.ts";

const PAGE = "docs/other-languages.md";
const WRITTEN = "http://localhost:8787";
const PYTHON = "/usr/bin/python3";

const folder = mkdtempSync(join(tmpdir(), "postern-languages-"));
// The programs look for packages in the folder that they are in.
symlinkSync(join(TREE, "node_modules"), join(folder, "node_modules"));
const ends: (() => void)[] = [];
const service = useSharedService();

/** The test's own issuer, so that a token can have one fault and still be signed by the right key. */
const pair = await generateKeyPair("ES256", { extractable: true });
const foreign = await generateKeyPair("ES256");
const jwk = await exportJWK(pair.publicKey);
const kid = await calculateJwkThumbprint(jwk);
let issuer: Server;
let origin = "";

beforeAll(async () => {
  const port = await freePort();
  origin = `http://localhost:${port}`;
  const documents: Record<string, object> = {
    "/.well-known/jwks.json": { keys: [{ ...jwk, kid, alg: "ES256", use: "sig" }] },
    "/.well-known/oauth-authorization-server": { issuer: origin, jwks_uri: `${origin}/.well-known/jwks.json` },
  };
  issuer = createServer(({ url = "" }, response) => {
    const found = documents[url];
    response.writeHead(found === undefined ? 404 : 200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(found ?? {}));
  });
  await new Promise<void>((listening) => issuer.listen(port, listening));
});

afterAll(() => {
  for (const end of ends) end();
  issuer.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A token like Postern's, with these claims and these members of its header changed. */
function sign(claims: object = {}, header: object = {}, key = pair.privateKey): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const [sub, sid, jti] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
  const usual = { iss: origin, aud: origin, sub, sid, jti, iat: now, exp: now + 1_800, client_id: "postern" };
  return new SignJWT({ ...usual, role: "user", email_verified: true, ...claims })
    .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid, ...header })
    .sign(key);
}

/** A token with another header and this signature. */
function withHeader(token: string, header: object, signature: string): string {
  const [, payload] = token.split(".");
  return `${Buffer.from(JSON.stringify({ typ: "at+jwt", kid, ...header })).toString("base64url")}.${payload}.${signature}`;
}

/** Writes a program of the page for an issuer. Returns its path. */
function write(file: string, issuedBy: string, port?: number): string {
  const block = readBlocks(PAGE).find((candidate) => candidate.file === file);
  if (block === undefined) throw new Error(`${PAGE} has no ${file}.`);
  const path = join(folder, `${crypto.randomUUID()}-${file}`);
  const text = block.text.replaceAll(WRITTEN, issuedBy);
  writeFileSync(path, port === undefined ? text : text.replaceAll("3000", String(port)));
  return path;
}

/** For a program that takes a token on its command line. Returns the user's id if the program accepts the token. */
function byCommand(command: string, file: string) {
  return async (issuedBy: string) => {
    const path = write(file, issuedBy);
    return (token: string) =>
      new Promise<string | undefined>((done) => {
        execFile(command, [path, token], { env: plainEnvironment() }, (_, output) =>
          done(/: user (\S+)\n$/.exec(output)?.[1]),
        );
      });
  };
}

/** For an API with a route /me. Returns the user's id if the API accepts the token. */
function byApi(open: (issuedBy: string) => Promise<(headers: Record<string, string>) => Promise<Response>>) {
  return async (issuedBy: string) => {
    const ask = await open(issuedBy);
    return async (token: string): Promise<string | undefined> => {
      const response = await ask({ Authorization: `Bearer ${token}` });
      if (response.status === 200) return JSON.parse(await response.text()).sub;
      expect(response.status).toBe(401);
      return undefined;
    };
  };
}

const openExpress = byApi(async (issuedBy) => {
  const port = await freePort();
  const child = execFile(process.execPath, [write("express.mjs", issuedBy, port)], { env: plainEnvironment() });
  ends.push(() => child.kill());
  const ask = (headers: Record<string, string>) => fetch(`http://localhost:${port}/me`, { headers });
  await vi.waitFor(() => ask({}), { timeout: 30_000, interval: 100 });
  return ask;
});

const openHono = byApi(async (issuedBy) => {
  const { default: app } = await import(pathToFileURL(write("hono.mjs", issuedBy)).href);
  return async (headers) => app.request("/me", { headers });
});

const programs = [
  { name: "jose", open: byCommand(process.execPath, "verify.mjs") },
  { name: "jsonwebtoken and jwks-rsa", open: byCommand(process.execPath, "verify-jsonwebtoken.mjs") },
  { name: "fast-jwt", open: byCommand(process.execPath, "verify-fast-jwt.mjs") },
  { name: "express-oauth2-jwt-bearer", open: openExpress },
  { name: "hono/jwk", open: openHono },
  { name: "PyJWT", open: byCommand(PYTHON, "verify.py") },
];

const hasPyJwt = await new Promise<boolean>((done) => {
  if (!existsSync(PYTHON)) return done(false);
  execFile(PYTHON, ["-c", "import jwt, cryptography"], (error) => done(error === null));
});

describe.each(programs)("the program of docs/other-languages.md with $name", ({ name, open }) => {
  const isMissing = name === "PyJWT" && !hasPyJwt;

  it.skipIf(isMissing)("accepts an access token of the service", async () => {
    const person = await register(service.origin);
    const { access_token: token } = await logIn(service.origin, person);
    const verify = await open(service.origin);
    expect(await verify(token)).toBe(decodeJwt(token).sub);
  });

  it.skipIf(isMissing)("refuses every token that is wrong in one thing", async () => {
    const verify = await open(origin);
    const good = await sign();
    expect(await verify(good)).toEqual(expect.any(String));
    const hour = Math.floor(Date.now() / 1_000) - 3_600;
    const [, payload = ""] = good.split(".");
    const bad = {
      "another type": await sign({}, { typ: "JWT" }),
      "no type": await sign({}, { typ: undefined }),
      "another issuer": await sign({ iss: "https://evil.example" }),
      "another audience": await sign({ aud: "https://other.example" }),
      expired: await sign({ iat: hour - 60, exp: hour }),
      "another key": await sign({}, {}, foreign.privateKey),
      "a key id that is not published": await sign({}, { kid: "unknown" }),
      "no signature": withHeader(good, { alg: "none" }, ""),
      "another algorithm": withHeader(good, { alg: "HS256" }, Buffer.from(payload).toString("base64url").slice(0, 43)),
      "not a token": "nonsense",
    };
    for (const [fault, token] of Object.entries(bad)) expect(await verify(token), fault).toBeUndefined();
  });
});

it("has a program for each library that the page names", () => {
  const files = readBlocks(PAGE).flatMap(({ file }) => file ?? []);
  expect(files).toHaveLength(programs.length);
});
