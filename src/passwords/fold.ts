/**
 * The form of a text that is compared with words and lists: it ignores compatibility forms and case (Unicode UAX #15,
 * NFKC). Never the form that is hashed.
 */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}
