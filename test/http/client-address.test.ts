import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { clientAddress, clientNetwork } from "../../src/http/client-address.ts";

async function seen(headers: Record<string, string>) {
  const app = new Hono().get("/", (c) => c.json([clientAddress(c), clientNetwork(c)]));
  const response = await app.request("/", { headers });
  return response.json();
}

describe("the client's address", () => {
  it.each([
    ["203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2:ffff::", "2001:db8:1:2::/64"],
    ["2001:0db8:0001:0002::9", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8::", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::2:3:4:5:6:203.0.113.7", "0:2:3:4::/64"],
  ])("%s counts as %s, and is kept whole elsewhere", async (address, network) => {
    expect(await seen({ "CF-Connecting-IP": address })).toEqual([address, network]);
  });

  it("comes from no other header [LG-7]", async () => {
    const headers = { "X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7", "True-Client-IP": "203.0.113.7" };
    const more = { "X-Client-IP": "203.0.113.7", Forwarded: 'for="203.0.113.7"' };
    expect(await seen({ ...headers, ...more })).toEqual(["unknown", "unknown"]);
  });
});
