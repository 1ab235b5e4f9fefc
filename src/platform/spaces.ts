/**
 * A text without the spaces around it. Pasted text also brings along invisible characters: no-break spaces,
 * zero-width spaces, and marks of the writing direction. The tags at the end of a flag, such as Scotland's, are part of
 * what one sees.
 */
export function withoutSpacesAround(text: string): string {
  const characters = [...text];
  const isVisible = (character: string) => !/^(?![\u{e0020}-\u{e007f}])[\s\p{Cf}]/u.test(character);
  return characters.slice(characters.findIndex(isVisible), characters.findLastIndex(isVisible) + 1).join("");
}
