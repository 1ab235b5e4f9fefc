/** The cost of hashing a password, and how many passwords may wait to be hashed. */
import { unless, type ValuesOf, wholeNumber } from "../values.ts";

/**
 * The block size of scrypt. Together with the defaults of `SCRYPT_LN` and `SCRYPT_P`, it gives a cost that the OWASP
 * Password Storage Cheat Sheet recommends.
 */
const SCRYPT_R = 8;

/** Scrypt settings (`ln`, `p`; r is 8) that OWASP ASVS 5.0 Appendix C approves. */
const APPROVED = [
  { ln: 15, p: 3 },
  { ln: 16, p: 2 },
  { ln: 17, p: 1 },
];

/** The largest product N·r·p that Workers allow. */
const MAX_WORK = 2 ** 20;

export const variables = {
  SCRYPT_LN: wholeNumber(15, 4, 17),
  SCRYPT_P: wholeNumber(3, 1, 16),
  HASH_LANE_LENGTH: wholeNumber(4, 0, 64),
};

type Values = ValuesOf<typeof variables>;

export function toConfig({ SCRYPT_LN, SCRYPT_P, HASH_LANE_LENGTH }: Values) {
  return { scrypt: { ln: SCRYPT_LN, r: SCRYPT_R, p: SCRYPT_P }, laneLength: HASH_LANE_LENGTH } as const;
}

export function contradictions({ SCRYPT_LN: ln, SCRYPT_P: p }: Values, development: boolean): string[] {
  return [
    ...unless(
      development || APPROVED.some((approved) => ln >= approved.ln && p >= approved.p),
      "SCRYPT_LN and SCRYPT_P take at least 15 and 3, 16 and 2, or 17 and 1 (OWASP ASVS 5.0 Appendix C).",
    ),
    ...unless(
      2 ** ln * SCRYPT_R * p <= MAX_WORK,
      "SCRYPT_LN and SCRYPT_P together exceed what Workers allow: 2^SCRYPT_LN * 8 * SCRYPT_P is at most 2^20.",
    ),
  ];
}
