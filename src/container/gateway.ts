/**
 * The Worker that owns the container's socket. It does what Cloudflare does in front of a Worker: it tells the service
 * who the client is, and whether the request came over TLS. It passes each request on to workerd, which serves a static
 * file or runs the service.
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

/** The container's health check comes from the container itself, where there is no TLS. */
function isHealthCheck(peer: string, { pathname }: URL): boolean {
  return (peer === "127.0.0.1" || peer === "::1") && /^\/health(\/|$)/.test(pathname);
}
