import { type Answer, type Endpoint, Reply } from "../../src/endpoint/endpoint.ts";
import type { Services } from "../../src/endpoint/services.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { isRefusal } from "../../src/platform/refusal.ts";
import { freshAddress, ORIGIN } from "./client.ts";

/** Runs an endpoint without HTTP, with the test's own services. Does not validate the body. */
export function runEndpoint(
  endpoint: Endpoint,
  services: Services,
  { body, bearer, address = freshAddress() }: { body?: unknown; bearer?: string; address?: string } = {},
): Promise<Answer> {
  const exchange: Exchange = {
    url: ORIGIN,
    headers: new Headers(),
    header: () => undefined,
    query: () => undefined,
    bearerToken: () => bearer,
    isForBrowser: () => false,
    cookies: () => [],
    hasAllowedOrigin: () => false,
    addHeaders() {},
    setCookie() {},
    identify() {},
    fetchAsset: () => Promise.reject(new Error("There are no assets below HTTP.")),
  };
  const client = { network: address, ipAddress: address, userAgent: null, country: null, locale: "en" } as const;
  return endpoint.run(services, { body, query: undefined, id: "", sessionId: "", name: "", client, exchange });
}

/** The code of a refusal, or the body of a success. */
export function outcomeOf(answer: Answer): unknown {
  if (isRefusal(answer)) return answer.code;
  return answer instanceof Reply ? answer.body : answer;
}
