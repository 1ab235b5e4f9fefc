/** Calls the API, with the types of the OpenAPI document. Throws a `PosternError` for a refusal or a missing answer. */
import createApi from "openapi-fetch";
import type { components, paths } from "../client/api.ts";
import { PosternError, readError } from "../client/index.ts";
import { client, goToLogin } from "./session.ts";

/** The operator who is logged in. */
export type Me = components["schemas"]["User"];
/** A user as operators see them. */
export type User = components["schemas"]["ManagedUser"];
export type Invitation = components["schemas"]["Invitation"];
export type SigningKey = components["schemas"]["SigningKey"];
export type Overview = components["schemas"]["Overview"];
export type Limit = components["schemas"]["Limit"];
export type LimitState = components["schemas"]["LimitState"];
export type DeadLetter = components["schemas"]["DeadLetter"];
export type Setting = components["schemas"]["Setting"];
export type UserSession = components["schemas"]["UserSessions"]["items"][number];
export type AuditEvent = components["schemas"]["AuditEvent"];

/** One page of a list. */
export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

/**
 * The time limit of a read. A read that takes longer fails, so that the operator can try again. A change has no time
 * limit, because it may have to wait until the operator has reauthenticated.
 */
const PATIENCE_MILLISECONDS = 20_000;

/** The calls of the API. A call throws if the API refuses it or doesn't answer, so views never check `error`. */
export const api = createApi<paths>({ baseUrl: location.origin, fetch: send });

api.use({
  async onResponse({ response }) {
    if (response.ok) return;
    const error = await readError(response);
    if (error.status === 401) {
      goToLogin();
      // The log-in page is about to open. This promise never resolves, so the view shows no error until then.
      await new Promise(() => {});
    }
    throw error;
  },
});

/**
 * Sends a request with `client.fetch`. The body is passed as text and not as a stream, because `client.fetch` may have
 * to send the request twice.
 */
async function send(request: Request): Promise<Response> {
  const { method, url, headers, signal } = request;
  const isRead = method === "GET";
  const body = isRead ? "" : await request.text();
  const controller = new AbortController();
  // Safari has `AbortSignal.any` since version 17.4, and `AbortSignal.timeout` since 16, so neither is used.
  signal.addEventListener("abort", () => controller.abort());
  const timer = isRead ? setTimeout(() => controller.abort(), PATIENCE_MILLISECONDS) : undefined;
  try {
    const init = { method, headers, signal: controller.signal };
    return await client.fetch(url, body === "" ? init : { ...init, body });
  } catch (error) {
    if (error instanceof PosternError || signal.aborted) throw error;
    throw new PosternError({ status: 0, code: "network_error", detail: "" }, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the data of an answer. Throws if it has no data, although the OpenAPI document promises data. */
export async function dataOf<Data>(asked: Promise<{ data?: Data }>): Promise<Data> {
  const { data } = await asked;
  if (data === undefined) throw new PosternError({ status: 0, code: "unexpected_answer", detail: "" });
  return data;
}

/**
 * Data that was read, and its ETag. A change that sends the ETag in `If-Match` fails if someone else has changed the
 * data since.
 */
export interface Versioned<Data> {
  data: Data;
  etag: string;
}

export async function versionedOf<Data>(asked: Promise<{ data?: Data; response: Response }>): Promise<Versioned<Data>> {
  const { response } = await asked;
  return { data: await dataOf(asked), etag: response.headers.get("ETag") ?? "" };
}
