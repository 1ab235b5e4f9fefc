/** Hostile headers: credentials in wrong forms, false claims about the client and its address, and wrong syntax. */
import fc from "fast-check";
import { CANARY } from "./cast.ts";

/** One header that a client may send. If a name comes twice, the values are joined, as HTTP does. */
export function header(): fc.Arbitrary<[string, string]> {
  const printable = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) });
  const anything = fc.oneof(
    printable,
    fc.constantFrom("", ",", ";", '"', "*", "=", "x".repeat(8_000), "a,".repeat(2_000)),
  );
  const listed: Record<string, readonly string[]> = {
    Authorization: [
      "Bearer",
      `Bearer ${CANARY}`,
      `Basic ${btoa(`${CANARY}:${CANARY}`)}`,
      "Bearer <<user.access>>x",
      "bearer  <<superuser.access>>",
      "Bearer <<user.refresh>>",
      "Bearer <<user.access>>, Bearer <<superuser.access>>",
      `Digest username="${CANARY}"`,
      `Bearer ${"a.".repeat(3_000)}`,
    ],
    Cookie: [
      "postern_refresh=<<user.refresh>>",
      `postern_refresh=${CANARY}`,
      "postern_refresh=%E0%A4%A",
      "postern_refresh=<<user.refresh>>; postern_refresh=<<target.refresh>>",
      `${CANARY}; =; ;;=${CANARY}; "`,
      `a=${"b".repeat(8_000)}`,
    ],
    Origin: [
      "null",
      "http://localhost:8787",
      "https://evil.example",
      "http://localhost:8787, https://evil.example",
      "//",
    ],
    "If-Match": ["*", '""', '"x", *', 'W/"1-0"', "0", `"${"1".repeat(4_000)}"`],
    "If-None-Match": ["*", '"', 'W/"x", "y"', "\t"],
    "If-Modified-Since": ["yesterday", "Thu, 01 Jan 1970 00:00:00 GMT"],
    Range: ["bytes=0-0", "bytes=9999999-", "bytes=-1", "lines=1", "bytes=0-0,1-1,2-2"],
    "Accept-Language": ["*", "de;q=0", "de;q=1e9", "de-".repeat(2_000), "de,".repeat(3_000), ";q=", "en;q=0.0001"],
    "Accept-Encoding": ["gzip;q=0", "br", "identity;q=0, *;q=0"],
    Accept: ["text/html", "image/*", "q"],
    "X-Request-Id": ["short", "a%0d%0aSet-Cookie:x", "x".repeat(65), "../../etc", "<b>bold</b>"],
    "CF-Connecting-IP": [
      "",
      "::",
      ":::::::::",
      "1.2.3.4, 5.6.7.8",
      "::ffff:1.2.3.4",
      "fe80::1%eth0",
      "unknown",
      "1".repeat(5_000),
    ],
    "X-Forwarded-For": ["127.0.0.1"],
    "X-Forwarded-Host": ["evil.example"],
    "X-Forwarded-Proto": ["javascript"],
    "X-HTTP-Method-Override": ["DELETE"],
    "X-Original-URL": ["/dev/outbox"],
    "Content-Encoding": ["gzip", "br", "identity", "gzip, gzip"],
    "Transfer-Encoding": ["chunked", "gzip, chunked", "x"],
    Expect: ["100-continue", "nothing"],
    Upgrade: ["websocket", "h2c"],
    Connection: ["Upgrade", "close, Authorization"],
    "User-Agent": ["", "' OR 1=1 --", "<script>", "()  { :;}; echo"],
    "Access-Control-Request-Method": ["POST", "", "TRACE"],
    "Access-Control-Request-Headers": ["authorization", "*", "x".repeat(4_000)],
    "Sec-Fetch-Site": ["cross-site"],
    Host: ["evil.example", "localhost:99999"],
  };
  return fc
    .constantFrom(...Object.entries(listed))
    .chain(([name, values]) =>
      fc
        .oneof({ weight: 5, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: anything })
        .map((value): [string, string] => [name, value]),
    );
}
