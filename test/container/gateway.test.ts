import { describe, expect, it } from "vitest";
import gateway from "../../src/container/gateway.ts";
import { addressOf, readTrustedProxy } from "../../src/container/trusted-proxy.ts";

const clientOf = (peer: string, headers: Record<string, string>, variables: Record<string, string> = {}) =>
  readTrustedProxy({ TRUSTED_PROXY: "172.30.0.0/24, 2001:db8::1", ...variables }).clientOf(peer, new Headers(headers));

describe("the container's trusted proxy", () => {
  it("takes the last address in the header that is no trusted proxy: the ones before it may be forged", () => {
    const addressFrom = (header: string) => clientOf("172.30.0.2", { "X-Forwarded-For": header }).address;
    expect(addressFrom("6.6.6.6, 203.0.113.9")).toBe("203.0.113.9");
    expect(addressFrom("6.6.6.6, 203.0.113.9:1234, 172.30.0.7")).toBe("203.0.113.9");
    expect(addressFrom("2001:DB8::5")).toBe("2001:db8::5");
    expect(addressFrom("203.0.113.9, made up")).toBe("172.30.0.2");
    expect(addressFrom("")).toBe("172.30.0.2");
    expect(addressFrom("172.30.0.9, 172.30.0.7")).toBe("172.30.0.9");
  });

  it("ignores the headers of every other peer", () => {
    const headers = { "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https" };
    expect(clientOf("172.31.0.2", headers)).toEqual({ address: "172.31.0.2", secure: false });
    expect(clientOf("unknown", headers)).toEqual({ address: "unknown", secure: false });
    expect(clientOf("2001:db8::1", headers)).toEqual({ address: "203.0.113.9", secure: true });
    expect(clientOf("172.30.0.2", { "X-Forwarded-Proto": "http" }).secure).toBe(false);
  });

  it("reads the header that TRUSTED_PROXY_HEADER names, and no other", () => {
    const headers = { "X-Real-IP": "203.0.113.9", "X-Forwarded-For": "6.6.6.6" };
    expect(clientOf("172.30.0.2", headers, { TRUSTED_PROXY_HEADER: "X-Real-IP" }).address).toBe("203.0.113.9");
  });

  it("says what is wrong with its variables, and needs a proxy outside development", () => {
    const read = (variables: Record<string, string>) => () => readTrustedProxy(variables);
    expect(read({ ENVIRONMENT: "" })).toThrow("TRUSTED_PROXY is missing.");
    expect(read({ ENVIRONMENT: "development", TRUSTED_PROXY: "", TRUSTED_PROXY_HEADER: "" })).not.toThrow();
    for (const wrong of ["caddy", "10.0.0.0/33", "10.0.0.1,", "::/129", "10.0.0.0/8/8"])
      expect(read({ TRUSTED_PROXY: wrong }), wrong).toThrow("TRUSTED_PROXY takes addresses or networks");
    for (const wrong of ["Forwarded", "X Real IP"])
      expect(read({ TRUSTED_PROXY: "::1", TRUSTED_PROXY_HEADER: wrong }), wrong).toThrow("TRUSTED_PROXY_HEADER takes");
  });

  it("reads addresses as sockets and proxies write them", () => {
    expect(addressOf("[::ffff:192.0.2.1]:443")).toBe("192.0.2.1");
    expect(addressOf("192.0.2.1:443")).toBe("192.0.2.1");
    expect(addressOf("[2001:DB8::1]:443")).toBe("2001:db8::1");
    expect(addressOf("unix:/socket")).toBeUndefined();
    expect(addressOf(undefined)).toBeUndefined();
  });
});

describe("the container's gateway", () => {
  const passOn = async (url: string, clientIp: string, headers = {}) => {
    const passed: Request[] = [];
    const site = { fetch: async (request: Request) => passed.push(request) && new Response() };
    const request = new Request(url, { headers, cf: { clientIp } }) as unknown as Parameters<typeof gateway.fetch>[0];
    await gateway.fetch(request, {
      SITE: site as unknown as Fetcher,
      ENVIRONMENT: "",
      TRUSTED_PROXY: "",
      TRUSTED_PROXY_HEADER: "",
    });
    return { url: passed[0]?.url, address: passed[0]?.headers.get("CF-Connecting-IP") };
  };

  it("replaces the client's own CF-Connecting-IP by the address of the socket", async () => {
    const forged = { "CF-Connecting-IP": "6.6.6.6", "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https" };
    const passed = await passOn("https://auth.example.com/login?a=b", "[::ffff:192.0.2.1]:4711", forged);
    expect(passed).toEqual({ url: "http://auth.example.com/login?a=b", address: "192.0.2.1" });
  });

  it("needs no TLS for a health check from the machine itself, and for nothing else", async () => {
    expect((await passOn("http://localhost/health/ready", "127.0.0.1:4711")).url).toMatch(/^https:/);
    expect((await passOn("http://localhost/health", "192.0.2.1:4711")).url).toMatch(/^http:/);
    expect((await passOn("http://localhost/healthy", "127.0.0.1:4711")).url).toMatch(/^http:/);
  });
});
