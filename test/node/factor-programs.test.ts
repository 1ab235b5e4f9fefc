/** Compares codes and QR codes with other programs: oathtool, rsvg-convert and zbarimg of Debian. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import * as z from "zod";
import { logIn, post, register } from "./live-person.ts";
import { useSharedService } from "./live-service.ts";

const run = promisify(execFile);
const has = (program: string) => spawnSync(program, ["--version"]).error === undefined;
const hasPrograms = ["oathtool", "rsvg-convert", "zbarimg"].every(has);

const service = useSharedService();
const appSchema = z.object({ id: z.uuid(), secret: z.string(), uri: z.string(), qr_svg: z.string() });

/** The code that oathtool shows for a secret, `late` steps of 30 seconds from now. */
async function oathtool(secret: string, late = 0): Promise<string> {
  const time = `--now=@${Math.floor(Date.now() / 1_000) + late * 30}`;
  return (await run("oathtool", ["--totp", "--base32", time, secret])).stdout.trim();
}

async function newApp() {
  const person = await register(service.origin);
  const { access_token: bearer } = await logIn(service.origin, person);
  const added = await post(service.origin, "/api/v1/users/me/factors/totp", {}, bearer);
  expect(added.status).toBe(201);
  return { person, bearer, ...appSchema.parse(await added.json()) };
}

describe.skipIf(!hasPrograms)("an authenticator app", () => {
  it("is confirmed, and logs in, with the codes that oathtool shows [MF-1]", async () => {
    const { person, bearer, secret } = await newApp();
    const confirmed = await post(
      service.origin,
      "/api/v1/users/me/factors/totp/confirm",
      { code: await oathtool(secret) },
      bearer,
    );
    expect(confirmed.status, await confirmed.text()).toBe(200);

    const login = { email: person.email, password: person.password };
    const asked = await post(service.origin, "/api/v1/auth/login", login);
    const { pending_token } = z.object({ pending_token: z.string() }).parse(await asked.json());
    // The current code has been used. The next one is accepted up to one step early.
    const totp = await oathtool(secret, 1);
    const answer = await post(service.origin, "/api/v1/auth/second-factor", { pending_token, totp });
    expect(answer.status, await answer.text()).toBe(200);
  });

  it("is set up by the QR code: zbarimg reads the address in it, with the secret and the names", async () => {
    const { person, secret, uri, qr_svg: svg } = await newApp();
    const folder = mkdtempSync(join(tmpdir(), "postern-qr-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const picture = join(folder, "qr.png");
    writeFileSync(join(folder, "qr.svg"), svg);
    await run("rsvg-convert", [
      "--width=400",
      "--background-color=white",
      `--output=${picture}`,
      join(folder, "qr.svg"),
    ]);
    const { stdout } = await run("zbarimg", ["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", picture]);
    expect(stdout.trimEnd()).toBe(uri);

    const read = new URL(stdout.trimEnd());
    expect([read.protocol, read.host]).toEqual(["otpauth:", "totp"]);
    expect(decodeURIComponent(read.pathname)).toBe(`/Postern:${person.email}`);
    expect(Object.fromEntries(read.searchParams)).toEqual({
      ...{ secret, issuer: "Postern", algorithm: "SHA1", digits: "6", period: "30" },
    });
  });
});
