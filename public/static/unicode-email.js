/** Email addresses as people read them. The API returns international domains in their ASCII form. */

// The parameters of Punycode (RFC 3492 §5).
const DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789";
const BASE = DIGITS.length;
const LEAST_THRESHOLD = 1;
const MOST_THRESHOLD = 26;
const SKEW = 38;
const DAMP = 700;
const FIRST_BIAS = 72;
const FIRST_CODE_POINT = 128;

/**
 * The address with its domain in Unicode.
 * @param {string} email
 */
export function unicodeEmail(email) {
  const start = email.lastIndexOf("@") + 1;
  return email.slice(0, start) + email.slice(start).split(".").map(unicodeLabel).join(".");
}

/** @param {string} label */
function unicodeLabel(label) {
  if (!label.startsWith("xn--")) {
    return label;
  }
  try {
    return decode(label.slice("xn--".length));
  } catch {
    // The label is not Punycode. It stays as it is.
    return label;
  }
}

/**
 * Decodes Punycode (RFC 3492 §6.2). The ASCII characters come first. Each number after them inserts one character. The
 * number says how far the code point and the position have moved since the previous character.
 * @param {string} text
 */
function decode(text) {
  const end = text.lastIndexOf("-");
  const characters = [...text.slice(0, Math.max(end, 0))];
  let next = end + 1;
  let codePoint = FIRST_CODE_POINT;
  let place = 0;
  let bias = FIRST_BIAS;
  while (next < text.length) {
    const before = place;
    let weight = 1;
    let threshold = 0;
    let digit = 0;
    for (let step = BASE; digit >= threshold; step += BASE) {
      digit = DIGITS.indexOf(text.charAt(next));
      next += 1;
      place += digit * weight;
      threshold = Math.min(Math.max(step - bias, LEAST_THRESHOLD), MOST_THRESHOLD);
      weight *= BASE - threshold;
    }
    const length = characters.length + 1;
    bias = adaptedBias(place - before, length, before === 0);
    codePoint += Math.floor(place / length);
    place %= length;
    characters.splice(place, 0, String.fromCodePoint(codePoint));
    place += 1;
  }
  return characters.join("");
}

/**
 * The bias for the next number (RFC 3492 §6.1).
 * @param {number} moved
 * @param {number} length
 * @param {boolean} isFirst
 */
function adaptedBias(moved, length, isFirst) {
  let delta = Math.floor(moved / (isFirst ? DAMP : 2));
  delta += Math.floor(delta / length);
  let step = 0;
  while (delta > ((BASE - LEAST_THRESHOLD) * MOST_THRESHOLD) / 2) {
    delta = Math.floor(delta / (BASE - LEAST_THRESHOLD));
    step += BASE;
  }
  return step + Math.floor(((BASE - LEAST_THRESHOLD + 1) * delta) / (delta + SKEW));
}
