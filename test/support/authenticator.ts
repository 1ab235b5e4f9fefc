/**
 * A browser with an authenticator, in software. Like `navigator.credentials`, it creates and uses passkeys as the
 * options ask, with real keys and signatures. Runs in workerd and in Node.
 */
import { concatBytes, decodeBase64url, encodeBase64url, parseUuid, utf8 } from "../../src/platform/encoding.ts";
import { type CborInput, encodeCbor } from "./cbor.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Edit<Value> = (value: Value) => Value;

/** The parts of `PublicKeyCredentialCreationOptionsJSON` that an authenticator needs. */
interface CreationOptions {
  rp: { id: string };
  user: { id: string };
  challenge: string;
  pubKeyCredParams: readonly { alg: number }[];
  excludeCredentials?: readonly { id: string }[];
}

/** The parts of `PublicKeyCredentialRequestOptionsJSON` that an authenticator needs. */
interface RequestOptions {
  rpId: string;
  challenge: string;
  allowCredentials?: readonly { id: string }[];
}

/** What to do wrong. The rest of the response is correct: the signature covers the changed data. */
export interface Tweak {
  /** Members of the client data to replace. Members that are `undefined` are left out. */
  clientData?: Record<string, unknown>;
  /** The relying party whose hash is in the authenticator data. */
  rpId?: string;
  flags?: Edit<number>;
  counter?: number;
  /** The authenticator's model, as a UUID. */
  aaguid?: string;
  credentialId?: Bytes;
  coseKey?: Edit<Map<CborInput, CborInput>>;
  /** Encoded extension outputs. Their flag is not set; use `flags`. */
  extensions?: Bytes;
  clientDataJSON?: Edit<Bytes>;
  authenticatorData?: Edit<Bytes>;
  attestation?: { fmt: string; attStmt: Map<CborInput, CborInput> };
  attestationObject?: Edit<Bytes>;
  /** What is signed instead of the authenticator data and the hash of the client data. */
  signed?: Edit<Bytes>;
  signature?: Edit<Bytes>;
  /** Another user handle, or `null` for none. */
  userHandle?: string | null;
  /** Members of the JSON to replace, after all other changes. */
  json?: Record<string, unknown>;
  /** Members of the JSON's `response` to replace, after all other changes. */
  response?: Record<string, unknown>;
}

interface Passkey {
  id: Bytes;
  rpId: string;
  userHandle: string;
  keys: CryptoKeyPair;
  counter: number;
}

export type Authenticator = ReturnType<typeof createAuthenticator>;

export const FLAGS = { UP: 0x01, UV: 0x04, BE: 0x08, BS: 0x10, AT: 0x40, ED: 0x80 };

const KEYS: Record<number, SubtleCryptoGenerateKeyAlgorithm> = {
  [-7]: { name: "ECDSA", namedCurve: "P-256" },
  [-8]: { name: "Ed25519" },
  [-257]: {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  },
};

/**
 * An authenticator without passkeys, on a page of `origin`. Its passkeys are synced and have no counter. With
 * `isSynced: false` it is a security key, whose passkeys are not synced and have a counter.
 */
export function createAuthenticator({
  rpId,
  origin,
  algorithm = -7,
  isSynced = true,
}: {
  rpId: string;
  origin: string;
  /** A COSE algorithm: -7, -8 or -257. */
  algorithm?: number;
  isSynced?: boolean;
}) {
  const passkeys: Passkey[] = [];
  const backup = isSynced ? FLAGS.BE | FLAGS.BS : 0;
  const clientData = (type: string, challenge: string, tweak: Tweak) => {
    const members = { type, challenge, origin, crossOrigin: false, ...tweak.clientData };
    return (tweak.clientDataJSON ?? same)(utf8(JSON.stringify(members)));
  };

  return {
    passkeys,
    /** Answers like `navigator.credentials.create()` and `toJSON()`. */
    async register(options: CreationOptions, tweak: Tweak = {}) {
      if (options.rp.id !== rpId) throw new Error("SecurityError: these options are for another relying party");
      if (!options.pubKeyCredParams.some(({ alg }) => alg === algorithm)) throw new Error("NotSupportedError");
      const excluded = options.excludeCredentials?.map(({ id }) => id) ?? [];
      if (passkeys.some(({ id }) => excluded.includes(encodeBase64url(id)))) throw new Error("InvalidStateError");
      const id = tweak.credentialId ?? crypto.getRandomValues(new Uint8Array(32));
      const keys = await createKeys(algorithm);
      const passkey = { id, rpId, userHandle: options.user.id, keys, counter: 0 };
      passkeys.push(passkey);

      const coseKey = await exportCoseKey(keys.publicKey, algorithm);
      const attested = concatBytes(
        parseUuid(tweak.aaguid ?? "") ?? new Uint8Array(16),
        Uint8Array.of(id.byteLength >> 8, id.byteLength & 0xff),
        id,
        encodeCbor((tweak.coseKey ?? same)(coseKey)),
      );
      const flags = FLAGS.UP | FLAGS.UV | FLAGS.AT | backup;
      const authData = await authenticatorData(flags, passkey, tweak, attested);
      const { fmt, attStmt } = tweak.attestation ?? { fmt: "none", attStmt: new Map() };
      const attestationObject = encodeCbor(
        new Map<CborInput, CborInput>([
          ["fmt", fmt],
          ["attStmt", attStmt],
          ["authData", authData],
        ]),
      );
      const response = {
        clientDataJSON: encodeBase64url(clientData("webauthn.create", options.challenge, tweak)),
        attestationObject: encodeBase64url((tweak.attestationObject ?? same)(attestationObject)),
        authenticatorData: encodeBase64url(authData),
        transports: isSynced ? ["internal", "hybrid"] : ["usb", "nfc"],
        ...tweak.response,
      };
      return credentialJson(id, response, tweak);
    },

    /** Answers like `navigator.credentials.get()` and `toJSON()`, with the newest passkey that the options allow. */
    async authenticate(options: RequestOptions, tweak: Tweak = {}) {
      if (options.rpId !== rpId) throw new Error("SecurityError: these options are for another relying party");
      const allowed = options.allowCredentials?.map(({ id }) => id) ?? [];
      const isAllowed = ({ id }: Passkey) => allowed.length === 0 || allowed.includes(encodeBase64url(id));
      const passkey = passkeys.findLast(isAllowed);
      if (passkey === undefined) throw new Error("NotAllowedError: no passkey");
      if (!isSynced) passkey.counter += 1;

      const clientDataBytes = clientData("webauthn.get", options.challenge, tweak);
      const authData = await authenticatorData(FLAGS.UP | FLAGS.UV | backup, passkey, tweak);
      const signed = concatBytes(authData, await sha256(clientDataBytes));
      const signature = await sign(passkey.keys.privateKey, (tweak.signed ?? same)(signed));
      const { userHandle = passkey.userHandle } = tweak;
      const response = {
        clientDataJSON: encodeBase64url(clientDataBytes),
        authenticatorData: encodeBase64url(authData),
        signature: encodeBase64url((tweak.signature ?? same)(signature)),
        ...(userHandle === null ? {} : { userHandle }),
        ...tweak.response,
      };
      return credentialJson(passkey.id, response, tweak);
    },
  };
}

function credentialJson<Response extends object>(id: Bytes, response: Response, tweak: Tweak) {
  return {
    id: encodeBase64url(id),
    rawId: encodeBase64url(id),
    type: "public-key" as const,
    authenticatorAttachment: "platform",
    clientExtensionResults: {},
    response,
    ...tweak.json,
  };
}

async function authenticatorData(flags: number, passkey: Passkey, tweak: Tweak, attested = new Uint8Array()) {
  const counter = new Uint8Array(4);
  new DataView(counter.buffer).setUint32(0, tweak.counter ?? passkey.counter);
  const bytes = concatBytes(
    await sha256(utf8(tweak.rpId ?? passkey.rpId)),
    Uint8Array.of((tweak.flags ?? same)(flags)),
    counter,
    attested,
    tweak.extensions ?? new Uint8Array(),
  );
  return (tweak.authenticatorData ?? same)(bytes);
}

async function createKeys(algorithm: number): Promise<CryptoKeyPair> {
  const keys = await crypto.subtle.generateKey(KEYS[algorithm] ?? "", true, ["sign", "verify"]);
  if ("privateKey" in keys) return keys;
  throw new Error("WebCrypto made no pair of keys.");
}

async function exportCoseKey(key: CryptoKey, algorithm: number): Promise<Map<CborInput, CborInput>> {
  const jwk = await crypto.subtle.exportKey("jwk", key);
  if (jwk instanceof ArrayBuffer) throw new Error("WebCrypto exported no JWK.");
  const part = (text = "") => decodeBase64url(text) ?? new Uint8Array();
  if (algorithm === -7)
    return new Map<CborInput, CborInput>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, part(jwk.x)],
      [-3, part(jwk.y)],
    ]);
  if (algorithm === -8)
    return new Map<CborInput, CborInput>([
      [1, 1],
      [3, -8],
      [-1, 6],
      [-2, part(jwk.x)],
    ]);
  return new Map<CborInput, CborInput>([
    [1, 3],
    [3, -257],
    [-1, part(jwk.n)],
    [-2, part(jwk.e)],
  ]);
}

async function sign(key: CryptoKey, data: Bytes): Promise<Bytes> {
  const { name } = key.algorithm;
  const raw = new Uint8Array(await crypto.subtle.sign({ name, hash: "SHA-256" }, key, data));
  if (name !== "ECDSA") return raw;
  const numbers = concatBytes(derInteger(raw.subarray(0, 32)), derInteger(raw.subarray(32)));
  return concatBytes(Uint8Array.of(0x30, numbers.byteLength), numbers);
}

function derInteger(number: Uint8Array): Bytes {
  const digits = number.subarray(number.findIndex((byte) => byte !== 0));
  const padding = new Uint8Array((digits[0] ?? 0) >= 0x80 ? 1 : 0);
  return concatBytes(Uint8Array.of(0x02, padding.byteLength + digits.byteLength), padding, digits);
}

async function sha256(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

function same<Value>(value: Value): Value {
  return value;
}
