/**
 * Reads and checks the client data (WebAuthn §5.8.1): what the browser says about a ceremony. A ceremony is the
 * creation or the use of a passkey.
 */
import * as z from "zod";
import { parseJson } from "../../platform/encoding.ts";
import type { Expectation } from "./expectation.ts";

type Ceremony = "webauthn.create" | "webauthn.get";

/** Ignores other members, because browsers may add members that no standard defines (WebAuthn §5.8.1.1). */
const clientData = z.object({
  type: z.string(),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.boolean().optional(),
  topOrigin: z.string().optional(),
});

/**
 * The challenge in a response; `undefined` if the client data is malformed. The client may send any challenge, so
 * `openChallenge` must check it.
 */
export function challengeOf({ response }: { response: { clientDataJSON: Uint8Array } }): string | undefined {
  return readClientData(response.clientDataJSON)?.challenge;
}

/**
 * Checks the client data of a ceremony (WebAuthn §7.1 and §7.2). Returns the fault, or `undefined` if there is none.
 * Refuses a page in a frame of another origin, because no page of the service or its apps is ever in such a frame.
 */
export function clientDataFault(
  clientDataJson: Uint8Array,
  ceremony: Ceremony,
  { challenge, origins }: Expectation,
): string | undefined {
  const data = readClientData(clientDataJson);
  if (data === undefined) return "The client data is malformed.";
  if (data.type !== ceremony) return "The client data is of another ceremony.";
  if (data.challenge !== challenge.text) return "The client data has another challenge.";
  if (!origins.includes(data.origin)) return "The origin is not allowed.";
  if (data.crossOrigin === true || data.topOrigin !== undefined) return "The page was in a frame of another origin.";
  return undefined;
}

function readClientData(json: Uint8Array): z.infer<typeof clientData> | undefined {
  return clientData.safeParse(parseJson(new TextDecoder().decode(json))).data;
}
