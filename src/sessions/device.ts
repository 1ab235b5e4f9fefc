/**
 * Decides when two logins count as the same device: by the device name, the user agent without its numbers (so that an
 * updated browser stays the same device) and the country, if the platform knows it.
 */
import { sha256 } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";

interface DeviceClues {
  deviceName: string | null;
  userAgent: string | null;
  /** ISO 3166-1 alpha-2, from the platform's location of the client's address. */
  country: string | null;
}

/** A digest that identifies a device. The values behind it are not stored. */
export function deviceDigest({ deviceName, userAgent, country }: DeviceClues): string {
  return encodeBase64url(sha256(utf8(JSON.stringify([deviceName, userAgent?.replaceAll(/\d+/g, "#"), country]))));
}
