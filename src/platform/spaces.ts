/**
 * Removes the spaces around a text, and the invisible characters that pasted text often has there: no-break spaces,
 * zero-width spaces, and marks of the writing direction. Keeps the invisible tag characters at the end of some flag
 * emoji, such as Scotland's.
 */
export function withoutSpacesAround(text: string): string {
  const characters = [...text];
  const isVisible = (character: string) => !/^(?![\u{e0020}-\u{e007f}])[\s\p{Cf}]/u.test(character);
  return characters.slice(characters.findIndex(isVisible), characters.findLastIndex(isVisible) + 1).join("");
}
