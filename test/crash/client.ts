/** A client that reports when a request gets no answer. */
import * as z from "zod";
import type { Issued } from "./account.ts";

/** The time limit of a request, in milliseconds. A request without an answer must not make a run hang. */
const PATIENCE = 60_000;

export interface Asked {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  body?: object;
  bearer?: string;
  /** The address that the request seems to come from; the local runtime believes it. */
  network?: string;
}

export interface Answer {
  /** The status, and the code of a refusal: `401 invalid_credentials`. */
  said: string;
  body: unknown;
}

/** The service went away before it answered. */
export class NoAnswer extends Error {
  override name = "NoAnswer";
}

/** @throws {NoAnswer} It is then unknown whether the service carried the request out. */
export async function ask(origin: string, { method = "POST", path, body, bearer, network }: Asked): Promise<Answer> {
  const headers: Record<string, string> = bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (network !== undefined) headers["CF-Connecting-IP"] = network;
  let status: number;
  let text: string;
  try {
    const json = body === undefined ? null : JSON.stringify(body);
    const signal = AbortSignal.timeout(PATIENCE);
    const response = await fetch(`${origin}${path}`, { method, headers, body: json, signal });
    status = response.status;
    text = await response.text();
  } catch (error) {
    throw new NoAnswer(`${method} ${path} was not answered`, { cause: error });
  }
  const read = readJson(text);
  const refusal = problem.safeParse(read);
  return { said: refusal.success ? `${status} ${refusal.data.code}` : String(status), body: read };
}

const problem = z.object({ code: z.string() });
const tokens = z.object({ access_token: z.string(), refresh_token: z.string(), session_id: z.string() });
const claims = z.object({ sub: z.string() });

/** The tokens in the answer of a login or a refresh. */
export function issuedIn(body: unknown): Issued {
  const { access_token: accessToken, refresh_token: refreshToken, session_id: sessionId } = tokens.parse(body);
  const [, payload = ""] = accessToken.split(".");
  const { sub: userId } = claims.parse(JSON.parse(Buffer.from(payload, "base64url").toString()));
  return { userId, sessionId, accessToken, refreshToken };
}

/** `undefined` if the text is not JSON. Wrangler's proxy answers without JSON if the Worker behind it has just died. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
