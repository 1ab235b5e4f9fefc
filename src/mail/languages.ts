export const SUPPORTED_LOCALES = ["en", "de"] as const;
export type Locale = (typeof SUPPORTED_LOCALES)[number];
export function chooseLocale(acceptLanguage: string | undefined): Locale {
  return acceptLanguage?.startsWith("de") ? "de" : "en";
}
