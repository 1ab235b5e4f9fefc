/**
 * An endpoint: one method on one path. Its declaration is data. The same declaration validates requests, documents the
 * API and guards the handler, so the three can't differ. The handler gets the services and the parsed input.
 */
import type * as z from "zod";
import type { Config } from "../config/config.ts";
import type { LimitName } from "../config/limit-rules.ts";
import type { Client, Exchange } from "../http/exchange.ts";
import { type ErrorCode, isProblem } from "../http/problems.ts";
import { isRefusal, type Refusal } from "../platform/refusal.ts";
import type { CallerKind, Credential } from "./callers.ts";
import { budgetsOf, type DeclaredLimit } from "./limits.ts";
import type { Services } from "./services.ts";

export interface SuccessAnswer<Result = unknown> {
  status: 200 | 201 | 202 | 204 | 302 | 503;
  description: string;
  /** The JSON of the response. Absent if there is no body, or if it is not JSON. */
  schema?: z.ZodType<Result>;
  /** If there are several content types, the handler chooses one. */
  contentType?: string | readonly string[];
  /** Whether a browser gets a page instead of the JSON. */
  orPage?: true;
}

/** What a handler is given. */
export interface Input<Body = unknown, Query = unknown, Caller = unknown> {
  body: Body;
  query: Query;
  /** The parameter `id` of the path, a UUID in lower case. Empty if the path has no such parameter. */
  id: string;
  /** The parameter `session_id` of the path, in the same form as `id`. */
  sessionId: string;
  /** The parameter `name` of the path. Empty if the path has no such parameter. */
  name: string;
  caller: Caller;
  client: Client;
  exchange: Exchange;
}

interface Declaration<
  Body = unknown,
  Query = unknown,
  Caller = unknown,
  Result = unknown,
  Code extends ErrorCode = ErrorCode,
> {
  id: string;
  method: "get" | "post" | "put" | "patch" | "delete";
  /** As in OpenAPI: `/api/v1/users/{id}`. Its parameters can be `id` and `session_id`, which are UUIDs, and `name`. */
  path: string;
  tag: string;
  summary: string;
  description?: string;
  /** Who may call. Absent for a public endpoint. */
  caller?: CallerKind<Caller>;
  /** The shape of the JSON body, which may depend on the configuration. Absent if no body is read. */
  body?: (config: Config) => z.ZodType<Body>;
  /** Whether a client may send no body. */
  bodyOptional?: boolean;
  /** The shape of the query: each parameter is one text. Absent if no query is read. */
  query?: z.ZodType<Query>;
  /** Whether the audit log may record the request. By default, `true` for every method except GET. */
  isRecorded?: boolean;
  /** Whether the answer has an ETag. A client that already has the answer then gets a 304. */
  isConditional?: boolean;
  /** Refuses a request before any limit counts it. */
  admit?: (
    services: Services,
    input: Input<Body, Query, Caller>,
  ) => Promise<Refusal<NoInfer<Code>> | undefined> | Refusal<NoInfer<Code>> | undefined;
  /**
   * The limits of a request. Before the handler runs, one round trip takes an attempt from each limit and from
   * `caller.changes`.
   */
  limits?: readonly DeclaredLimit<Input<Body, Query, Caller>>[];
  /** A metric of the outcomes: `succeeded`, `no_session` for an answer without content, or the code of the refusal. */
  outcomes?: "logins" | "refreshes";
  success: SuccessAnswer<Result>;
  /** Other answers that are not problem documents. */
  alternatives?: readonly SuccessAnswer<Result>[];
  /** The codes of the handler's own refusals. The codes of `caller`, `body` and `limits` are added automatically. */
  refusals?: readonly Code[];
}

/** An answer that sets its own headers or status. */
export class Reply<Result> {
  readonly body: Result;
  readonly headers: Record<string, string>;
  readonly status: SuccessAnswer["status"] | undefined;

  constructor(body: Result, headers: Record<string, string>, status?: SuccessAnswer["status"]) {
    this.body = body;
    this.headers = headers;
    this.status = status;
  }
}

/** What a handler answers: the JSON of the declared schema, whole or as a stream, or a `Response` that is not JSON. */
export type Outcome<Result, Code extends ErrorCode> =
  | Result
  | Reply<Result | ReadableStream<Uint8Array>>
  | Refusal<Code>
  | Response;

export type Answer = Reply<unknown> | Refusal<ErrorCode> | Response;

/** An endpoint without the types of its handler. Only the compiler needs those types, to check the handler. */
export interface Endpoint
  extends Omit<
    Declaration,
    "description" | "caller" | "isRecorded" | "admit" | "limits" | "success" | "alternatives" | "refusals"
  > {
  description: string | undefined;
  credentials: readonly Credential[];
  limits: readonly LimitName[];
  /**
   * Whether HEAD is answered like GET (RFC 9110 §9.3.2). `false` if the GET has a limit, because the handler would do
   * work that the limit must count.
   */
  answersHead: boolean;
  answers: readonly SuccessAnswer[];
  refusals: readonly ErrorCode[];
  /** Identifies the caller, takes an attempt from each limit, and runs the handler. */
  run(services: Services, input: Omit<Input, "caller">): Promise<Answer>;
}

export function takesAccessToken({ credentials }: Pick<Endpoint, "credentials">): boolean {
  return credentials.includes("access_token");
}

export function endpoint<
  Body = undefined,
  Query = undefined,
  Caller = undefined,
  Result = undefined,
  const Code extends ErrorCode = never,
>(
  declaration: Declaration<Body, Query, Caller, Result, Code>,
  handler: (services: Services, input: Input<Body, Query, Caller>) => Promise<Outcome<Result, NoInfer<Code>>>,
): Endpoint;
export function endpoint(
  declaration: Declaration,
  handler: (services: Services, input: Input) => Promise<Outcome<unknown, ErrorCode>>,
): Endpoint {
  const { description, caller: kind, admit, success, alternatives = [], refusals = [] } = declaration;
  const limits = limitsOf(declaration);
  const sentences = [description, kind?.note, limitsNote(limits)].filter((text) => text !== undefined);
  return {
    ...declaration,
    description: sentences.length === 0 ? undefined : sentences.join(" "),
    credentials: kind?.credentials ?? [],
    limits: limits.map(({ rule }) => rule),
    answersHead: declaration.method === "get" && limits.length === 0,
    answers: [success, ...alternatives],
    refusals: [
      ...new Set([...(kind?.refusals ?? []), ...refusals, ...(limits.length > 0 ? (["rate_limited"] as const) : [])]),
    ],
    async run(services, request) {
      const caller = await kind?.identify(services, request.exchange, request.id);
      if (isProblem(caller)) return caller;
      const input = { ...request, caller };
      const refused = await admit?.(services, input);
      if (refused !== undefined) return refused;
      return withinLimits(services, input, limits, () => handler(services, input));
    },
  };
}

/** The declared limits, and the caller's budget of recorded requests if the audit log may record the request. */
function limitsOf({ method, caller, isRecorded = method !== "get", limits = [] }: Declaration) {
  return isRecorded && caller?.changes !== undefined ? [caller.changes, ...limits] : limits;
}

/** Runs `work` if every limit allows one more attempt. Headers of the response say how many attempts are left. */
async function withinLimits(
  { limiter }: Services,
  input: Input,
  limits: readonly DeclaredLimit<Input>[],
  work: () => Promise<Outcome<unknown, ErrorCode>>,
): Promise<Answer> {
  const budgets = budgetsOf(limits, input);
  if (budgets.length === 0) return answerOf(await work());
  const { headers, refusal } = await limiter.take(budgets);
  if (refusal !== undefined) return refusal;
  input.exchange.addHeaders(headers);
  const refund = (code: string | undefined) => limiter.refund(budgets.filter(({ counts }) => !counts(code)));
  try {
    const answer = answerOf(await work());
    await refund(isProblem(answer) ? answer.code : undefined);
    return answer;
  } catch (error) {
    // An unexpected failure: the attempt stays counted, except in `passwordGuesses`, which counts only wrong passwords.
    await refund("internal_error");
    throw error;
  }
}

function answerOf(outcome: unknown): Answer {
  if (isRefusal(outcome) && !isProblem(outcome))
    throw new TypeError(`No problem document has the code ${outcome.code}.`);
  const isAnswer = outcome instanceof Reply || outcome instanceof Response || isProblem(outcome);
  return isAnswer ? outcome : new Reply(outcome, {});
}

function limitsNote(limits: readonly { rule: LimitName }[]): string | undefined {
  if (limits.length === 0) return undefined;
  const names = [...new Set(limits.map(({ rule }) => `\`${rule}\``))];
  return `Limited by ${names.join(", ")}.`;
}
