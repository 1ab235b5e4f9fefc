import type { Surroundings } from "../../src/client/browser.ts";
import type { ClientOptions } from "../../src/client/index.ts";
import { freshAddress, ORIGIN, type Send, theWorker } from "../support/client.ts";
import { neverLog } from "../support/logs.ts";
import { expectDocumented } from "../support/openapi.ts";
import { type Person, registered } from "../support/people.ts";
import { makeVisitor, statesOf, type Visitor } from "./visitor.ts";

/** A person with an account, and a browser that reaches the Worker over HTTP. */
export async function visit(): Promise<{ visitor: Visitor; person: Person; credentials: Credentials }> {
  const person = await registered();
  return { visitor: visitorOfWorker(), person, credentials: credentialsOf(person) };
}

/** A person who has logged in with a client. `states` are all states that the client has reported. */
export async function signedIn(options?: Partial<ClientOptions>, more?: Partial<Surroundings>) {
  const { visitor, credentials } = await visit();
  const client = visitor.open(options, more);
  const states = statesOf(client);
  const user = await client.login(credentials);
  return { visitor, credentials, client, states, user };
}

export interface Credentials {
  email: string;
  password: string;
}

export const credentialsOf = ({ email, password }: Person): Credentials => ({ email, password });

export function visitorOfWorker(send: Send = theWorker): Visitor {
  return makeVisitor(ORIGIN, async (request) => {
    request.headers.set("CF-Connecting-IP", freshAddress());
    for (const name of ["Authorization", "Cookie"]) {
      const secrets = (request.headers.get(name) ?? "").matchAll(/(?:Bearer |=)([^;]{20,})/g);
      for (const [, secret] of secrets) neverLog(secret);
    }
    const response = await send(request);
    await expectDocumented(request.method, request.url, response);
    return response;
  });
}
