/** The doctor's round trip from registering to logging out, against services that misbehave. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeBase64url } from "../../src/platform/encoding.ts";
import { answer, examine, makeConfigured, startStandIn } from "./doctoring.ts";
import { type LocalDatabase, makeLocalDatabase } from "./local-database.ts";
import { makeTree } from "./stand-in.ts";

const about = { version: "0.1.0", registration: "open", challenge: null, links: { jwks: "" } };
const tokens = { access_token: "a", refresh_token: "r" };

async function travel(routes: Record<string, unknown> = {}, env: Record<string, string> = {}) {
  return examine("round-trip", ["--url", await startStandIn(routes)], makeTree(), { env });
}

describe("The doctor's round trip", () => {
  it("says what it needs where it can make no account", async () => {
    const { code, lines } = await travel();
    expect([code, lines]).toEqual([
      0,
      [expect.stringMatching(/^skipped: .*no outbox\. → .*DOCTOR_EMAIL and DOCTOR_PASSWORD/)],
    ]);
    const invited = await travel({
      "/": { ...about, registration: "invitation" },
      "/dev/outbox": { items: [] },
    });
    expect(invited.lines).toEqual([expect.stringMatching(/^skipped: Registration is not open\. → .*DOCTOR_EMAIL/)]);
    const challenged = await travel({ "/": { ...about, challenge: "turnstile" } });
    expect(challenged.lines).toEqual([expect.stringMatching(/^skipped: .*Turnstile/)]);
  });

  it("names the step that failed", async () => {
    const { code, lines } = await travel({
      "/dev/outbox": { items: [] },
      "/api/v1/auth/register": answer({ code: "internal_error" }, 500),
    });
    expect([code, lines]).toEqual([
      1,
      [expect.stringMatching(/^failed: Registering answered 500 \(internal_error\)\. → /)],
    ]);
  });

  it("waits for the email with the link, and deletes the account where a later step fails", async () => {
    let to = "";
    const mail = (words: string) => ({ items: [{ to, subject: "Confirm your address", text: words }] });
    // The answers to the doctor's looks at the outbox. The first look only finds out whether there is an outbox.
    const looks = [
      () => ({ items: [] }),
      () => ({ not: "an outbox" }),
      () => ({ items: [] }),
      () => mail("no link yet"),
      () => mail("https://auth.example.com/verify#token=the-token"),
    ];
    const steps: (string | undefined)[] = [];
    const { code, lines } = await travel({
      "/dev/outbox": (request: IncomingMessage, response: ServerResponse) =>
        answer(looks.shift()?.())(request, response),
      "/api/v1/auth/register": async (request: IncomingMessage, response: ServerResponse) => {
        to = JSON.parse(await text(request)).email;
        answer({}, 202)(request, response);
      },
      "/api/v1/auth/verify-email": async (request: IncomingMessage, response: ServerResponse) => {
        const { token } = JSON.parse(await text(request));
        answer({}, token === "the-token" ? 200 : 400)(request, response);
      },
      "/api/v1/auth/login": answer(tokens),
      "/api/v1/users/me": (request: IncomingMessage, response: ServerResponse) => {
        steps.push(request.method);
        response.writeHead(204).end();
      },
    });
    expect([code, lines]).toEqual([
      1,
      [expect.stringMatching(/^failed: Reading the user answered 204\. → Look for its request_id/)],
    ]);
    expect(steps).toEqual(["GET", "DELETE"]);
  });

  it("says what to do about refusals", async () => {
    const account = { DOCTOR_EMAIL: "me@example.com", DOCTOR_PASSWORD: "a password" };
    const wrong = await travel({ "/api/v1/auth/login": answer({ code: "invalid_credentials" }, 401) }, account);
    expect(wrong.lines).toEqual([
      expect.stringMatching(/^failed: Logging in answered 401 .* → Check DOCTOR_EMAIL and DOCTOR_PASSWORD\./),
    ]);
    const limited = await travel({ "/api/v1/auth/login": answer({ code: "rate_limited" }, 429) }, account);
    expect(limited.lines).toEqual([
      expect.stringMatching(/^failed: Logging in answered 429 \(rate_limited\)\. → Wait as long as the limit says/),
    ]);
  });

  it("tells where the published keys don't verify a token", async () => {
    const part = (value: object) => encodeBase64url(new TextEncoder().encode(JSON.stringify(value)));
    const claims = { iss: "https://auth.example.com", aud: "postern" };
    const access_token = `${part({ alg: "ES256", kid: "unknown", typ: "at+jwt" })}.${part(claims)}.${part({})}`;
    const account = { DOCTOR_EMAIL: "me@example.com", DOCTOR_PASSWORD: "a password" };
    const { lines } = await travel(
      {
        "/api/v1/auth/login": answer(tokens),
        "/api/v1/users/me": answer({}),
        "/api/v1/auth/refresh": answer({ ...tokens, access_token }),
        "/.well-known/jwks.json": { keys: [] },
      },
      account,
    );
    expect(lines).toEqual([
      expect.stringMatching(
        /^failed: The published keys do not verify a fresh token: .* → Check PUBLIC_URL, .* JWKS\./,
      ),
    ]);
  });

  it("tells where the service stops answering, or is not Postern", async () => {
    const account = { DOCTOR_EMAIL: "me@example.com", DOCTOR_PASSWORD: "a password" };
    const hangUp = ({ socket }: IncomingMessage) => void socket.destroy();
    expect((await travel({ "/api/v1/auth/login": hangUp }, account)).lines).toEqual([
      expect.stringMatching(/^failed: The service stopped answering: .* → Look for its request_id/),
    ]);
    expect((await travel({ "/": { hello: "world" } })).lines).toEqual([
      expect.stringMatching(/^skipped: Postern does not answer\. → .*`service`/),
    ]);
  });

  describe("at a deployed service", () => {
    let database: LocalDatabase;
    beforeAll(async () => {
      database = await makeLocalDatabase();
    });

    it("names the step that failed, and leaves no account", async () => {
      const url = await startStandIn({ "/api/v1/auth/login": answer({ code: "internal_error" }, 500) });
      const tree = makeConfigured(undefined, "", undefined, [], database);
      const { code, lines } = await examine("round-trip", ["--remote", "--url", url], tree);
      expect([code, lines]).toEqual([
        1,
        [
          expect.stringMatching(
            /^failed: The deployed service failed to log in: .* answered 500: .* → Look for its request_id/,
          ),
        ],
      ]);
      expect(database.rows("SELECT * FROM users WHERE email LIKE '%@postern.invalid'")).toEqual([]);
    });
  });
});
