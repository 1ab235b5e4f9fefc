import type { Session } from "./session.ts";
import type { Fetch, TokenPair } from "./types.ts";

/**
 * `fetch` that carries the access token to the origins of these URLs, the first of which is the service's, and to no
 * other.
 */
export function createFetch(
  [baseUrl = "", ...apis]: readonly string[],
  session: Pick<Session, "accessToken" | "replacementOf">,
  fetch: Fetch,
): Fetch {
  const origins = new Set([baseUrl, ...apis].map((url) => new URL(url).origin));
  /** By origin, tokens that were refused there when they were new: others would fare no better. */
  const refusedWhenNew = new Map<string, TokenPair>();

  return async (input, init) => {
    const request = typeof input === "object" && "url" in input ? input : undefined;
    const target = request ?? new URL(input.toString(), baseUrl);
    const headers = new Headers(init?.headers ?? request?.headers);
    const { origin } = new URL(request?.url ?? target.toString());
    // Whoever brings a token of their own knows better.
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

/** Not a stream, which is read once, nor the body of a `Request`, which is one. */
function canSendAgain(request: Request | undefined, init: RequestInit | undefined): boolean {
  const body = init?.body;
  if (body !== undefined && body !== null) return !(body instanceof ReadableStream);
  return request === undefined || /^(GET|HEAD)$/.test(request.method);
}
