/**
 * A text as it is compared with words and lists: compatibility forms and case do not matter (Unicode UAX #15,
 * NFKC). Never what is hashed.
 */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}
