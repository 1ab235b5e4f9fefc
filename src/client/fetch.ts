import type { Session } from "./session.ts";
import type { Fetch, TokenPair } from "./types.ts";

/** A `fetch` that sends the access token only to the origins of these URLs. The first URL is the service's. */
export function createFetch(
  [baseUrl = "", ...apis]: readonly string[],
  session: Pick<Session, "accessToken" | "replacementOf">,
  fetch: Fetch,
): Fetch {
  const origins = new Set([baseUrl, ...apis].map((url) => new URL(url).origin));
  /** Tokens that an origin refused although they were new. Another refresh would not help there. */
  const refusedWhenNew = new Map<string, TokenPair>();

  return async (input, init) => {
    const request = typeof input === "object" && "url" in input ? input : undefined;
    const target = request ?? new URL(input.toString(), baseUrl);
    const headers = new Headers(init?.headers ?? request?.headers);
    const { origin } = new URL(request?.url ?? target.toString());
    // A caller that sets its own Authorization header keeps it.
    if (!origins.has(origin) || headers.has("Authorization")) return fetch(target, init);

    const send = (token: string) => {
      headers.set("Authorization", `Bearer ${token}`);
      return fetch(target, { ...init, headers });
    };
    const tokens = await session.accessToken();
    if (tokens === undefined) return fetch(target, init);
    const response = await send(tokens.access_token);
    if (response.status !== 401 || !canSendAgain(request, init)) return response;
    if (refusedWhenNew.get(origin) === tokens) return response;
    const newer = await session.replacementOf(tokens);
    if (newer === undefined) return response;
    await response.body?.cancel();
    const second = await send(newer.access_token);
    if (second.status === 401) refusedWhenNew.set(origin, newer);
    return second;
  };
}

/** A stream can be read only once, and the body of a `Request` is a stream. Only GET and HEAD never have a body. */
function canSendAgain(request: Request | undefined, init: RequestInit | undefined): boolean {
  const body = init?.body;
  if (body !== undefined && body !== null) return !(body instanceof ReadableStream);
  return request === undefined || /^(GET|HEAD)$/.test(request.method);
}
