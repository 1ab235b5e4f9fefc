/** Semantic Versioning 2.0.0, without build metadata: neither Postern's tags nor its package have any. */
const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-z-][0-9a-z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-z-][0-9a-z-]*))*))?$/i;

export function isVersion(text: string): boolean {
  return VERSION.test(text);
}

/** Negative if `left` comes before `right` (§11). A pre-release comes before its version. */
export function compareVersions(left: string, right: string): number {
  const [one, other] = [partsOf(left), partsOf(right)];
  const numbers = one.numbers.map((number, index) => number - (other.numbers[index] ?? 0)).find((sign) => sign !== 0);
  if (numbers !== undefined) return numbers;
  if (one.identifiers.length === 0 || other.identifiers.length === 0) {
    return other.identifiers.length - one.identifiers.length;
  }
  const longest = Math.max(one.identifiers.length, other.identifiers.length);
  for (let index = 0; index < longest; index++) {
    const sign = compareIdentifiers(one.identifiers[index], other.identifiers[index]);
    if (sign !== 0) return sign;
  }
  return 0;
}

function partsOf(version: string) {
  const [, major, minor, patch, preRelease] = VERSION.exec(version) ?? [];
  return { numbers: [major, minor, patch].map(Number), identifiers: preRelease?.split(".") ?? [] };
}

/** Numbers come before words, and a missing identifier comes before all others. */
function compareIdentifiers(left: string | undefined, right: string | undefined): number {
  if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
  const [isNumber, isOtherNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (isNumber && isOtherNumber) return Number(left) - Number(right);
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  return left === right ? 0 : left < right ? -1 : 1;
}
