/**
 * The Worker that receives the container's HTTP requests. It does what Cloudflare does in front of a Worker: it tells
 * the service the client's address, and whether the client used TLS. Then it passes the request on to the service
 * `site` of workerd, which serves a static file or runs Postern.
 */
import { env } from "cloudflare:workers";
import { addressOf, type ProxyVariables, readTrustedProxy } from "./trusted-proxy.ts";

interface GatewayBindings extends ProxyVariables {
  SITE: Fetcher;
}

declare global {
  namespace Cloudflare {
    interface Env extends Partial<ProxyVariables> {}
  }
}

// A wrong value stops workerd here, before it listens.
const proxy = readTrustedProxy(env);

export default {
  fetch(request, { SITE }) {
    const peer = addressOf(request.cf?.clientIp) ?? "unknown";
    const { address, secure } = proxy.clientOf(peer, request.headers);
    const url = new URL(request.url);
    url.protocol = secure || isHealthCheck(peer, url) ? "https:" : "http:";
    const headers = new Headers(request.headers);
    headers.set("CF-Connecting-IP", address);
    return SITE.fetch(new Request(url, new Request(request, { headers })));
  },
} satisfies ExportedHandler<GatewayBindings>;

/** Docker's health check runs inside the container, without TLS. Such a request counts as HTTPS. */
function isHealthCheck(peer: string, { pathname }: URL): boolean {
  return (peer === "127.0.0.1" || peer === "::1") && /^\/health(\/|$)/.test(pathname);
}
