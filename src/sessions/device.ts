/**
 * What makes two logins one device: what the client says of itself without the numbers in it, so that an
 * updated browser stays the same device, and the country that it comes from, where the platform tells.
 */
import { sha256 } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";

export interface DeviceClues {
  deviceName: string | null;
  userAgent: string | null;
  /** ISO 3166-1 alpha-2, as the platform places the client's address. */
  country: string | null;
}

/** A digest by which a device is known again; what it was made of is not kept. */
export function deviceDigest({ deviceName, userAgent, country }: DeviceClues): string {
  return encodeBase64url(sha256(utf8(JSON.stringify([deviceName, userAgent?.replaceAll(/\d+/g, "#"), country]))));
}
