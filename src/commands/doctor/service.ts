/** The examined service, over HTTP. */
import * as z from "zod";
import { SECOND } from "../../platform/clock.ts";
import { parseJson } from "../../platform/encoding.ts";
import { FIRST_PORT } from "../ports.ts";

/** A service that takes longer counts as one that does not answer. */
const REQUEST_TIMEOUT = 10 * SECOND;
/** How many ports to try, from the first one on: `npm run dev` takes the first free port. */
const PORTS = 10;

export interface Answer {
  status: number;
  headers: Headers;
  /** The body, if it is JSON. */
  json: unknown;
  /** The stable code of a refusal. */
  code: string | undefined;
}

interface Sent {
  method?: "GET" | "POST" | "DELETE";
  body?: object;
  bearer?: string;
}

export type Service = ReturnType<typeof openService>;

const problemSchema = z.object({ code: z.string() });
const rootSchema = z.object({
  version: z.string(),
  registration: z.string(),
  challenge: z.string().nullable(),
  links: z.object({ jwks: z.string() }),
});

/** What a service says about itself at `/`. */
export type About = z.output<typeof rootSchema>;

/** The service at this origin. `stop` ends requests that are still under way. */
export function openService(origin: string, stop: AbortSignal) {
  const request = async (path: string, { method = "GET", body, bearer }: Sent = {}): Promise<Answer> => {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: {
        ...(body && { "Content-Type": "application/json" }),
        ...(bearer && { Authorization: `Bearer ${bearer}` }),
      },
      // Passwords and tokens must not be sent to another host.
      redirect: "manual",
      signal: AbortSignal.any([stop, AbortSignal.timeout(REQUEST_TIMEOUT)]),
      ...(body && { body: JSON.stringify(body) }),
    });
    const json = parseJson(await response.text());
    const problem = problemSchema.safeParse(json);
    return { status: response.status, headers: response.headers, json, code: problem.data?.code };
  };
  return {
    origin,
    request,
    /** What the service says about itself. `undefined` if this is not Postern, or a Postern that can't start. */
    async about(): Promise<About | undefined> {
      return rootSchema.safeParse((await request("/")).json).data;
    },
  };
}

/** The services that may run on this machine, the most likely first. */
export function localServices(port: number | undefined, stop: AbortSignal): Service[] {
  const ports = port === undefined ? Array.from({ length: PORTS }, (_, at) => FIRST_PORT + at) : [port];
  return ports.map((each) => openService(`http://localhost:${each}`, stop));
}

/** Why a request got no answer, in a few words. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${REQUEST_TIMEOUT / SECOND} s`;
  const { cause } = error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  return code ?? (cause instanceof Error ? cause.message : error.message);
}
