/**
 * Hostile requests, made from the OpenAPI document: what each operation takes, with one or two faults. They are plain
 * values, so that fast-check can shrink and print them. Secrets are placeholders such as `<<user.access>>` in them,
 * and are filled in when a request is sent.
 */
import fc from "fast-check";
import type { Endpoint } from "../../src/endpoint/endpoint.ts";
import { document } from "../support/openapi.ts";
import { bodiesOf, type HostileBody, schemaOf } from "./bodies.ts";
import { CANARY, DOMAIN } from "./cast.ts";
import { header } from "./headers.ts";
import { ABSENT_ID, fitting, hostileText, rarely, type Schema, textsFor } from "./values.ts";

export interface HostileRequest {
  method: string;
  /** The path with its query, as it is sent. */
  path: string;
  headers: [name: string, value: string][];
  body: HostileBody | null;
  /** The user whose access token the request carries. */
  as: "nobody" | "user" | "superuser" | "holder";
  /** Whether the limits are on, so that a response may also be 429. */
  limited: boolean;
}

/** Random requests to one operation. */
export function requestsTo(operation: Endpoint): fc.Arbitrary<HostileRequest> {
  return fc.record({
    method: rarely(operation.method.toUpperCase(), methods),
    path: fc.tuple(pathsOf(operation), queriesOf(operation)).map((pieces) => pieces.join("")),
    headers: headersOf(operation),
    body: bodiesOf(operation),
    as: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom("user" as const, "superuser" as const, "holder" as const) },
      { weight: 1, arbitrary: fc.constant("nobody" as const) },
    ),
    limited: rarely(false, fc.constant(true)),
  });
}

/** Valid values of required fields, by name. `ORDINARY_HERE` has the values for one operation, such as its own link. */
const ORDINARY: Record<string, string> = {
  email: `ordinary@${DOMAIN}`,
  username: "ordinary",
  password: "<<own.password>>",
  new_password: `${CANARY} an ordinary one`,
};
const ORDINARY_HERE: Record<string, Record<string, string>> = {
  login: { email: "<<own.email>>" },
  refresh: { refresh_token: "<<own.refresh>>" },
  reauthenticate: { password: "<<own.password>>" },
  changePassword: { current_password: "<<own.password>>" },
  removePassword: { current_password: "<<own.password>>" },
  changeEmail: { password: "<<own.password>>" },
  deleteMe: { password: "<<own.password>>" },
  verifyEmail: { token: "<<verify.link>>" },
  resetPassword: { token: "<<reset.link>>" },
  confirmEmail: { token: "<<confirm.link>>" },
  undoEmailChange: { token: "<<undo.link>>" },
  acceptInvitation: {
    token: "<<invitation.link>>",
    email: "<<invitation.email>>",
    username: "<<invitation.username>>",
  },
  confirmEmailLogin: { token: "<<login.link>>", code: "<<login.code>>" },
  proveSecondFactor: { pending_token: "<<holder.pending>>", recovery_code: "<<holder.recovery>>" },
  emailSecondFactorCode: { pending_token: "<<holder.pending>>" },
  enrolTotp: { enrolment_token: "<<recruit.enrolment>>" },
  confirmEnrolledTotp: { enrolment_token: "<<recruit.enrolment>>", code: "<<recruit.code>>" },
  readEnrolmentPasskeyOptions: { enrolment_token: "<<recruit.enrolment>>" },
  confirmTotp: { code: "<<holder.confirmation>>" },
  renameFactor: { name: "An ordinary phone" },
  lookUpLimit: { key: "192.0.2.96" },
  resetLimit: { key: "192.0.2.96" },
};

/** The operations that only a user with a second factor can call. */
const AS_HOLDER = ["confirmTotp", "renameFactor", "removeFactor", "removeTrustedDevice", "replaceRecoveryCodes"];
function idOf({ path }: Endpoint): string {
  if (path.includes("/invitations/")) return "<<guest.invitation>>";
  if (path.includes("/dead-letters/")) return "<<undelivered.id>>";
  if (path.includes("/factors/")) return "<<holder.factor>>";
  if (path.includes("/trusted-devices/")) return "<<holder.device>>";
  return path.includes("/me/") ? "<<own.session>>" : "<<target.id>>";
}

/** The queries of the operations that require one. */
const ORDINARY_QUERY: Record<string, string> = {
  lookUpUser: "?username=<<target.username>>",
  exportAuditEvents: "?format=csv",
};

const COOKIE: [string, string][] = [
  ["Cookie", "postern_refresh=<<user.refresh>>"],
  ["Origin", "http://localhost:8787"],
];

/** A valid request, which must succeed. So hostile requests that differ only a little get as far as this one. */
export function ordinaryRequest(operation: Endpoint): HostileRequest {
  const request = requestOf(operation, { ...ordinaryMembers(operation), ...ORDINARY_HERE[operation.id] });
  return { ...request, path: request.path + (ORDINARY_QUERY[operation.id] ?? "") };
}

/** The valid request with one hostile field or parameter: each field and parameter once with each text. */
export function sweepOf(operation: Endpoint): HostileRequest[] {
  const inQuery = queryOf(operation).flatMap(({ name }) =>
    textsFor(name).map((text) => `?${name}=${encodeURIComponent(text.toWellFormed().slice(0, 3_000))}`),
  );
  const least = ordinaryMembers(operation);
  const usual = { ...least, ...ORDINARY_HERE[operation.id] };
  // Also without optional fields, because one may exclude the tested field: a login refuses `username` beside `email`.
  const bases = Object.keys(usual).length > Object.keys(least).length ? [usual, least] : [least];
  const inBody = Object.keys(schemaOf(operation).properties ?? {}).flatMap((name) =>
    bases.flatMap((base) => textsFor(name).map((text) => ({ ...base, [name]: text }))),
  );
  return [
    ...inQuery.map((query) => {
      const request = requestOf(operation, {});
      return { ...request, path: request.path + query };
    }),
    ...inBody.map((members) => requestOf(operation, members)),
  ];
}

function ordinaryMembers(operation: Endpoint): Record<string, string> {
  return Object.fromEntries((schemaOf(operation).required ?? []).map((name) => [name, ORDINARY[name] ?? ""]));
}

function requestOf(operation: Endpoint, members: Record<string, string>): HostileRequest {
  const { path } = operation;
  const hasBody = operation.body !== undefined;
  // Without a body, the refresh token comes in the cookie.
  const needsCookie = !hasBody && operation.credentials.includes("refresh_token");
  return {
    method: operation.method.toUpperCase(),
    path: path
      .replace("{id}", idOf(operation))
      .replace("{session_id}", "<<target.session>>")
      .replace("{name}", "loginPerAddress"),
    headers: hasBody ? [["Content-Type", "application/json"]] : needsCookie ? COOKIE : [],
    body: hasBody ? { text: JSON.stringify(members), encoding: "utf-8", size: 0, streamed: false } : null,
    as: AS_HOLDER.includes(operation.id) ? "holder" : "superuser",
    limited: false,
  };
}

/** Requests to no operation. */
export const requestsNowhere: fc.Arbitrary<HostileRequest> = fc.record({
  method: fc.oneof(fc.constantFrom("GET", "POST"), methods()),
  path: fc.oneof(
    fc.constantFrom(
      "/nowhere",
      "/api/v1",
      "/api",
      "/static/../openapi.json",
      "/pages/en/login.html",
      "/.env",
      "/index.ts",
    ),
    fc.constantFrom(
      "/.git/config",
      "/api/v1/users//me",
      "/cdn-cgi/x",
      `/${"a/".repeat(5_000)}`,
      "/%",
      "/%ff%fe",
      "/\\",
    ),
    fc.webPath(),
    hostileText.map((text) => `/${encodeURIComponent(text.toWellFormed())}`),
  ),
  headers: fc.array(header(), { maxLength: 3 }),
  body: fc.constant(null),
  as: fc.constantFrom("nobody", "user", "superuser"),
  limited: fc.constant(false),
});

function methods(): fc.Arbitrary<string> {
  return fc.constantFrom("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "POST", "PROPFIND", "REPORT", "PURGE", "get");
}

function pathsOf({ path }: Endpoint): fc.Arbitrary<string> {
  const ids = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        "<<target.id>>",
        "<<user.id>>",
        "<<superuser.id>>",
        "<<user.session>>",
        "<<guest.invitation>>",
        "<<holder.factor>>",
      ),
    },
    { weight: 2, arbitrary: fc.constantFrom(ABSENT_ID, ABSENT_ID.toUpperCase(), "-".repeat(36), "f".repeat(36)) },
    { weight: 1, arbitrary: fc.constantFrom("me", "..", "%2e%2e", "%00", "null", "*", "' OR 1=1", "x".repeat(5_000)) },
  );
  const names = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom("loginPerAddress", "loginPerAccount", "mailPerRecipient", "loginsPerUser"),
    },
    { weight: 2, arbitrary: fc.constantFrom("refreshPerSession", "toString", "constructor", "__proto__", "..", "%00") },
  );
  const plain = path.includes("{")
    ? fc
        .tuple(ids, ids, names)
        .map(([id, other, name]) => path.replace("{id}", id).replace("{session_id}", other).replace("{name}", name))
    : fc.constant(path);
  const spoil = fc.constantFrom<(path: string) => string>(
    (path) => `${path}/`,
    (path) => `${path}//`,
    (path) => `/${path}`,
    (path) => `${path}%00`,
    (path) => `${path}%E0%A4%A`,
    (path) => `${path};v=1`,
    (path) => `${path}.json`,
    (path) => `${path}/%2e%2e/%2e%2e`,
    (path) => path.replace("/a", "/%61"),
    (path) => path.replaceAll("/", "%2F").replace("%2F", "/"),
    (path) => path.toUpperCase(),
    (path) => `${path}\u00e9\u202e`,
    (path) => `${path}/${"a".repeat(8_000)}`,
    (path) => path.replaceAll("/", "\\"),
  );
  return fc
    .tuple(
      plain,
      rarely<(path: string) => string>((path) => path, spoil),
    )
    .map(([usual, change]) => change(usual));
}

interface Parameter {
  name: string;
  in: string;
  schema: Schema;
}

function queryOf(operation: Endpoint): Parameter[] {
  const described: Parameter[] = document.paths[operation.path][operation.method].parameters ?? [];
  return described.filter((one) => one.in === "query");
}

function queriesOf(operation: Endpoint): fc.Arbitrary<string> {
  const own = queryOf(operation);
  const text = hostileText.map((value) => value.toWellFormed().slice(0, 3_000));
  const encoded = fc.oneof(
    text.map(encodeURIComponent),
    fc.constantFrom("%", "%E0%A4%A", "%ff", "%00", "+", "a=b", ""),
  );
  const good = own.map(({ name, schema }) =>
    fitting(name, schema).map((value) => {
      const text = value.replace(/^"(.*)"$/s, "$1");
      return `${name}=${text.startsWith("<<") ? text : encodeURIComponent(text.toWellFormed())}`;
    }),
  );
  const odd = fc.tuple(
    fc.constantFrom(...own.map(({ name }) => name), "limit[]", "limit[0]", "access_token", "__proto__", "toString", ""),
    fc.constantFrom("=", "==", "", "=&", ";"),
    encoded,
  );
  const parameter = fc.oneof(
    ...good,
    odd.map((pieces) => pieces.join("")),
  );
  const many = fc.array(parameter, { maxLength: own.length > 0 ? 4 : 1 });
  return many.map((list) => (list.length === 0 ? "" : `?${list.join("&")}`));
}

function headersOf(operation: Endpoint): fc.Arbitrary<HostileRequest["headers"]> {
  const type = rarely("application/json", () =>
    fc.constantFrom(
      "",
      "text/plain",
      "application/json; charset=utf-16",
      "application/json;;;",
      "APPLICATION/JSON",
      "application/json, text/html",
      "application/problem+json",
      "multipart/form-data; boundary=x",
      "application/x-www-form-urlencoded",
      `application/json; x="${"y".repeat(4_000)}`,
    ),
  );
  const others = fc.array(header(), { maxLength: 3 });
  if (operation.body === undefined) return others;
  return fc.tuple(type, others).map(([value, list]) => [["Content-Type", value], ...list]);
}
