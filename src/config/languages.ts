/**
 * The languages of emails and pages, and how to choose one. To add a language, add it here. The compiler then reports
 * what is missing: the emails in `mail/messages/`, and the pages in `features/pages/words/`.
 */

/** BCP 47 tags in lower case. */
export const SUPPORTED_LOCALES = ["en", "de"] as const;

export type Locale = (typeof SUPPORTED_LOCALES)[number];

const FALLBACK: Locale = "en";

/** One element of `Accept-Language`: a language range (RFC 4647 §2.1) and its weight (RFC 9110 §12.4.2). */
const ELEMENT = /^(\*|[a-z]{1,8}(?:-[a-z0-9]{1,8}){0,8})(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/;

/**
 * The language that an `Accept-Language` header asks for (RFC 9110 §12.5.4), by lookup (RFC 4647 §3.4): `de-AT` matches
 * `de`, and a weight of 0 excludes a language. English if none of the supported languages matches.
 */
export function chooseLocale(acceptLanguage: string | undefined): Locale {
  const ranges = (acceptLanguage ?? "")
    .toLowerCase()
    .split(",")
    .flatMap((element) => {
      const [, range, weight = "1"] = ELEMENT.exec(element.trim()) ?? [];
      return range === undefined ? [] : [{ range, weight: Number(weight) }];
    })
    .toSorted((one, other) => other.weight - one.weight);
  const named = new Set(ranges.map(({ range }) => range));
  const refused = new Set(ranges.filter(({ weight }) => weight === 0).map(({ range }) => range));
  for (const { range, weight } of ranges) {
    if (weight === 0) break;
    // The asterisk matches every language that the header does not name.
    const found =
      range === "*"
        ? SUPPORTED_LOCALES.find((locale) => !named.has(locale))
        : truncations(range)
            .map(findLocale)
            .find((locale) => locale !== undefined && !refused.has(locale));
    if (found !== undefined) return found;
  }
  return FALLBACK;
}

/** The language of a stored tag; English if the language is not supported. */
export function readLocale(tag: string): Locale {
  return findLocale(tag) ?? FALLBACK;
}

/** A time for an email, in UTC and labeled as UTC, because the reader's time zone is unknown. */
export function formatTime(milliseconds: number, locale: Locale): string {
  const moment = new Date(milliseconds);
  // International English, with the day first.
  const language = locale === "en" ? "en-GB" : locale;
  const day = new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" }).format(moment);
  return `${day}, ${moment.toISOString().slice(11, 16)} UTC`;
}

/** A number of days in words: `1 day`, `30 Tage`. */
export function formatDays(days: number, locale: Locale): string {
  return new Intl.NumberFormat(locale, { style: "unit", unit: "day", unitDisplay: "long" }).format(days);
}

/** The language with this tag; `undefined` if it is not supported. */
export function findLocale(tag: string): Locale | undefined {
  return SUPPORTED_LOCALES.find((locale) => locale === tag);
}

/** A language range and its prefixes, longest first: `de-ch-1996`, `de-ch`, `de`. */
function truncations(range: string): string[] {
  const subtags = range.split("-");
  return subtags.map((_, index) => subtags.slice(0, subtags.length - index).join("-"));
}
