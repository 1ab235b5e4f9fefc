/**
 * A text without the spaces around it. Pasted text also brings along characters that nobody sees: no-break spaces,
 * zero-width spaces, and marks of the writing direction.
 */
export function withoutSpacesAround(text: string): string {
  const characters = [...text];
  const isVisible = (character: string) => !/[\s\p{Cf}]/u.test(character);
  return characters.slice(characters.findIndex(isVisible), characters.findLastIndex(isVisible) + 1).join("");
}
