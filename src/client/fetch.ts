import { type PosternError, readError } from "./error.ts";
import type { Session } from "./session.ts";
import type { Fetch, TokenPair } from "./types.ts";

/** A `fetch` that sends the access token only to the origins of these URLs. The first URL is the service's. */
export function createFetch(
  [baseUrl = "", ...apis]: readonly string[],
  session: Pick<Session, "accessToken" | "replacementOf">,
  fetch: Fetch,
  onReauthenticationRequired?: (error: PosternError) => Promise<boolean>,
): Fetch {
  const origins = new Set([baseUrl, ...apis].map((url) => new URL(url).origin));
  /** By origin: tokens that the origin refused right after a refresh. Another refresh would not help. */
  const refusedWhenNew = new Map<string, TokenPair>();
  let asking: Promise<boolean> | undefined;

  /**
   * If a response demands a recent or stronger login, asks the user for it, and returns whether the user has logged in.
   * Returns `undefined` if the response demands nothing.
   */
  async function meetDemand(response: Response): Promise<boolean | undefined> {
    if (onReauthenticationRequired === undefined || (response.status !== 401 && response.status !== 403))
      return undefined;
    const error = await readError(response.clone());
    if (!DEMANDS.test(error.code)) return undefined;
    const land = () => {
      asking = undefined;
    };
    if (asking === undefined) {
      asking = onReauthenticationRequired(error);
      asking.then(land, land);
    }
    return asking;
  }

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
    /** Sends the request again with newer tokens of the same session, if there are any. */
    const sendAgain = async (response: Response, used: TokenPair) => {
      const newer = await session.replacementOf(used);
      if (newer === undefined) return { response, newer };
      await response.body?.cancel();
      return { response: await send(newer.access_token), newer };
    };
    const first = await send(tokens.access_token);
    if (!canSendAgain(request, init)) return first;
    const isMet = await meetDemand(first);
    if (isMet !== undefined) return isMet ? (await sendAgain(first, tokens)).response : first;
    if (first.status !== 401 || refusedWhenNew.get(origin) === tokens) return first;
    const { response: second, newer } = await sendAgain(first, tokens);
    if (newer === undefined) return first;
    if (await meetDemand(second)) return (await sendAgain(second, newer)).response;
    if (second.status === 401) refusedWhenNew.set(origin, newer);
    return second;
  };
}

/** The codes with which the service, and `postern/verify` in an API, ask for another proof of who the user is. */
const DEMANDS = /^(reauthentication_required|insufficient_user_authentication)$/;

/** A stream can be read only once, and the body of a `Request` is a stream. Only GET and HEAD never have a body. */
function canSendAgain(request: Request | undefined, init: RequestInit | undefined): boolean {
  const body = init?.body;
  if (body !== undefined && body !== null) return !(body instanceof ReadableStream);
  return request === undefined || /^(GET|HEAD)$/.test(request.method);
}
